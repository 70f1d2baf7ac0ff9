"""What the doctor advises where nothing answers. Nobody listens at port 1, and `.invalid` has no hosts."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.doctor import database, kafka, media
from app.doctor.verdicts import Verdict, judged
from app.main import build_parts
from tests.cast import settings_for

REACHABLE = "See whether it runs and can be reached from here."


async def advice_on_kafka(servers: str, protocol: str, folder: Path) -> Verdict:
    environment = {"KAFKA_BOOTSTRAP_SERVERS": servers, "KAFKA_SECURITY_PROTOCOL": protocol}
    parts = build_parts(settings_for(folder, **environment), "postgresql:///nowhere")
    try:
        return await judged("log", kafka.reach(parts))
    finally:
        await parts.log.close()


@pytest.mark.parametrize("protocol", ["plaintext", "ssl"])
@pytest.mark.parametrize(
    ("servers", "words"), [("127.0.0.1:1", "ConnectionRefusedError"), ("nowhere.invalid:9092", "gaierror")]
)
async def test_kafka_that_is_not_there(tmp_path: Path, servers: str, words: str, protocol: str) -> None:
    verdict = await advice_on_kafka(servers, protocol, tmp_path)
    assert (verdict.state, words in verdict.text, verdict.mend) == ("wrong", True, REACHABLE), verdict


async def test_a_database_that_does_not_exist(database_url: str, tmp_path: Path) -> None:
    parts = build_parts(settings_for(tmp_path), urlsplit(database_url)._replace(path="/elsewhere").geturl())
    verdict = await judged("database", database.reach(parts))
    assert 'database "elsewhere" does not exist' in verdict.text
    assert verdict.mend == "Create it, or mend its name in POSTGRESQL_DB_URL."


async def asked(url: str) -> Verdict:
    await media.get(url)
    raise AssertionError("somebody answered")


@pytest.mark.parametrize(
    ("url", "words"), [("https://nowhere.invalid/a", "nowhere.invalid"), ("https://127.0.0.1:1/a", "127.0.0.1")]
)
async def test_an_address_of_pictures_that_is_not_there(url: str, words: str) -> None:
    """Whoever serves it is asked through TLS; that does not make a certificate the trouble."""
    verdict = await judged("media", asked(url))
    assert verdict.text.startswith(f"{words} does not answer: ")
    assert "object at 0x" not in verdict.text
    assert verdict.mend == REACHABLE
