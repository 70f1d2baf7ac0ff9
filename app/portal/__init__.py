"""The pages: their contents page."""

from litestar import Router

from app.portal import (
    account_deletion,
    accounts,
    api_keys,
    events,
    media,
    passwords,
    profile,
    projects,
    sessions,
    styleguide,
    ticket_page,
    tickets,
    waiting_list,
)
from app.portal.flash import FlashMessages

portal = Router(
    "/",
    route_handlers=[
        *account_deletion.routes,
        *accounts.routes,
        *api_keys.routes,
        *events.routes,
        *media.routes,
        *passwords.routes,
        *profile.routes,
        *projects.routes,
        *sessions.routes,
        *styleguide.routes,
        *ticket_page.routes,
        *tickets.routes,
        *waiting_list.routes,
    ],
    middleware=[FlashMessages()],
    include_in_schema=False,
)
