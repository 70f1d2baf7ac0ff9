"""What the doctor says of Kafka: topics of all kinds, on a real broker."""

import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka.admin import NewTopic

from app.doctor import kafka
from app.doctor.log import EVERY_TOPIC
from app.doctor.verdicts import judged
from app.doctor.visit import findings
from app.engines.kafka_admin import wait_for_leaders
from app.engines.kafka_log import KafkaLog
from app.main import build_parts
from app.messages import FACTS
from app.parts import Parts
from tests.cast import settings_for
from tests.servers.kafka import PASSWORD, USER, Kafka

CORE = "upload-event"


@pytest.fixture
async def parts(database_url: str, tmp_path: Path) -> AsyncIterator[Parts]:
    servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    prefix = f"test-{uuid.uuid4().hex}."
    settings = settings_for(tmp_path, KAFKA_BOOTSTRAP_SERVERS=servers, KAFKA_PREFIX=prefix, LOG_PARTITIONS="2")
    parts = build_parts(settings, database_url)
    yield parts
    await parts.log.close()


async def test_topics_that_we_made_are_fine(parts: Parts) -> None:
    await parts.log.create_topics(EVERY_TOPIC)
    told = {name: await check(parts) for name, check in kafka.CHECKS.items()}
    assert {name: verdict.state for name, verdict in told.items() if verdict.state == "wrong"} == {}
    assert told["retention"].text == "30 days"
    assert told["partitions"].text == f"2 for each of {len(EVERY_TOPIC)} topics"
    assert told["rights"].text == "may create topics, write, read and commit"
    assert (await kafka.CHECKS["rights"](parts)).state == "ok", "an earlier probe is in the way"


async def test_before_the_first_start_there_is_little_to_say(parts: Parts) -> None:
    told = {name: await check(parts) for name, check in kafka.CHECKS.items()}
    assert told["partitions"].state == "note"
    assert told["retention"].text == "no topics yet"


@pytest.mark.parametrize("kind", [CORE, FACTS])
@pytest.mark.parametrize(
    ("name", "value", "check", "words"),
    [
        ("min.insync.replicas", "2", "acknowledgement", "nothing can be written"),
        ("unclean.leader.election.enable", "true", "acknowledgement", "missed messages"),
        ("cleanup.policy", "compact", "retention", "only the last message"),
        ("retention.ms", "3600000", "retention", "forgets after 1 h"),
        ("max.message.bytes", "500000", "size", "takes 500000 bytes"),
    ],
)
async def test_a_topic_that_loses_messages_is_wrong(
    parts: Parts, kind: str, name: str, value: str, check: str, words: str
) -> None:
    log = parts.log
    assert isinstance(log, KafkaLog)
    topic = log.access.outward(kind)
    async with log.admin.clients() as clients:
        await clients.admin.create_topics([NewTopic(topic, 1, 1, topic_configs={name: value})])
        await wait_for_leaders(clients, [topic])
    verdict = await kafka.CHECKS[check](parts)
    assert verdict.state == "wrong"
    assert topic in verdict.text
    assert words in verdict.text


async def test_no_probe_stays_in_its_group_where_instances_have_names(parts: Parts) -> None:
    """A member with a name is waited for as long as its session; others hear nothing meanwhile."""
    for name in ("box-1", "box-2", "box-3"):
        settings = replace(parts.settings, instance=name)
        told = {finding.about: finding.verdict async for finding in findings(settings, parts.database.url)}
        assert told["log rights"].text == "may create topics, write, read and commit"


@pytest.fixture
def kafka_server() -> Kafka:
    """The one of this run, which has a guarded door too."""
    return Kafka(Path(os.environ["ENGINES_FOLDER"]))


@pytest.mark.parametrize(
    ("password", "trusted", "words", "mend"),
    [("wrong", True, "AuthenticationFailed", "KAFKA_SASL_PASSWORD"), (PASSWORD, False, "CERTIFICATE", "KAFKA_CA_FILE")],
)
async def test_why_a_guarded_broker_refuses_is_told(
    kafka_server: Kafka, tmp_path: Path, password: str, trusted: bool, words: str, mend: str
) -> None:
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka_server.guarded_port}", "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
        "KAFKA_SASL_USERNAME": USER, "KAFKA_SASL_PASSWORD": password,
        "KAFKA_CA_FILE": str(kafka_server.ca_file) if trusted else "",
    }  # fmt: skip
    guarded = build_parts(settings_for(tmp_path, **environment), "postgresql:///nowhere")
    verdict = await judged("log", kafka.reach(guarded))
    await guarded.log.close()
    assert (verdict.state, words in verdict.text, mend in verdict.mend) == ("wrong", True, True), verdict


@pytest.mark.parametrize(
    ("door", "protocol"),
    [
        ("guarded_port", "plaintext"), ("guarded_port", "sasl_plaintext"), ("guarded_port", "ssl"),
        ("port", "ssl"), ("port", "sasl_ssl"), ("port", "sasl_plaintext"),
    ],
)  # fmt: skip
async def test_a_port_that_speaks_otherwise_is_told_as_such(
    kafka_server: Kafka, tmp_path: Path, door: str, protocol: str
) -> None:
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{getattr(kafka_server, door)}", "KAFKA_SECURITY_PROTOCOL": protocol,
        "KAFKA_SASL_USERNAME": USER, "KAFKA_SASL_PASSWORD": PASSWORD, "KAFKA_CA_FILE": str(kafka_server.ca_file),
    }  # fmt: skip
    parts = build_parts(settings_for(tmp_path, **environment), "postgresql:///nowhere")
    verdict = await judged("log", kafka.reach(parts))
    await parts.log.close()
    assert (verdict.state, "KAFKA_SECURITY_PROTOCOL" in verdict.mend) == ("wrong", True), verdict


@pytest.mark.parametrize(
    ("servers", "protocol", "state"),
    [
        ("localhost:9092,127.0.0.1:9093", "plaintext", "ok"),
        ("kafka-1:9092,localhost:9092", "plaintext", "wrong"),
        ("kafka-1:9092", "ssl", "ok"),
    ],
)
async def test_an_open_line_over_the_network_is_wrong(
    database_url: str, tmp_path: Path, servers: str, protocol: str, state: str
) -> None:
    settings = settings_for(tmp_path, KAFKA_BOOTSTRAP_SERVERS=servers, KAFKA_SECURITY_PROTOCOL=protocol)
    assert (await kafka.encryption(build_parts(settings, database_url))).state == state
