"""What an organizer looks at while an event sells: the sales of each day, and attendees found by words."""

from alembic import op

revision = "0010"
down_revision = "0009"

UP = r"""
CREATE TABLE sales_days (
    event_id bigint NOT NULL REFERENCES events,
    ticket_type_id bigint NOT NULL REFERENCES ticket_types,
    day date NOT NULL,
    currency text NOT NULL,
    sold integer NOT NULL,
    money numeric(16, 4) NOT NULL,
    PRIMARY KEY (event_id, day, ticket_type_id, currency)
);

CREATE FUNCTION count_sales() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sales_days AS d (event_id, ticket_type_id, day, currency, sold, money)
    SELECT t.event_id, t.ticket_type_id, (t.created_at AT TIME ZONE e.timezone)::date, t.currency, count(*),
           sum(t.price)
    FROM added t JOIN events e ON e.id = t.event_id WHERE t.status IN ('sold', 'used') GROUP BY 1, 2, 3, 4
    ON CONFLICT (event_id, day, ticket_type_id, currency) DO UPDATE
    SET sold = d.sold + excluded.sold, money = d.money + excluded.money;
    RETURN NULL;
END $$;
CREATE FUNCTION recount_sales() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sales_days AS d (event_id, ticket_type_id, day, currency, sold, money)
    SELECT t.event_id, t.ticket_type_id, (t.created_at AT TIME ZONE e.timezone)::date, t.currency, sum(t.sign),
           sum(t.sign * t.price)
    FROM (SELECT added.*, 1 AS sign FROM added UNION ALL SELECT removed.*, -1 FROM removed) AS t
    JOIN events e ON e.id = t.event_id WHERE t.status IN ('sold', 'used')
    GROUP BY 1, 2, 3, 4 HAVING sum(t.sign) <> 0 OR sum(t.sign * t.price) <> 0
    ON CONFLICT (event_id, day, ticket_type_id, currency) DO UPDATE
    SET sold = d.sold + excluded.sold, money = d.money + excluded.money;
    RETURN NULL;
END $$;
CREATE TRIGGER count_sales_of_new_tickets AFTER INSERT ON tickets
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_sales();
CREATE TRIGGER count_sales_of_changed_tickets AFTER UPDATE ON tickets
    REFERENCING NEW TABLE AS added OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION recount_sales();
INSERT INTO sales_days (event_id, ticket_type_id, day, currency, sold, money)
SELECT t.event_id, t.ticket_type_id, (t.created_at AT TIME ZONE e.timezone)::date, t.currency, count(*), sum(t.price)
FROM tickets t JOIN events e ON e.id = t.event_id WHERE t.status IN ('sold', 'used') GROUP BY 1, 2, 3, 4;

CREATE INDEX tickets_not_sold ON tickets (event_id, status, id) WHERE status <> 'sold';

CREATE FUNCTION search_words(given text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN array_remove(
    regexp_split_to_array(
        regexp_replace(lower(normalize(given, NFKD)), '[\u0300-\u036f]+', '', 'g'), '[^[:alnum:]]+'), '');
CREATE FUNCTION person_words(full_name text, email text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN array_to_tsvector(search_words(full_name || ' ' || email));
CREATE FUNCTION words_beginning(given text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT string_agg(quote_literal(word) || ':*', ' & ')
            FROM unnest(search_words(given)) AS word)::tsquery;
ALTER TABLE users ADD words tsvector GENERATED ALWAYS AS (person_words(full_name, email)) STORED;
"""


def upgrade() -> None:
    """Statements end with a line that ends in `;`, but inside a function's body."""
    statement = ""
    for line in UP.splitlines(keepends=True):
        statement += line
        if line.endswith(";\n") and statement.count("$$") % 2 == 0:
            op.execute(statement)
            statement = ""
