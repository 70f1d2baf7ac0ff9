"""Waiting lists with quantities, offers, and the reasons why."""

from alembic import op

revision = "0005"
down_revision = "0004"

UP = """
ALTER TABLE waiting_list
    ADD quantity integer NOT NULL DEFAULT 1 CHECK (quantity > 0),
    ADD ticket_type_ids bigint[] NOT NULL DEFAULT '{}',
    ADD passed integer NOT NULL DEFAULT 0,
    ADD kept integer NOT NULL DEFAULT 0 CHECK (kept BETWEEN 0 AND quantity),
    ADD offered_type_id bigint REFERENCES ticket_types,
    ADD offer_until timestamptz,
    ADD ended_at timestamptz,
    DROP CONSTRAINT waiting_list_status_check,
    ADD CONSTRAINT waiting_list_status_check
        CHECK (status IN ('waiting', 'offered', 'served', 'declined', 'expired', 'left', 'closed')),
    ADD CONSTRAINT offers_are_whole
        CHECK (status <> 'offered' OR (offered_type_id IS NOT NULL AND offer_until IS NOT NULL AND kept = 0)),
    ADD CONSTRAINT kept_while_waiting CHECK (kept = 0 OR (status = 'waiting' AND offered_type_id IS NOT NULL));
DROP INDEX waiting_once;
CREATE UNIQUE INDEX waiting_once ON waiting_list (event_id, attendee_id) WHERE status IN ('waiting', 'offered');
CREATE INDEX waiting_offers ON waiting_list (event_id, offer_until) WHERE status = 'offered';
CREATE INDEX waiting_kept ON waiting_list (event_id) WHERE kept > 0;
CREATE INDEX waiting_event ON waiting_list (event_id, id);

CREATE TABLE waiting_list_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id bigint NOT NULL,
    waitlist_id bigint NOT NULL,
    what text NOT NULL,
    detail jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX waiting_list_log_entry ON waiting_list_log (waitlist_id, id);
CREATE INDEX waiting_list_log_event ON waiting_list_log (event_id, id);
"""


def upgrade() -> None:
    for statement in UP.strip().split(";\n"):
        op.execute(statement)
