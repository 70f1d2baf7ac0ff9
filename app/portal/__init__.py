"""The pages: their contents page."""

from litestar import Router
from litestar.config.compression import CompressionConfig
from litestar.middleware import DefineMiddleware
from litestar.middleware.compression import CompressionMiddleware

from app.portal import (
    account_deletion,
    accounts,
    api_keys,
    attendees,
    cancellations,
    catalogue,
    copies,
    dashboard,
    door_list,
    draft_pictures,
    drafts,
    event_media,
    event_settings,
    events,
    holds,
    media,
    passwords,
    profile,
    projects,
    sessions,
    styleguide,
    submissions,
    ticket_page,
    ticket_types,
    tickets,
    waiting_list,
    waiting_people,
    workspace,
)
from app.portal.flash import FlashMessages

# Text is packed, quickly rather than tightly; pictures are as small as they get, and have ranges.
packed = DefineMiddleware(
    CompressionMiddleware, config=CompressionConfig(backend="gzip", gzip_compress_level=4, exclude="^/media/")
)

portal = Router(
    "/",
    route_handlers=[
        *account_deletion.routes,
        *accounts.routes,
        *api_keys.routes,
        *attendees.routes,
        *cancellations.routes,
        *catalogue.routes,
        *copies.routes,
        *dashboard.routes,
        *door_list.routes,
        *draft_pictures.routes,
        *drafts.routes,
        *event_media.routes,
        *event_settings.routes,
        *events.routes,
        *holds.routes,
        *media.routes,
        *passwords.routes,
        *profile.routes,
        *projects.routes,
        *sessions.routes,
        *styleguide.routes,
        *submissions.routes,
        *ticket_page.routes,
        *ticket_types.routes,
        *tickets.routes,
        *waiting_list.routes,
        *waiting_people.routes,
        *workspace.routes,
    ],
    middleware=[FlashMessages(), packed],
    include_in_schema=False,
)
