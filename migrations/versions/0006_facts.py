"""Facts get numbers without gaps; events are cancelled by a job that can be resumed."""

from alembic import op

revision = "0006"
down_revision = "0005"

# Nobody looks a fact up by its id: it only orders what happened under the lock of one event.
UP = """
ALTER TABLE facts ADD seq bigint, DROP CONSTRAINT facts_pkey;
CREATE UNIQUE INDEX facts_seq ON facts (seq);
CREATE INDEX facts_unnumbered ON facts (id) WHERE seq IS NULL;

CREATE TABLE fact_counter (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    numbered bigint NOT NULL DEFAULT 0,
    published bigint NOT NULL DEFAULT 0
);
INSERT INTO fact_counter DEFAULT VALUES;

CREATE TABLE cancellations (
    event_id bigint PRIMARY KEY REFERENCES events,
    by bigint NOT NULL,
    reason text NOT NULL,
    tickets_total integer NOT NULL,
    tickets_done integer NOT NULL DEFAULT 0,
    waiters_total integer NOT NULL,
    waiters_done integer NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX cancellations_under_way ON cancellations (event_id) WHERE finished_at IS NULL;
"""


def upgrade() -> None:
    for statement in UP.strip().split(";\n"):
        op.execute(statement)
