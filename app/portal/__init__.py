"""The pages: their contents page."""

from litestar import Router

from app.portal import media

portal = Router("/", route_handlers=[*media.routes], include_in_schema=False)
