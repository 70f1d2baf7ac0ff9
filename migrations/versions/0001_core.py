"""Accounts, events, submissions, tickets, waiting list and facts."""

from alembic import op

revision = "0001"
down_revision = None

UP = """
CREATE SEQUENCE rev_seq AS bigint;
CREATE SEQUENCE event_id_seq AS bigint;
CREATE SEQUENCE metadata_id_seq AS bigint;
CREATE SEQUENCE media_id_seq AS bigint;

CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    full_name text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('attendee', 'organizer')),
    sign_up_key text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email ON users (lower(email));

CREATE TABLE organizers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL UNIQUE REFERENCES users ON DELETE CASCADE,
    company_name text NOT NULL,
    bio text
);

CREATE TABLE sessions (
    id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    id_hash bytea PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE api_keys (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    name text NOT NULL,
    prefix text NOT NULL UNIQUE,
    secret_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_keys_user ON api_keys (user_id, id);

CREATE TABLE rate_limit_windows (
    policy text NOT NULL,
    subject bytea NOT NULL,
    until timestamptz NOT NULL,
    hits integer NOT NULL,
    PRIMARY KEY (policy, subject)
);
CREATE INDEX rate_limit_windows_until ON rate_limit_windows (until);

CREATE TABLE idempotency_keys (
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    outcome jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

CREATE TABLE events (
    id bigint PRIMARY KEY,
    organizer_id bigint NOT NULL,
    rev bigint NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    location text NOT NULL,
    start_time timestamptz NOT NULL,
    end_time timestamptz NOT NULL,
    date date NOT NULL,
    price numeric(12, 4) NOT NULL CHECK (price >= 0),
    currency text NOT NULL,
    timezone text NOT NULL,
    status text NOT NULL CHECK (status IN ('draft', 'published')),
    capacity integer NOT NULL CHECK (capacity > 0),
    sold integer NOT NULL DEFAULT 0 CHECK (sold >= 0),
    held integer NOT NULL DEFAULT 0 CHECK (held >= 0),
    created_at timestamptz NOT NULL,
    CONSTRAINT never_oversold CHECK (sold + held <= capacity)
);
CREATE INDEX events_organizer ON events (organizer_id, id);
CREATE INDEX events_upcoming ON events (end_time, id) WHERE status = 'published';

CREATE TABLE event_metadata (
    id bigint PRIMARY KEY,
    event_id bigint NOT NULL,
    organizer_id bigint NOT NULL,
    rev bigint NOT NULL,
    deleted boolean NOT NULL DEFAULT false
);
CREATE INDEX event_metadata_event ON event_metadata (event_id, id);

CREATE TABLE media (
    id bigint PRIMARY KEY,
    event_id bigint,
    organizer_id bigint NOT NULL,
    rev bigint NOT NULL,
    s3_key text NOT NULL,
    content_type text NOT NULL,
    bytes bigint NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    position integer NOT NULL DEFAULT 0,
    deleted boolean NOT NULL DEFAULT false
);
CREATE INDEX media_event ON media (event_id, position, id);
CREATE UNIQUE INDEX media_key ON media (s3_key);

CREATE TABLE submissions (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    user_id bigint NOT NULL,
    organizer_id bigint NOT NULL,
    event_id bigint NOT NULL,
    rev bigint NOT NULL,
    idempotency_key text,
    request_hash bytea NOT NULL,
    message bytea NOT NULL,
    answer jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    accepted_at timestamptz
);
CREATE UNIQUE INDEX submissions_key ON submissions (user_id, idempotency_key);
CREATE INDEX submissions_event ON submissions (event_id, rev);
CREATE INDEX submissions_organizer ON submissions (organizer_id, rev);

CREATE TABLE submission_steps (
    message_id uuid NOT NULL,
    store text NOT NULL,
    state text NOT NULL CHECK (state IN ('retrying', 'stored', 'failed')),
    error text,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (message_id, store)
);

CREATE TABLE tickets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id bigint NOT NULL REFERENCES events,
    attendee_id bigint NOT NULL REFERENCES users,
    code text NOT NULL UNIQUE,
    status text NOT NULL CHECK (status IN ('held', 'sold', 'used', 'cancelled')),
    price numeric(12, 4) NOT NULL,
    currency text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX one_live_ticket ON tickets (event_id, attendee_id) WHERE status IN ('held', 'sold', 'used');
CREATE INDEX tickets_attendee ON tickets (attendee_id, id);

CREATE TABLE waiting_list (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id bigint NOT NULL REFERENCES events,
    attendee_id bigint NOT NULL REFERENCES users,
    status text NOT NULL CHECK (status IN ('waiting', 'left', 'served')),
    joined_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX waiting_once ON waiting_list (event_id, attendee_id) WHERE status = 'waiting';
CREATE INDEX waiting_order ON waiting_list (event_id, id) WHERE status = 'waiting';
CREATE INDEX waiting_attendee ON waiting_list (attendee_id, id);

CREATE TABLE facts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id bigint NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX facts_event ON facts (event_id, id);
"""


def upgrade() -> None:
    for statement in UP.strip().split(";\n"):
        op.execute(statement)
