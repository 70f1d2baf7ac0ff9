"""Timezones that an event may have."""

from app.domain.zones import ZONES, zone_or_none
from app.engines.database import Database


async def test_postgres_knows_every_zone_that_an_event_may_have(database: Database) -> None:
    async with database.connection() as connection:
        assert len(ZONES) > 400
        await connection.execute("SELECT now() AT TIME ZONE name FROM unnest($1::text[]) AS name", list(ZONES))


def test_what_is_no_name_of_a_zone() -> None:
    for name in ("", "localtime", "posix/Europe/Berlin", "Europe", "../etc/passwd", "Mars/Olympus", "Europe/Berlin\0"):
        assert zone_or_none(name) is None
