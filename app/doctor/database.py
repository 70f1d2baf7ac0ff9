"""Checks of PostgreSQL: the server, our rights, and how sure its commits are."""

import datetime as dt
import time
from typing import Any

from app.doctor.verdicts import Verdict, note, ok, wrong
from app.engines.database import APPLICATION, is_newer, newest_migration
from app.parts import Parts

OLDEST, TESTED = 150_000, 180_000
SLOW_SECONDS, SKEW_SECONDS = 0.02, 2.0


async def fetch(parts: Parts, statement: str, *arguments: Any) -> Any:
    async with parts.database.connection() as connection:
        return await connection.fetchrow(statement, *arguments)


async def reach(parts: Parts) -> Verdict:
    if parts.database.pool is None:
        await parts.database.open()
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        await parts.database.ping()
        seconds.append(time.perf_counter() - began)
    told = f"answers in {min(seconds) * 1000:.1f} ms"
    if min(seconds) > SLOW_SECONDS:
        return note(told, "Every request waits for it several times: bring it nearer.")
    return ok(told)


async def version(parts: Parts) -> Verdict:
    (number, text, encoding) = await fetch(
        parts,
        "SELECT current_setting('server_version_num')::int, current_setting('server_version'),"
        " current_setting('server_encoding')",
    )
    if encoding != "UTF8":
        return wrong(f"it keeps text as {encoding}", "Create the database with ENCODING 'UTF8'.")
    if number < OLDEST:
        return wrong(f"PostgreSQL {text}", "Upgrade it to 15 at least; 18 is what we test.")
    return ok(f"PostgreSQL {text}") if number >= TESTED else note(f"PostgreSQL {text}", "18 is what we test.")


async def primary(parts: Parts) -> Verdict:
    (replica,) = await fetch(parts, "SELECT pg_is_in_recovery()")
    return wrong("this is a replica", "POSTGRESQL_DB_URL must name the primary.") if replica else ok("a primary")


async def rights(parts: Parts) -> Verdict:
    user, may_create, closed = await fetch(
        parts,
        """SELECT current_user, has_schema_privilege(current_schema(), 'CREATE'), (
               SELECT min(tablename)
               FROM pg_tables, unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS may (what)
               WHERE schemaname = current_schema()
                 AND NOT has_table_privilege(format('%I.%I', schemaname, tablename), may.what))""",
    )
    if not may_create:
        return wrong(f"{user} may not create tables", f"GRANT CREATE ON SCHEMA public TO {user}")
    if closed:
        return wrong(f"{user} may not change the table {closed}", "Make the user its owner, or grant it everything.")
    return ok(f"{user} may do everything here")


async def migrations(parts: Parts) -> Verdict:
    wanted = newest_migration()
    async with parts.database.connection() as connection:
        known = await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL")
        found = await connection.fetchval("SELECT version_num FROM alembic_version") if known else "nothing"
    if found == wanted:
        return ok(f"at {found}, the newest")
    if is_newer(found, wanted):
        told = f"the database is at {found}, newer than this version, which made {wanted}"
        return note(told, "It works while you go back; do not stay.")
    return wrong(f"the database is at {found}, this version wants {wanted}", "Run `eventstream migrate`.")


async def clock(parts: Parts) -> Verdict:
    asked_at = dt.datetime.now(dt.UTC)
    (theirs,) = await fetch(parts, "SELECT clock_timestamp()")
    ours = asked_at + (dt.datetime.now(dt.UTC) - asked_at) / 2
    apart = abs((theirs - ours).total_seconds())
    if apart > SKEW_SECONDS:
        return wrong(f"its clock and ours are {apart:.0f} s apart", "Run a time service (chrony) on both machines.")
    return ok(f"{apart * 1000:.0f} ms from ours")


async def durability(parts: Parts) -> Verdict:
    fsync, pages, commit, standbys = await fetch(
        parts,
        "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),"
        " current_setting('synchronous_standby_names')",
    )
    for name, value in {"fsync": fsync, "full_page_writes": pages, "synchronous_commit": commit}.items():
        if value == "off":
            return wrong(f"{name} is off: a crash loses what was acknowledged", f"Set {name} = on.")
    if parts.settings.database_url and not standbys:
        return note(
            "safe on one disk; a failover may lose the last commits",
            "Set synchronous_standby_names if there is a standby.",
        )
    return ok(f"fsync {fsync}, synchronous_commit {commit}" + (f", standbys {standbys}" if standbys else ""))


async def connections(parts: Parts) -> Verdict:
    most, now = await fetch(
        parts,
        """SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
                  count(DISTINCT application_name)::int
           FROM pg_stat_activity WHERE datname = current_database() AND starts_with(application_name, $1)""",
        f"{APPLICATION} ",
    )
    others = now - 1  # without us, who only look
    settings = parts.settings
    processes = max(others, settings.workers)
    wanted = processes * settings.database_connections
    told = f"{processes} processes may open {wanted}, the server takes {most}"
    if wanted > most:
        return wrong(told, "Raise max_connections, or lower DATABASE_CONNECTIONS.")
    return ok(told)


async def encryption(parts: Parts) -> Verdict:
    remote, encrypted = await fetch(
        parts,
        """SELECT coalesce(NOT inet_client_addr() <<= ANY ('{127.0.0.0/8,::1/128}'::inet[]), false),
                  coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)""",
    )
    if remote and not encrypted:
        return wrong("our connection is not encrypted", "Add ?sslmode=verify-full to POSTGRESQL_DB_URL.")
    return ok("TLS" if encrypted else "not needed on this machine")


CHECKS = {
    "reach": reach,
    "version": version,
    "role": primary,
    "rights": rights,
    "migrations": migrations,
    "clock": clock,
    "durability": durability,
    "connections": connections,
    "encryption": encryption,
}
