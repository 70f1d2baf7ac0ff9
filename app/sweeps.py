"""Tidying that nothing depends on: ended sessions, counted-out limits, forgotten uploads, old keys and log records."""

import asyncio
import datetime as dt

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
KEEP_INCOMING = dt.timedelta(days=30)
KEEP_RECORDS = dt.timedelta(days=30)
EXPIRING = (FACTS, *DEAD_TOPICS)  # a mirror that need not have readers, and what nobody mended until then
SWEEP_SECONDS = 600.0
KEEP_KEYS = dt.timedelta(days=3)


async def sweep_for_ever(parts: Parts, health: Health) -> None:
    """For a `Singleton`: once for all processes."""
    while True:
        try:
            await sweep(parts)
            health.state, health.error = "running", None
        except Unavailable as error:
            health.state, health.error = "retrying", error.detail
        await asyncio.sleep(EVERY_SECONDS)


async def sweep(parts: Parts) -> None:
    await parts.sessions.sweep()
    await parts.shared_limits.sweep()
    async with parts.database.connection() as connection:
        await connection.execute(
            "DELETE FROM idempotency_keys WHERE created_at < now() - $1::interval", KEEP_KEYS, timeout=SWEEP_SECONDS
        )
        await connection.execute("DELETE FROM password_resets WHERE expires_at < now()")
    await sweep_drafts(parts.database, parts.media)
    await parts.log.trim(KEEP_RECORDS, EXPIRING)
    if swept := await sweep_unrecorded_media(parts.database, parts.media):
        log.info("swept pictures that nobody recorded", count=swept)
    if swept := await parts.media.sweep_incoming(KEEP_INCOMING):
        log.info("swept forgotten uploads", count=swept)
