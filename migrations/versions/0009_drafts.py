"""Drafts of projects with their pictures; what people say about pictures."""

from alembic import op

revision = "0009"
down_revision = "0008"

UP = """
CREATE TABLE drafts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organizer_id bigint NOT NULL,
    typed jsonb NOT NULL,
    step text NOT NULL,
    rev integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    submission_id uuid
);
CREATE INDEX drafts_organizer ON drafts (organizer_id, updated_at);

CREATE TABLE draft_pictures (
    id bigint PRIMARY KEY,
    draft_id bigint NOT NULL,
    organizer_id bigint NOT NULL,
    name text NOT NULL,
    ready boolean NOT NULL DEFAULT false,
    alt text NOT NULL DEFAULT '',
    focal_x smallint NOT NULL DEFAULT 50 CHECK (focal_x BETWEEN 0 AND 100),
    focal_y smallint NOT NULL DEFAULT 50 CHECK (focal_y BETWEEN 0 AND 100),
    position integer NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX draft_pictures_draft ON draft_pictures (draft_id, position, id);
CREATE INDEX draft_pictures_doomed ON draft_pictures (changed_at) WHERE NOT ready;

ALTER TABLE media
    ADD COLUMN alt text NOT NULL DEFAULT '',
    ADD COLUMN focal_x smallint NOT NULL DEFAULT 50 CHECK (focal_x BETWEEN 0 AND 100),
    ADD COLUMN focal_y smallint NOT NULL DEFAULT 50 CHECK (focal_y BETWEEN 0 AND 100);
"""


def upgrade() -> None:
    for statement in UP.strip().split(";\n"):
        op.execute(statement)
