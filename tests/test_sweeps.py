"""What the sweep of all processes tidies by age."""

import os
import time
from pathlib import Path

from app.consumers.dead_letters import DEAD_TOPICS
from app.domain.media import chunks_of
from app.engines.log import Record
from app.main import build_parts
from app.messages import FACTS, TOPICS
from app.sweeps import sweep
from tests.backdoor import keys_below
from tests.cast import settings_for


async def test_mirrored_facts_and_dead_letters_of_an_embedded_log_go_after_a_month_whatever_else_fails(
    database_url: str, tmp_path: Path
) -> None:
    parts = build_parts(settings_for(tmp_path, KAFKA_BOOTSTRAP_SERVERS="", AWS_S3_BUCKET_NAME=""), database_url)
    await parts.database.open()
    for days in (31, 61):
        await parts.media.put(f"incoming/{days}", chunks_of(Path(__file__)))
        os.utime(tmp_path / "media" / "objects" / "incoming" / str(days), (time.time() - days * 86400,) * 2)
    topics = [*TOPICS, FACTS, *DEAD_TOPICS]
    await parts.log.create_topics(topics)
    async with parts.database.connection() as connection:
        await parts.log.publish([Record(topic, "old", b"", {}) for topic in topics])
        await connection.execute("UPDATE log_records SET appended_at = now() - interval '31 days'")
        await parts.log.publish([Record(topic, "new", b"", {}) for topic in topics])
        await connection.execute("DROP TABLE drafts CASCADE")
        assert await sweep(parts) == ["drafts"], "what fails holds up no other duty"
        rows = await connection.fetch("SELECT topic FROM log_records WHERE key = 'old'")
        assert {row["topic"] for row in rows} == set(TOPICS)
        assert await connection.fetchval("SELECT count(*) FROM log_records WHERE key = 'new'") == len(topics)
    assert await keys_below(parts.media, "incoming/") == ["incoming/31"], "a dead letter may still need it"
    await parts.log.close()
    await parts.database.close()
