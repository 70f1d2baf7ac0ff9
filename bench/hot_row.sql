-- The classic way to sell from one counter: PostgreSQL's own speed on a row that everybody wants.
\set attendee random(1, 1000000000)
BEGIN;
UPDATE yardstick.event SET sold = sold + 1 WHERE id = 1 AND sold < capacity;
INSERT INTO yardstick.ticket (event_id, attendee_id) VALUES (1, :attendee);
COMMIT;
