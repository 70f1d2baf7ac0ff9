"""Ticket types, holds, and what an organizer chooses about a sale."""

from alembic import op

revision = "0004"
down_revision = "0003"

# A purchase writes rows whose event and type it has locked, for a user who is signed in: checking that again, by one
# query for each row and reference, was a quarter of its cost (docs/adr/0004-tickets-without-foreign-keys.md).
UP = """
ALTER TABLE events
    ADD payment text NOT NULL DEFAULT 'instant' CHECK (payment IN ('instant', 'organizer_confirms')),
    ADD hold_hours integer NOT NULL DEFAULT 168 CHECK (hold_hours > 0),
    ADD offer_hours integer NOT NULL DEFAULT 24 CHECK (offer_hours > 0),
    ADD returns_until timestamptz,
    ADD due_at timestamptz,
    DROP CONSTRAINT events_status_check,
    ADD CONSTRAINT events_status_check CHECK (status IN ('draft', 'published', 'cancelled'));
CREATE INDEX events_due ON events (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE ticket_types (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id bigint NOT NULL REFERENCES events,
    rev bigint NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    price numeric(12, 4) NOT NULL CHECK (price >= 0),
    places integer CHECK (places > 0),
    sold integer NOT NULL DEFAULT 0 CHECK (sold >= 0),
    held integer NOT NULL DEFAULT 0 CHECK (held >= 0),
    sale_opens_at timestamptz,
    sale_closes_at timestamptz,
    hidden_until timestamptz,
    per_attendee_limit integer NOT NULL DEFAULT 1 CHECK (per_attendee_limit > 0),
    position integer NOT NULL,
    general boolean NOT NULL DEFAULT false,
    archived boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT type_never_oversold CHECK (sold + held <= places)
);
CREATE INDEX ticket_types_event ON ticket_types (event_id, position, id);
INSERT INTO ticket_types (event_id, rev, name, description, price, sold, held, position, general)
    SELECT id, rev, 'General admission', '', price, sold, held, 1, true FROM events;

ALTER TABLE tickets
    ADD ticket_type_id bigint,
    ADD purchase_id bigint,
    ADD nth integer NOT NULL DEFAULT 1 CHECK (nth > 0),
    ADD held_until timestamptz,
    ADD cancelled_at timestamptz,
    ADD cancelled_by bigint,
    ADD cancel_reason text,
    ADD used_at timestamptz,
    ADD used_by bigint,
    DROP CONSTRAINT tickets_status_check,
    ADD CONSTRAINT tickets_status_check CHECK (status IN ('held', 'sold', 'used', 'lapsed', 'cancelled')),
    ADD CONSTRAINT held_has_a_deadline CHECK (status <> 'held' OR held_until IS NOT NULL);
UPDATE tickets t SET purchase_id = t.id, ticket_type_id = k.id FROM ticket_types k WHERE k.event_id = t.event_id;
ALTER TABLE tickets
    ALTER ticket_type_id SET NOT NULL,
    ALTER purchase_id SET NOT NULL,
    ALTER nth DROP DEFAULT;

UPDATE idempotency_keys SET outcome = jsonb_build_object('status', outcome->'status', 'tickets',
        jsonb_build_array(jsonb_build_array(outcome->'ticket_number', outcome->'code')))
    WHERE outcome->'ticket_number' IS NOT NULL;

ALTER TABLE tickets DROP CONSTRAINT tickets_event_id_fkey, DROP CONSTRAINT tickets_attendee_id_fkey;
ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_user_id_fkey;

DROP INDEX one_live_ticket;
CREATE UNIQUE INDEX one_live_ticket ON tickets (event_id, attendee_id, ticket_type_id, nth)
    WHERE status IN ('held', 'sold', 'used');
CREATE INDEX tickets_held ON tickets (event_id, held_until) WHERE status = 'held';
CREATE INDEX tickets_event ON tickets (event_id, id);
"""


def upgrade() -> None:
    for statement in UP.strip().split(";\n"):
        op.execute(statement)
