"""Named limits: the rare ones exact in Postgres, the per-user ones counted in each process and summed up there."""

import asyncio
import hashlib
import math
import time
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import limits
import msgspec

from app.engines.database import Database
from app.errors import TooMany, Unavailable
from app.phrases import Phrase
from app.supervision import Health

Hit: TypeAlias = tuple[str, str, limits.RateLimitItem]
"""Name of the limit, who is counted, how many in which time."""


SHARED_FROM = 0.1
"""The part of a limit that a user may use in a process before the others hear of it."""

SHARE_SECONDS = 0.2


class Standing(msgspec.Struct, frozen=True):
    """Where a caller stands; `resets` is in seconds from now."""

    policy: str
    amount: int
    window: int
    left: int
    resets: float

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.amount};w={self.window}',
            "RateLimit": f'"{self.policy}";r={max(self.left, 0)};t={math.ceil(self.resets)}',
        }

    def refusal(self) -> TooMany:
        return TooMany(
            Phrase(
                "At most %(amount)s in %(window)s. Try again in %(rest)s.",
                amount=self.amount,
                window=spell(self.window),
                rest=spell(math.ceil(self.resets)),
            ),
            retry_after=self.resets,
            headers=self.headers,
        )


Counter: TypeAlias = tuple[str, int]
"""Name of the limit, and the user."""

Window: TypeAlias = tuple[float, int, int]
"""When it ends, how many hits it has as far as we know, and how many of them nobody else knows of."""

NEVER: Window = (0.0, 0, 0)


class UserLimits:
    """Fixed windows that begin with a user's first hit; the cost of a hit does not grow with the users.

    Who has used a part of a limit here is summed up over all processes, a moment later. A crowd that buys once each
    never gets there and costs nothing; a script that goes round the processes does.

    Two generations of counters: after one window length the older generation holds only ended windows and goes.
    """

    def __init__(self, policies: dict[str, limits.RateLimitItem]) -> None:
        self.policies = policies
        self.young: dict[Counter, Window] = {}
        self.old: dict[Counter, Window] = {}
        self.to_share: set[Counter] = set()
        self.news = asyncio.Event()
        self.turns_at = 0.0
        self.longest = max(policy.get_expiry() for policy in policies.values())

    def hit(self, name: str, user_id: int, now: float | None = None) -> Standing:
        """Count one and say where the user stands; raises `TooMany` beyond the limit."""
        now = time.monotonic() if now is None else now
        if now >= self.turns_at:
            self.old, self.young, self.turns_at = self.young, {}, now + self.longest
        policy, key = self.policies[name], (name, user_id)
        until, hits, untold = self.window(key)
        if now >= until:
            until, hits, untold = now + policy.get_expiry(), 0, 0
        self.young[key] = (until, hits + 1, untold + 1)
        if hits >= policy.amount * SHARED_FROM:
            self.to_share.add(key)
            self.news.set()
        standing = Standing(name, policy.amount, policy.get_expiry(), policy.amount - hits - 1, until - now)
        if standing.left < 0:
            raise standing.refusal()
        return standing

    def window(self, key: Counter) -> Window:
        return self.young.get(key) or self.old.get(key) or NEVER

    async def share(self, database: Database) -> None:
        """Tell the other processes what was counted here and is worth telling, and learn what they counted."""
        telling, self.to_share = {(name, digest(str(user))): (name, user) for name, user in self.to_share}, set()
        now = time.monotonic()
        told = {subject: self.window(key) for subject, key in sorted(telling.items()) if self.window(key)[0] > now}
        try:
            async with database.connection() as connection:
                rows = await connection.fetch(
                    f"""{COUNT_HITS}
                        SELECT policy, subject, now() + make_interval(secs => seconds), hits
                        FROM unnest($1::text[], $2::bytea[], $3::float8[], $4::integer[])
                             AS told (policy, subject, seconds, hits)
                        {ON_TOP}""",
                    [name for name, _ in told],
                    [subject for _, subject in told],
                    [until - now for until, _, _ in told.values()],
                    [untold for _, _, untold in told.values()],
                )  # fmt: skip
        except BaseException:
            self.to_share |= set(telling.values())
            raise
        for row in rows:
            subject = (row["policy"], bytes(row["subject"]))
            until, _, untold = self.window(telling[subject])
            if until == told[subject][0]:  # else a new window has begun
                since = untold - told[subject][2]
                self.young[telling[subject]] = (time.monotonic() + row["resets"], row["hits"] + since, since)

    async def share_for_ever(self, database: Database, health: Health) -> None:
        health.state = "running"
        while True:
            await self.news.wait()
            self.news.clear()
            try:
                await self.share(database)
                health.state, health.error = "running", None
            except Unavailable as error:
                health.state, health.error = "retrying", error.detail
                self.news.set()
            await asyncio.sleep(SHARE_SECONDS)


COUNT_HITS = "INSERT INTO rate_limit_windows AS w (policy, subject, until, hits)"
ON_TOP = """
    ON CONFLICT (policy, subject) DO UPDATE SET
        hits = CASE WHEN w.until <= now() THEN excluded.hits ELSE w.hits + excluded.hits END,
        until = CASE WHEN w.until <= now() THEN excluded.until ELSE w.until END
    RETURNING policy, subject, hits, extract(epoch FROM until - now())::float8 AS resets
"""
"""On a window that has not ended; in place of one that has."""


class SharedLimits:
    """Counted in Postgres: exact across processes."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def check(self, wanted: Sequence[Hit]) -> None:
        """Count nothing; raises `TooMany` when one (name, subject, policy) has no hit left."""
        async with self.database.connection() as connection:
            # The lock waits for those who count at this moment: what is read is what they leave.
            rows = await connection.fetch(
                """SELECT policy, subject, hits, extract(epoch FROM until - now())::float8 AS resets
                   FROM rate_limit_windows
                   WHERE (policy, subject) IN (SELECT * FROM unnest($1::text[], $2::bytea[])) AND until > now()
                   ORDER BY policy COLLATE "C", subject FOR SHARE""",
                [name for name, _, _ in wanted],
                [digest(subject) for _, subject, _ in wanted],
            )
        known = {(row["policy"], bytes(row["subject"])): row for row in rows}
        refuse_any(
            standing_of(hit, row["hits"], row["resets"])
            for hit in wanted
            if (row := known.get((hit[0], digest(hit[1])))) and row["hits"] >= hit[2].amount
        )

    async def take(self, wanted: Sequence[Hit]) -> None:
        """Count one hit for each (name, subject, policy); raises `TooMany` when one is beyond its limit."""
        wanted = sorted(wanted, key=lambda one: (one[0], digest(one[1])))
        async with self.database.transaction() as connection:
            rows = [
                await connection.fetchrow(
                    f"{COUNT_HITS} VALUES ($1, $2, now() + make_interval(secs => $3), 1) {ON_TOP}",
                    name,
                    digest(subject),
                    float(policy.get_expiry()),
                )
                for name, subject, policy in wanted
            ]
            standings = [standing_of(hit, row["hits"], row["resets"]) for hit, row in zip(wanted, rows, strict=True)]
            # Rolls back: what one limit refuses must not count against the others.
            refuse_any(standing for standing in standings if standing.left < 0)

    async def sweep(self) -> None:
        async with self.database.connection() as connection:
            await connection.execute("DELETE FROM rate_limit_windows WHERE until < now()")


def standing_of(hit: Hit, hits: int, resets: float) -> Standing:
    name, _, policy = hit
    return Standing(name, policy.amount, policy.get_expiry(), policy.amount - hits, resets)


def refuse_any(exceeded: Iterable[Standing]) -> None:
    """The one that lasts longest says when to come back."""
    if longest := max(exceeded, key=lambda standing: standing.resets, default=None):
        raise longest.refusal()


def digest(subject: str) -> bytes:
    """Subjects are e-mail and network addresses: the table keeps no personal data."""
    return hashlib.sha256(subject.encode()).digest()


UNITS = (
    (3600, Phrase("%(count)s hour"), Phrase("%(count)s hours")),
    (60, Phrase("%(count)s minute"), Phrase("%(count)s minutes")),
    (1, Phrase("%(count)s second"), Phrase("%(count)s seconds")),
)


def spell(seconds: int) -> Phrase:
    seconds = max(seconds, 1)
    size, one, several = next(unit for unit in UNITS if seconds >= unit[0])
    count = math.ceil(seconds / size)
    return Phrase(one if count == 1 else several, count=count)
