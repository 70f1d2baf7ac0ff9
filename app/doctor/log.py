"""Checks of the log and of those who read it."""

from app.consumers.dead_letters import DEAD_TOPICS, READER
from app.doctor.verdicts import Verdict, note, ok
from app.main import tasks_of
from app.messages import FACTS, TOPICS
from app.parts import Parts

MANY = 10_000
EVERY_TOPIC = (*TOPICS, FACTS, *DEAD_TOPICS)


async def reach(parts: Parts) -> Verdict:
    await parts.log.ping()
    return ok("answers")


async def partitions(parts: Parts) -> Verdict:
    found = await parts.log.partitions_of(EVERY_TOPIC)
    if missing := sorted(set(EVERY_TOPIC) - found.keys()):
        return note(f"no topic {missing[0]} yet", "The first start makes it.")
    wanted = parts.settings.log_partitions
    if others := [topic for topic in TOPICS if found[topic] != wanted]:
        return note(f"{others[0]} has {found[others[0]]} and not {wanted}", "LOG_PARTITIONS is for new topics only.")
    return ok(f"{wanted} for each of {len(found)} topics")


async def lag(parts: Parts) -> Verdict:
    """A group that never ran has everything before it; that is no fault before the first start."""
    behind = {}
    for task in tasks_of(parts):
        if task.topics:
            behind[task.name] = sum((await parts.log.lag(task.name, task.topics)).values())
    slowest = max(behind, key=lambda name: behind[name])
    told = f"{slowest} has {behind[slowest]:,} messages to go"
    if behind[slowest] > MANY:
        return note(told, "See /health/ready for what holds it up; more processes share the partitions.")
    return ok(told)


async def dead_letters(parts: Parts) -> Verdict:
    count = sum((await parts.log.lag(READER, DEAD_TOPICS)).values())
    return note(f"{count} wait", "Look at them with `eventstream dead-letters`.") if count else ok("none")


CHECKS = {"reach": reach, "partitions": partitions, "lag": lag, "dead letters": dead_letters}
