"""An example for every struct of the API: the same field looks the same wherever it appears."""

from typing import Any

from litestar.openapi.spec import OpenAPI, Reference, Schema

SUBMISSION = "01990f0a-2f6e-7a52-9d1c-5b8f3f0d6a11"

FIELDS: dict[str, Any] = {
    "answer": {"metadata_id": 7},
    "api_key": "es_4f1d2c9ab03e_d2b1...",
    "availability": {"capacity": 120, "sold": 41, "held": 0, "left": 79},
    "at": "2031-01-10T09:30:00.120000Z",
    "bio": "We have carried lanterns since 2009.",
    "bought_at": "2031-02-01T12:00:00Z",
    "by_status": {"sold": 41},
    "bytes": 184213,
    "capacity": 120,
    "code": "VN2FCD5HGFMR",
    "company_name": "Moss & Daughters",
    "content_type": "image/webp",
    "created_at": "2031-01-10T09:30:00Z",
    "accepted_at": "2031-01-10T09:30:00.008000Z",
    "currency": "EUR",
    "current": True,
    "date": "2031-07-04",
    "description": "One long evening, eleven boats.",
    "detail": "Please check: capacity.",
    "email": "ada@example.org",
    "end_time": "2031-07-05T02:00:00+02:00",
    "engines": {"database": {"state": "ok", "error": None}},
    "error": None,
    "errors": [{"field": "capacity", "message": "must be a whole number from 1 to 1,000,000"}],
    "event_id": 12,
    "fan_out": {"postgres": "stored", "mongo": "stored", "s3": "stored"},
    "field": "capacity",
    "full_name": "Ada Moss",
    "held": 0,
    "height": 675,
    "images": ["poster.jpg"],
    "items": [],
    "key_id": 3,
    "kind": "ProjectSubmitted",
    "lag": {"upload-event": 0},
    "last_seen_at": "2031-02-01T12:00:00Z",
    "last_used_at": "2031-02-01T12:00:00Z",
    "left": 79,
    "location": "Lychen",
    "media": [],
    "media_file": ["poster.jpg"],
    "media_files": [],
    "media_id": 34,
    "message": "must be a whole number from 1 to 1,000,000",
    "metadata": [{"metadata_id": 7, "type": "poster", "tags": ["lake", "lanterns"]}],
    "metadata_id": 7,
    "name": "box office",
    "next_cursor": "MTI",
    "on_sale": True,
    "organizer_id": 1,
    "password": "seven lanterns",
    "picture": "/media/events/12/34.webp",
    "position": 3,
    "prefix": "4f1d2c9ab03e",
    "price": "24.50",
    "request_id": "01990f0a2f6e7a529d1c5b8f3f0d6a11",
    "restarts": 0,
    "rev": 31,
    "role": "organizer",
    "s3_key": "events/12/34.webp",
    "scopes": ["read", "write"],
    "session_id": 14,
    "sold": 41,
    "start_time": "2031-07-04T18:00:00+02:00",
    "state": "stored",
    "status": "published",
    "stores": {"postgres": {"state": "stored", "error": None, "at": "2031-01-10T09:30:00.120000Z"}},
    "submission_id": SUBMISSION,
    "success": "Data found",
    "tags": ["lake", "lanterns"],
    "tasks": {"eventstream-postgres": {"state": "running", "restarts": 0, "error": None, "lag": {"upload-event": 0}}},
    "ticket_number": 41,
    "tickets": {"total": 41, "by_status": {"sold": 41}},
    "timezone": "Europe/Berlin",
    "title": "Lanterns on the Lake",
    "total": 41,
    "type": "poster",
    "uploaded_by": 5,
    "url": "/media/events/12/34.webp",
    "user_id": 5,
    "waitlist": {"total": 0, "by_status": {}},
    "waitlist_id": 9,
    "width": 1200,
}

STRUCTS: dict[str, dict[str, Any]] = {
    "Attendee": {"status": "sold", "full_name": "Bo Reed", "email": "bo@example.org"},
    "CopyIn": {"start_time": "2032-07-02T18:00", "title": "Lanterns on the Lake 2032", "status": "draft"},
    "CopyPlan": {
        "status": "draft",
        "old_date": "2031-07-04",
        "new_date": "2032-07-02",
        "copied": [{"what": "pictures", "count": 2}],
        "shifted": [{"what": "start_time", "before": "2031-07-04T16:00:00Z", "after": "2032-07-02T16:00:00Z"}],
        "dropped": [{"what": "tickets", "count": 41}],
    },
    "Part": {"what": "pictures", "count": 2},
    "Shift": {"what": "start_time", "before": "2031-07-04T16:00:00Z", "after": "2032-07-02T16:00:00Z"},
    "Attention": {"kind": "ending", "count": 79, "at": "2031-07-05T00:00:00Z", "submission_id": None},
    "Dashboard": {"last_sales": [], "attention": []},
    "EventRow": {"money": {"EUR": "1004.50"}},
    "LastSale": {"status": "sold"},
    "Sales": {"money": {"EUR": "1004.50"}, "spans": []},
    "SalesSpan": {"first": "2031-02-01", "last": "2031-02-01", "money": {"EUR": "98.00"}},
    "Totals": {"events": 3, "coming": 1, "money": {"EUR": "1004.50"}},
    "EventAccepted": {"success": "New event details sent to kafka"},
    "Joined": {"success": "Subscribed to waiting list"},
    "KeyCreated": {"success": "API key created"},
    "MediaRemoved": {"success": "Removal of media sent to kafka"},
    "MediaStored": {"success": "Media uploaded"},
    "MetadataAccepted": {"success": "New metadata details sent to kafka"},
    "Problem": {"type": "urn:eventstream:problem:invalid", "title": "Some fields need your attention", "status": 422},
    "Readiness": {"status": "ok"},
    "SignedIn": {"success": "Signed in"},
    "SignedOut": {"message": "Logged Out"},
    "SignedUp": {"success": "Signed up"},
    "TaskHealth": {"state": "running"},
    "TicketBought": {"success": "Ticket purchased!", "status": "sold"},
    "TicketView": {"status": "sold"},
}


def add_examples(document: OpenAPI) -> None:
    """Raises `KeyError` with the name of a field nobody has given an example."""
    schemas = document.components.schemas if document.components else {}
    for name, schema in (schemas or {}).items():
        schema.examples = [example(schemas, name)]


def example(schemas: dict[str, Schema], name: str) -> dict[str, Any]:
    own, found = STRUCTS.get(name, {}), {}
    for field, kind in (schemas[name].properties or {}).items():
        if isinstance(kind, Reference):
            found[field] = example(schemas, kind.ref.rsplit("/", 1)[-1])
        else:
            found[field] = own[field] if field in own else FIELDS[field]
    return found
