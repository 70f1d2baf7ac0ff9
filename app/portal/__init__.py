"""The pages: their contents page."""

from litestar import Router

from app.portal import accounts, events, media, projects, styleguide, tickets
from app.portal.flash import FlashMessages

portal = Router(
    "/",
    route_handlers=[
        *accounts.routes,
        *events.routes,
        *media.routes,
        *projects.routes,
        *styleguide.routes,
        *tickets.routes,
    ],
    middleware=[FlashMessages()],
    include_in_schema=False,
)
