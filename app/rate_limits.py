"""Named limits: the rare ones exact in Postgres, the per-user ones counted in this process."""

import hashlib
import math
import time
from collections.abc import Sequence

import limits
import msgspec

from app.engines.database import Database
from app.errors import TooMany


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
            f"At most {self.amount} in {spell(self.window)}. Try again in {spell(math.ceil(self.resets))}.",
            retry_after=self.resets,
            headers=self.headers,
        )


class UserLimits:
    """Fixed windows that begin with a user's first hit; the cost of a hit does not grow with the users.

    Two generations of counters: after one window length the older generation holds only ended windows and goes.
    """

    def __init__(self, policies: dict[str, limits.RateLimitItem]) -> None:
        self.policies = policies
        self.young: dict[tuple[str, int], tuple[float, int]] = {}
        self.old: dict[tuple[str, int], tuple[float, int]] = {}
        self.turns_at = 0.0
        self.longest = max(policy.get_expiry() for policy in policies.values())

    def hit(self, name: str, user_id: int, now: float | None = None) -> Standing:
        """Count one and say where the user stands; raises `TooMany` beyond the limit."""
        now = time.monotonic() if now is None else now
        if now >= self.turns_at:
            self.old, self.young, self.turns_at = self.young, {}, now + self.longest
        policy, key = self.policies[name], (name, user_id)
        until, hits = self.young.get(key) or self.old.get(key) or (0.0, 0)
        if now >= until:
            until, hits = now + policy.get_expiry(), 0
        self.young[key] = (until, hits + 1)
        standing = Standing(name, policy.amount, policy.get_expiry(), policy.amount - hits - 1, until - now)
        if standing.left < 0:
            raise standing.refusal()
        return standing


class SharedLimits:
    """Counted in Postgres: exact across processes."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def take(self, wanted: Sequence[tuple[str, str, limits.RateLimitItem]]) -> None:
        """Count one hit for each (name, subject, policy); raises `TooMany` when one is beyond its limit."""
        wanted = sorted(wanted, key=lambda one: (one[0], digest(one[1])))
        async with self.database.transaction() as connection:
            rows = [
                await connection.fetchrow(
                    """INSERT INTO rate_limit_windows AS w (policy, subject, until, hits)
                       VALUES ($1, $2, now() + make_interval(secs => $3), 1)
                       ON CONFLICT (policy, subject) DO UPDATE SET
                           hits = CASE WHEN w.until <= now() THEN 1 ELSE w.hits + 1 END,
                           until = CASE WHEN w.until <= now() THEN excluded.until ELSE w.until END
                       RETURNING hits, extract(epoch FROM until - now())::float8 AS resets""",
                    name,
                    digest(subject),
                    float(policy.get_expiry()),
                )
                for name, subject, policy in wanted
            ]
            standings = [
                Standing(name, policy.amount, policy.get_expiry(), policy.amount - row["hits"], row["resets"])
                for (name, _, policy), row in zip(wanted, rows, strict=True)
            ]
            if exceeded := [standing for standing in standings if standing.left < 0]:
                # Rolls back: what one limit refuses must not count against the others.
                raise max(exceeded, key=lambda standing: standing.resets).refusal()

    async def give_back(self, wanted: Sequence[tuple[str, str, limits.RateLimitItem]]) -> None:
        """Take back hits that turned out not to count."""
        async with self.database.transaction() as connection:
            for name, subject, _ in sorted(wanted, key=lambda one: (one[0], digest(one[1]))):
                await connection.execute(
                    "UPDATE rate_limit_windows SET hits = hits - 1 WHERE policy = $1 AND subject = $2 AND hits > 0",
                    name,
                    digest(subject),
                )

    async def sweep(self) -> None:
        async with self.database.connection() as connection:
            await connection.execute("DELETE FROM rate_limit_windows WHERE until < now()")


def digest(subject: str) -> bytes:
    """Subjects are e-mail and network addresses: the table keeps no personal data."""
    return hashlib.sha256(subject.encode()).digest()


def spell(seconds: int) -> str:
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = math.ceil(seconds / size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{max(seconds, 1)} second{'s' if seconds > 1 else ''}"
