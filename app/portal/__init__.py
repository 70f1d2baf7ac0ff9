"""The pages: their contents page."""

from litestar import Router

from app.portal import (
    accounts,
    attendees,
    cancellations,
    copies,
    dashboard,
    door_list,
    events,
    holds,
    media,
    projects,
    styleguide,
    tickets,
    waiting_people,
    workspace,
)
from app.portal.flash import FlashMessages

portal = Router(
    "/",
    route_handlers=[
        *accounts.routes,
        *attendees.routes,
        *cancellations.routes,
        *copies.routes,
        *dashboard.routes,
        *door_list.routes,
        *events.routes,
        *holds.routes,
        *media.routes,
        *projects.routes,
        *styleguide.routes,
        *tickets.routes,
        *waiting_people.routes,
        *workspace.routes,
    ],
    middleware=[FlashMessages()],
    include_in_schema=False,
)
