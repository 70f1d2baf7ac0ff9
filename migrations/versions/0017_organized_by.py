"""By whom and under which tags an event is announced, where its page and the catalogue's search read them."""

from alembic import op

revision = "0017"
down_revision = "0016"

UP = r"""
ALTER TABLE events ADD COLUMN organized_by text, ADD COLUMN tags text NOT NULL DEFAULT '';
CREATE INDEX events_words_and_tags ON events
    USING gin (words(title || ' ' || location || ' ' || description || ' ' || tags)) WHERE status = 'published';
DROP INDEX events_words;
ALTER INDEX events_words_and_tags RENAME TO events_words;
"""


def upgrade() -> None:
    for statement in UP.strip().split(";\n"):
        op.execute(statement)
