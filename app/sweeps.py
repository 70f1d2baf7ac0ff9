"""Tidying that nothing depends on: ended sessions, counted-out limits, forgotten uploads, old keys and log records."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable

import structlog

from app.consumers.dead_letters import DEAD_TOPICS
from app.domain.draft_removal import sweep_drafts
from app.domain.unrecorded_media import sweep_unrecorded_media
from app.errors import Unavailable
from app.messages import FACTS
from app.parts import Parts
from app.supervision import Health

log = structlog.get_logger()

EVERY_SECONDS = 600.0
KEEP_RECORDS = dt.timedelta(days=30)
KEEP_INCOMING = KEEP_RECORDS + dt.timedelta(days=30)
"""A dead letter of the last day must find its uploads, which are older than it."""
EXPIRING = (FACTS, *DEAD_TOPICS)  # a mirror that need not have readers, and what nobody mended until then
SWEEP_SECONDS = 600.0
KEEP_KEYS = dt.timedelta(days=3)


async def sweep_for_ever(parts: Parts, health: Health) -> None:
    """For a `Singleton`: once for all processes."""
    while True:
        failed = await sweep(parts)
        health.state, health.error = ("retrying", f"failed: {', '.join(failed)}") if failed else ("running", None)
        await asyncio.sleep(EVERY_SECONDS)


async def sweep(parts: Parts) -> list[str]:
    """Every duty once; the names of those that failed, which hold up no other."""
    failed: list[str] = []
    for duty in DUTIES:
        try:
            if swept := await duty(parts):
                log.info("swept", duty=duty.__name__, count=swept)
        except Unavailable as error:
            log.warning("sweeping has to wait", duty=duty.__name__, error=error.detail)
            failed.append(duty.__name__)
        except Exception as error:
            log.error("sweeping failed", duty=duty.__name__, exc_info=error)
            failed.append(duty.__name__)
    return failed


async def sessions(parts: Parts) -> None:
    await parts.sessions.sweep()


async def limits(parts: Parts) -> None:
    await parts.shared_limits.sweep()


async def keys(parts: Parts) -> None:
    async with parts.database.connection() as connection:
        await connection.execute(
            "DELETE FROM idempotency_keys WHERE created_at < now() - $1::interval", KEEP_KEYS, timeout=SWEEP_SECONDS
        )
        await connection.execute("DELETE FROM password_resets WHERE expires_at < now()")


async def drafts(parts: Parts) -> None:
    await sweep_drafts(parts.database, parts.media)


async def records(parts: Parts) -> None:
    await parts.log.trim(KEEP_RECORDS, EXPIRING)


async def unrecorded_media(parts: Parts) -> int:
    """Pictures that nobody recorded."""
    return await sweep_unrecorded_media(parts.database, parts.media)


async def incoming(parts: Parts) -> int:
    """Forgotten uploads."""
    return await parts.media.sweep_incoming(KEEP_INCOMING)


DUTIES: tuple[Callable[[Parts], Awaitable[int | None]], ...] = (
    sessions,
    limits,
    keys,
    drafts,
    records,
    unrecorded_media,
    incoming,
)
