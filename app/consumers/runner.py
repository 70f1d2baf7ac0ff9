"""The only loop over messages: poll, apply, commit the transaction, then commit the offset."""

import asyncio
import random
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog

from app.consumers.dead_letters import dead_letter, in_words
from app.consumers.groups import Group
from app.engines.database import Connection, Database, is_away
from app.engines.log import Consumer, Delivered, Log
from app.errors import AppError, Malformed, TooLarge, Unavailable
from app.messages import Message, decode
from app.supervision import Health, Stopped

log = structlog.get_logger()

POLL_SECONDS = 1.0
TRIES = 5
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
DEAD_LETTERS_IN_A_ROW = 50


class Runner:
    """Feeds one group: a store that is away is waited for, a message that cannot be applied is a dead letter."""

    def __init__(self, group: Group, messages: Log, database: Database) -> None:
        self.group = group
        self.log = messages
        self.database = database
        self.given_up: list[str] = []
        """What was wrong with each dead letter since the last message that went well."""
        self.behind = False

    async def run(self, health: Health) -> None:
        consumer = await self.log.consume(self.group.name, self.group.topics)
        try:
            health.state = "running"
            while True:
                await self.turn(consumer, health)
        finally:
            with suppress(Unavailable):  # the lease runs out by itself
                await consumer.close()

    async def turn(self, consumer: Consumer, health: Health) -> None:
        try:
            if self.behind:
                await consumer.rewind()
                self.behind = False
            records = await consumer.poll(self.group.batch, POLL_SECONDS)
            if records:
                await consumer.commit(await self.handle(records, health))
            if len(self.given_up) >= DEAD_LETTERS_IN_A_ROW:  # committed before, so that a restart begins after them
                raise Stopped(f"{len(self.given_up)} dead letters in a row; the last: {self.given_up[-1]}")
            health.state, health.error = "running", None
        except Unavailable as error:
            self.behind = True
            health.state, health.error = "retrying", error.detail
            await asyncio.sleep(pause_after(3))

    async def handle(self, records: Sequence[Delivered], health: Health) -> Sequence[Delivered]:
        """Apply all, as one batch if it goes, one by one if not; which are done with: those up to one too many."""
        try:
            await self.until_available([decode(record) for record in records], health)
            self.given_up.clear()
        except Exception as error:
            if len(records) > 1:
                log.warning("batch failed, going one by one", group=self.group.name, error=in_words(error))
            for done, record in enumerate(records, 1):
                await self.handle_one(record, health)
                if len(self.given_up) >= DEAD_LETTERS_IN_A_ROW:
                    return records[:done]
        return records

    async def handle_one(self, record: Delivered, health: Health) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                await self.until_available([decode(record)], health)
                self.given_up.clear()
                return
            except Exception as error:
                if attempt < TRIES and not isinstance(error, AppError):
                    await asyncio.sleep(pause_after(attempt))
                    continue
                await self.give_up(record, error, attempt)
                return

    async def give_up(self, record: Delivered, error: Exception, attempts: int) -> None:
        log.error(
            "dead letter", group=self.group.name, topic=record.topic, partition=record.partition,
            offset=record.offset, message_id=record.headers.get("ce_id"), attempts=attempts, error=in_words(error),
        )  # fmt: skip
        try:
            await self.log.publish([dead_letter(record, self.group.name, error, attempts)])
        except (TooLarge, Malformed) as refused:  # the step below still tells whoever waits for it
            log.error("dead letter lost", message_id=record.headers.get("ce_id"), error=in_words(refused))
        with suppress(ValueError):  # no id, no step: nobody waits for it
            async with self.database.transaction() as connection:
                await write_steps(
                    connection,
                    self.group.store,
                    [uuid.UUID(record.headers.get("ce_id", ""))],
                    "failed",
                    in_words(error),
                )
        self.given_up.append(in_words(error))

    async def until_available(self, messages: Sequence[Message], health: Health) -> None:
        """Apply; while something is away, wait and try again."""
        for attempt in range(1, 1_000_000):
            try:
                await self.apply(messages)
                return
            except Exception as error:
                if not isinstance(error, Unavailable) and not is_away(error):
                    raise
                if attempt == 1:
                    log.warning("store away", group=self.group.name, error=in_words(error))
                    await self.say_retrying(messages, error)
                health.state, health.error = "retrying", in_words(error)
                await asyncio.sleep(pause_after(attempt))

    async def apply(self, messages: Sequence[Message]) -> None:
        work: list[tuple[Any, list[Message], Sequence[Any]]] = []
        for kind, effect in self.group.effects.items():
            if ours := [message for message in messages if type(message) is kind]:
                work.append((effect, ours, await effect.store(ours) if effect.store else ours))
        async with self.database.transaction() as connection:
            for effect, _, results in work:
                if effect.record and results:
                    await effect.record(connection, results)
            ids = [uuid.UUID(message.message_id) for message in messages if type(message) in self.group.effects]
            await write_steps(connection, self.group.store, ids, "stored", None)
        for effect, ours, _ in work:
            if effect.after:
                await effect.after(ours)

    async def say_retrying(self, messages: Sequence[Message], error: Exception) -> None:
        ids = [uuid.UUID(message.message_id) for message in messages]
        with suppress(Unavailable):  # then it is Postgres itself that is away, and nobody can read steps
            async with self.database.transaction() as connection:
                await write_steps(connection, self.group.store, ids, "retrying", in_words(error))


async def write_steps(
    connection: Connection, store: str, ids: Sequence[uuid.UUID], state: str, error: str | None
) -> None:
    """`stored` is never taken back."""
    await connection.execute(
        """INSERT INTO submission_steps AS known (message_id, store, state, error)
           SELECT DISTINCT id, $2::text, $3::text, $4::text FROM unnest($1::uuid[]) AS id
           ON CONFLICT (message_id, store) DO UPDATE SET state = excluded.state, error = excluded.error, at = now()
           WHERE known.state <> 'stored'""",
        list(ids),
        store,
        state,
        error,
    )


def pause_after(attempt: int) -> float:
    return min(FIRST_PAUSE * 2 ** min(attempt, 10), LONGEST_PAUSE) * random.uniform(0.5, 1.0)
