"""Places are kept of every type that a group waits for, not of one alone."""

from alembic import op

revision = "0014"
down_revision = "0013"

UP = """
DROP INDEX waiting_kept;
ALTER TABLE waiting_list
    DROP CONSTRAINT waiting_list_check,
    DROP CONSTRAINT offers_are_whole,
    DROP CONSTRAINT kept_while_waiting,
    ALTER kept DROP DEFAULT,
    ALTER kept TYPE jsonb USING CASE kept WHEN 0 THEN '{}' ELSE jsonb_build_object(offered_type_id, kept) END,
    ALTER kept SET DEFAULT '{}',
    ADD CONSTRAINT offers_are_whole
        CHECK (status <> 'offered' OR (offered_type_id IS NOT NULL AND offer_until IS NOT NULL)),
    ADD CONSTRAINT kept_while_waiting CHECK (kept = '{}' OR status = 'waiting');
UPDATE waiting_list SET offered_type_id = NULL WHERE status = 'waiting';
CREATE INDEX waiting_kept ON waiting_list (event_id) WHERE kept <> '{}';
"""


def upgrade() -> None:
    for statement in UP.strip().split(";\n"):
        op.execute(statement)
