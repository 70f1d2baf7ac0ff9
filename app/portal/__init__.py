"""The pages: their contents page."""

from litestar import Router

from app.portal import accounts, events, media, projects, tickets

portal = Router(
    "/",
    route_handlers=[*accounts.routes, *events.routes, *media.routes, *projects.routes, *tickets.routes],
    include_in_schema=False,
)
