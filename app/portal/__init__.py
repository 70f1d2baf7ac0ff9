"""The pages: their contents page."""

from litestar import Router

from app.portal import (
    accounts,
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
    projects,
    styleguide,
    submissions,
    ticket_types,
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
        *projects.routes,
        *styleguide.routes,
        *submissions.routes,
        *ticket_types.routes,
        *tickets.routes,
        *waiting_people.routes,
        *workspace.routes,
    ],
    middleware=[FlashMessages()],
    include_in_schema=False,
)
