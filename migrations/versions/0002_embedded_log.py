"""The embedded log: topics with partitions, gapless offsets and consumer groups; and its leases."""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = """
CREATE TABLE log_partitions (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition)
);

CREATE TABLE log_records (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    key text NOT NULL,
    value bytea NOT NULL,
    headers jsonb NOT NULL,
    appended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, partition, "offset")
);

CREATE TABLE log_commits (
    "group" text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY ("group", topic, partition)
);

CREATE TABLE leases (
    name text PRIMARY KEY,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    until timestamptz NOT NULL
);
"""

# The partition counters are locked in one order and held until commit, so that offsets are gapless
# and become visible in order: a reader that has seen offset n has seen everything before it.
APPEND = """
CREATE FUNCTION log_append(topics text[], partitions integer[], keys text[], "values" bytea[], headers text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    added bigint;
BEGIN
    PERFORM 1 FROM log_partitions AS counter
    JOIN (SELECT DISTINCT t, p FROM unnest(topics, partitions) AS wanted (t, p)) AS wanted
      ON counter.topic = wanted.t AND counter.partition = wanted.p
    ORDER BY counter.topic, counter.partition FOR UPDATE OF counter;

    WITH incoming AS (
        SELECT t, p, k, v, h, row_number() OVER (PARTITION BY t, p ORDER BY n) AS place
        FROM unnest(topics, partitions, keys, "values", headers) WITH ORDINALITY AS r (t, p, k, v, h, n)
    ), moved AS (
        UPDATE log_partitions AS counter SET next_offset = counter.next_offset + added.count
        FROM (SELECT t, p, count(*) AS count FROM incoming GROUP BY t, p) AS added
        WHERE counter.topic = added.t AND counter.partition = added.p
        RETURNING counter.topic, counter.partition, counter.next_offset - added.count AS first
    )
    INSERT INTO log_records (topic, partition, "offset", key, value, headers)
    SELECT t, p, moved.first + place - 1, k, v, h::jsonb
    FROM incoming JOIN moved ON moved.topic = t AND moved.partition = p;

    GET DIAGNOSTICS added = ROW_COUNT;
    IF added <> cardinality(topics) THEN
        RAISE EXCEPTION 'a partition of the log is missing; nothing was appended';
    END IF;

    PERFORM pg_notify('log_appended', topic) FROM (SELECT DISTINCT unnest(topics) AS topic) AS touched;
END
$$
"""


def upgrade() -> None:
    for statement in TABLES.strip().split(";\n"):
        op.execute(statement)
    op.execute(APPEND)
