"""Many attendees at once: accounts and sessions straight into the database, since signing up is not what is tested."""

import hashlib

import asyncpg


async def crowd(connection: asyncpg.Connection, name: str, count: int, role: str = "attendee") -> list[str]:
    """`count` people who are signed in; their session ids."""
    sessions = [f"{name}-{number}" for number in range(count)]
    await connection.execute(
        """WITH people AS (
               INSERT INTO users (email, full_name, password_hash, role)
               SELECT n || '@crowd.example', n, 'x', $3 FROM unnest($1::text[]) AS n RETURNING id, full_name
           ), organizing AS (
               INSERT INTO organizers (user_id, company_name) SELECT id, full_name FROM people WHERE $3 = 'organizer'
           )
           INSERT INTO sessions (id_hash, user_id)
           SELECT h, id FROM unnest($1::text[], $2::bytea[]) AS s (n, h) JOIN people ON people.full_name = s.n""",
        sessions,
        [hashlib.sha256(one.encode()).digest() for one in sessions],
        role,
    )
    return sessions
