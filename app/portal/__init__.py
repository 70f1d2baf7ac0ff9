"""The pages: their contents page."""

from litestar import Router

from app.portal import (
    accounts,
    catalogue,
    draft_pictures,
    drafts,
    events,
    media,
    projects,
    styleguide,
    submissions,
    tickets,
)
from app.portal.flash import FlashMessages

portal = Router(
    "/",
    route_handlers=[
        *accounts.routes,
        *catalogue.routes,
        *draft_pictures.routes,
        *drafts.routes,
        *events.routes,
        *media.routes,
        *projects.routes,
        *styleguide.routes,
        *submissions.routes,
        *tickets.routes,
    ],
    middleware=[FlashMessages()],
    include_in_schema=False,
)
