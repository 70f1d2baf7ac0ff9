"""Checks of Kafka: how many copies there are of a message, and what makes brokers forget one."""

import uuid
from collections.abc import Mapping
from typing import Any

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.conn import create_conn

from app.doctor import log as log_checks
from app.doctor.machine import LOCAL_NAMES
from app.doctor.verdicts import Check, Verdict, note, ok, wrong
from app.engines.kafka_access import KafkaAccess
from app.engines.log import MAX_BYTES, Record
from app.errors import Unavailable
from app.parts import Parts

COPIES = 3
BATCH_BYTES = 100
"""What a batch has around the message in it, which counts as well."""
SHORT_HOURS = 24
PROBES = "doctor"
"""A topic and a group of our own, so that nobody takes a probe for a message."""
PROBE_SECONDS = 8.0
CONNECT_SECONDS = 3.0


def of_topics(check: Check[Parts]) -> Check[Parts]:
    """There is nothing to say of topics that the first start has yet to make."""

    async def checked(parts: Parts) -> Verdict:
        return await check(parts) if await described(parts) else ok("no topics yet")

    return checked


async def reach(parts: Parts) -> Verdict:
    try:
        return await log_checks.reach(parts)
    except Unavailable:
        assert parts.settings.kafka
        await connect(parts.settings.kafka)  # raises why, which a client tries all brokers without saying
        raise


async def connect(access: KafkaAccess) -> None:
    """To the first of its servers, as any client would; why that fails is in what is raised."""
    host, _, port = access.servers.split(",")[0].strip().rpartition(":")
    options = access.options() | {"request_timeout_ms": int(CONNECT_SECONDS * 1000)}
    options.pop("bootstrap_servers")
    connection = await create_conn(host.strip("[]"), int(port), **options)
    connection.close()


async def rights(parts: Parts) -> Verdict:
    """Whether these brokers let us do, and know how to do, what every message needs."""
    await parts.log.create_topics([PROBES])
    probe = Record(PROBES, "probe", uuid.uuid4().hex.encode(), {})
    await parts.log.publish([probe])
    consumer = await parts.log.consume(PROBES, [PROBES])
    try:
        while records := await consumer.poll(100, PROBE_SECONDS):
            await consumer.commit(records)
            if probe.value in [record.value for record in records]:
                return ok("may create topics, write, read and commit")
    finally:
        await consumer.close()
    return wrong("a record that was written does not come back", "See the logs of its brokers.")


async def brokers(parts: Parts) -> Verdict:
    count = len((await cluster(parts))["brokers"])
    if count < COPIES:
        return note(f"{count}, so a disk may be the only copy", "Run three at least.")
    return ok(str(count))


async def copies(parts: Parts) -> Verdict:
    most = min(COPIES, len((await cluster(parts))["brokers"]))
    for topic in await described(parts):
        for one in topic["partitions"]:
            told = f"partition {one['partition']} of {topic['topic']} is on {len(one['isr'])} brokers"
            if len(one["isr"]) < len(one["replicas"]):
                return wrong(f"{told} and not {len(one['replicas'])} as it should", "See which broker is away.")
            if len(one["replicas"]) < most:
                return wrong(told, f"Raise its replication to {most} with kafka-reassign-partitions.")
    return ok(f"every message is on {most} brokers")


async def acknowledgement(parts: Parts) -> Verdict:
    """How many brokers must have a message before we answer, whoever fails then."""
    copies = {topic["topic"]: len(topic["partitions"][0]["replicas"]) for topic in await described(parts)}
    for topic, config in (await configs(parts)).items():
        least = int(config["min.insync.replicas"])
        if least > copies[topic]:
            return wrong(f"{topic} wants {least} copies of {copies[topic]}: nothing can be written", hint(topic))
        if least < 2 <= copies[topic]:
            return wrong(f"{topic} has min.insync.replicas=1: one broker may lose what was answered", hint(topic))
        if config["unclean.leader.election.enable"] == "true":
            return wrong(
                f"{topic} lets a broker lead that missed messages", "Set its unclean.leader.election.enable=false."
            )
    return ok(f"after {least} brokers have it")


async def retention(parts: Parts) -> Verdict:
    for topic, config in (await configs(parts)).items():
        if "compact" in config["cleanup.policy"]:
            return wrong(f"{topic} keeps only the last message of an event", "Set its cleanup.policy=delete.")
        hours = int(config["retention.ms"]) / 3_600_000
        if 0 <= hours < SHORT_HOURS:
            return wrong(f"{topic} forgets after {hours:.0f} h, read or not", "Set its retention.ms to a week or more.")
    return ok("forever" if hours < 0 else f"{hours / 24:.0f} days")


async def size(parts: Parts) -> Verdict:
    for topic, config in (await configs(parts)).items():
        if int(config["max.message.bytes"]) < MAX_BYTES + BATCH_BYTES:
            told = f"{topic} takes {config['max.message.bytes']} bytes, we send up to {MAX_BYTES:,}"
            return wrong(told, "Set its max.message.bytes=1048588.")
    return ok(f"messages of {MAX_BYTES:,} bytes")


async def encryption(parts: Parts) -> Verdict:
    access = parts.settings.kafka
    assert access
    if access.protocol.endswith("SSL"):
        return ok("TLS")
    if {server.strip().rpartition(":")[0] for server in access.servers.split(",")} <= LOCAL_NAMES:
        return ok("not needed on this machine")
    return wrong("our connection is not encrypted", "Set KAFKA_SECURITY_PROTOCOL=ssl or sasl_ssl.")


def hint(topic: str) -> str:
    return f"kafka-configs --alter --entity-type topics --entity-name {topic} --add-config min.insync.replicas=2"


async def cluster(parts: Parts) -> dict[str, Any]:
    log: Any = parts.log
    async with log.admin.clients() as clients:
        found: dict[str, Any] = await clients.admin.describe_cluster()
        return found


async def described(parts: Parts) -> list[dict[str, Any]]:
    """Those of our topics that exist."""
    log: Any = parts.log
    names = [log.access.outward(topic) for topic in log_checks.EVERY_TOPIC]
    async with log.admin.clients() as clients:
        return [topic for topic in await clients.admin.describe_topics(names) if topic["partitions"]]


async def configs(parts: Parts) -> Mapping[str, Mapping[str, str]]:
    """Of each topic, what is set and what it has from its broker."""
    log: Any = parts.log
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic["topic"]) for topic in await described(parts)]
    async with log.admin.clients() as clients:
        (answer,) = await clients.admin.describe_configs(wanted)
    return {resource[3]: {entry[0]: entry[1] for entry in resource[4]} for resource in answer.resources}


CHECKS = {
    "reach": reach,
    "partitions": log_checks.partitions,
    "rights": rights,
    "brokers": brokers,
    "copies": of_topics(copies),
    "acknowledgement": of_topics(acknowledgement),
    "retention": of_topics(retention),
    "size": of_topics(size),
    "encryption": encryption,
    "lag": log_checks.lag,
    "dead letters": log_checks.dead_letters,
}
