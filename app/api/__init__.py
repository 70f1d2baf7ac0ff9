"""The JSON API under `/api/v1`: its contents page."""

from litestar import Router

from app.api import (
    account_deletion,
    accounts,
    api_keys,
    attendees,
    cancelling,
    copies,
    dashboard,
    door,
    events,
    holds,
    media,
    metadata,
    passwords,
    profile,
    projects,
    sessions,
    submissions,
    ticket_page,
    ticket_types,
    tickets,
    waiting_list,
)
from app.api.body import ApiRequest

BODY_BYTES = 1_000_000

api = Router(
    "/api/v1",
    route_handlers=[
        *account_deletion.routes,
        *accounts.routes,
        *api_keys.routes,
        *attendees.routes,
        *cancelling.routes,
        *copies.routes,
        *dashboard.routes,
        *door.routes,
        *events.routes,
        *holds.routes,
        *media.routes,
        *metadata.routes,
        *passwords.routes,
        *profile.routes,
        *projects.routes,
        *sessions.routes,
        *submissions.routes,
        *ticket_page.routes,
        *ticket_types.routes,
        *tickets.routes,
        *waiting_list.routes,
    ],
    request_class=ApiRequest,
    request_max_body_size=BODY_BYTES,
)
