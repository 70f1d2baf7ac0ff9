"""Leases: who does something now, by the database's clock. For group members, partitions and singletons."""

from collections.abc import Sequence

from app.engines.database import Connection


async def acquire(connection: Connection, names: Sequence[str], holder: str, seconds: float) -> dict[str, int]:
    """Take those that are free, expired or ours already; the epoch of each we now hold.

    The epoch rises whenever the holder changes, so that a late word of the former holder can be told apart.
    """
    rows = await connection.fetch(
        """INSERT INTO leases AS l (name, holder, epoch, until)
           SELECT name, $2, 1, now() + make_interval(secs => $3) FROM unnest($1::text[]) AS name ORDER BY name
           ON CONFLICT (name) DO UPDATE SET
               epoch = CASE WHEN l.holder = excluded.holder THEN l.epoch ELSE l.epoch + 1 END,
               holder = excluded.holder, until = excluded.until
           WHERE l.holder = excluded.holder OR l.until <= now()
           RETURNING name, epoch""",
        sorted(names),
        holder,
        seconds,
    )
    return {row["name"]: row["epoch"] for row in rows}


async def release(connection: Connection, names: Sequence[str], holder: str) -> None:
    """Free at once; the rows stay, since they carry the epochs."""
    await connection.execute(
        "UPDATE leases SET until = now() WHERE name = ANY($1) AND holder = $2", sorted(names), holder
    )


async def release_all(connection: Connection, holder: str) -> None:
    """Free at once whatever `holder` has, also what it took without hearing that it did."""
    await connection.execute("UPDATE leases SET until = now() WHERE holder = $1 AND until > now()", holder)


async def living(connection: Connection, prefix: str) -> list[str]:
    """The holders of leases whose names begin with `prefix` and that have not run out."""
    rows = await connection.fetch(
        "SELECT DISTINCT holder FROM leases WHERE starts_with(name, $1) AND until > now() ORDER BY holder", prefix
    )
    return [row["holder"] for row in rows]
