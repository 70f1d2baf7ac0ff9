"""The way of every submission: one row, one message, one step per store."""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import uuid_utils

from app.batching import Batcher
from app.domain.accounts import Caller
from app.domain.idempotency import Idempotent, hash_of, key_reused
from app.domain.progress import progress
from app.engines.database import Connection, Database
from app.engines.log import MAX_BYTES, Log
from app.errors import AppError, Conflict, NotFound, TooLarge, Unavailable
from app.messages import MESSAGES, Message, encode


class Numbers(msgspec.Struct, frozen=True):
    """What a message is made with; the last two are fresh, for submissions that create such a thing."""

    message_id: str
    rev: int
    at: dt.datetime
    event_id: int
    metadata_id: int


class Draft(msgspec.Struct, frozen=True):
    """A submission before it has its numbers. `build` gives the message, and what the answer repeats."""

    who: Caller
    build: Callable[[Numbers], tuple[Message, dict[str, Any]]]
    idempotent: Idempotent | None


class Submitted(msgspec.Struct, frozen=True):
    submission_id: str
    event_id: int
    answer: dict[str, Any]
    kind: str
    message: bytes
    accepted: bool
    replayed: bool = False


class Submissions:
    """The request side. Submissions that wait together share their transactions."""

    def __init__(self, database: Database, log: Log) -> None:
        self.database = database
        self.log = log
        self.rows: Batcher[Draft, Submitted | AppError] = Batcher(self.write_rows, limit=128, queue=5_000)
        self.stamps: Batcher[str, None] = Batcher(self.write_stamps, limit=256, queue=5_000)

    async def submit(self, draft: Draft) -> Submitted:
        """Durable in the log when this returns; the same key gives the same ids and bytes again.

        Raises:
            Unavailable: the outcome is unknown; `submission_id` is in `extra`.
            TooLarge: more than a message can carry; nothing was published.
        """
        submitted = await self.rows.submit(draft)
        if isinstance(submitted, AppError):
            raise submitted
        if not submitted.accepted:
            await self.publish(submitted)
        return submitted

    async def publish(self, submitted: Submitted) -> None:
        message = msgspec.json.decode(submitted.message, type=MESSAGES[submitted.kind])
        try:
            await self.log.publish([encode(message)])
        except Unavailable as error:
            raise Unavailable(
                "The outcome is unknown; repeat the request with the same Idempotency-Key.",
                type="outcome-unknown",
                retry_after=2,
                extra={"submission_id": submitted.submission_id},
            ) from error
        await self.stamps.submit(submitted.submission_id)

    async def retry(self, who: Caller, submission_id: str) -> None:
        """Publish the same bytes again, for the stores that failed; the others have had them and stay as they are.

        Raises:
            NotFound: unknown, or somebody else's.
            Conflict: no store has failed.
            Unavailable: as `submit`.
        """
        async with self.database.connection() as connection:
            found = await progress(connection, who, submission_id)
            if found.accepted_at is not None and found.state != "failed":
                raise Conflict("No part of it has failed.", type="nothing-to-retry")
            row = await connection.fetchrow(
                "SELECT *, clock_timestamp() AS began FROM submissions WHERE id = $1", uuid.UUID(submission_id)
            )
        await self.publish(submitted_again(row))
        async with self.database.connection() as connection:
            await connection.execute(  # unless it has failed once more meanwhile
                "DELETE FROM submission_steps WHERE message_id = $1 AND state = 'failed' AND at <= $2",
                row["id"],
                row["began"],
            )

    async def write_rows(self, drafts: Sequence[Draft]) -> list[Submitted | AppError]:
        async with self.database.transaction() as connection:
            numbers = await draw_numbers(connection, len(drafts))
            rows = [row_of(draft, ours) for draft, ours in zip(drafts, numbers, strict=True)]
            good = [row for row in rows if not isinstance(row, AppError)]
            written = await connection.fetch(
                """INSERT INTO submissions (id, kind, user_id, organizer_id, event_id, rev, idempotency_key,
                                            request_hash, message, answer)
                   SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                                        $7::text[], $8::bytea[], $9::bytea[], $10::jsonb[])
                   ON CONFLICT (user_id, idempotency_key) DO NOTHING RETURNING id""",
                *([row[column] for row in good] for column in range(10)),
            )
            ours_now = {row["id"] for row in written}
            return [
                row
                if isinstance(row, AppError)
                else submitted_of(row)
                if row[0] in ours_now
                else await first_with_this_key(connection, draft)
                for draft, row in zip(drafts, rows, strict=True)
            ]

    async def write_stamps(self, ids: Sequence[str]) -> list[None]:
        async with self.database.connection() as connection:
            await connection.execute(
                "UPDATE submissions SET accepted_at = now() WHERE id = ANY($1::uuid[]) AND accepted_at IS NULL",
                [uuid.UUID(one) for one in ids],
            )
        return [None] * len(ids)


Row = tuple[uuid.UUID, str, int, int, int, int, str | None, bytes, bytes, dict[str, Any]]


async def draw_numbers(connection: Connection, count: int) -> list[Numbers]:
    rows = await connection.fetch(
        """SELECT nextval('rev_seq') AS rev, nextval('event_id_seq') AS event_id,
                  nextval('metadata_id_seq') AS metadata_id, now() AS at FROM generate_series(1, $1::integer)""",
        count,
    )
    return [
        Numbers(str(uuid_utils.uuid7()), row["rev"], row["at"], row["event_id"], row["metadata_id"]) for row in rows
    ]


def row_of(draft: Draft, numbers: Numbers) -> Row | AppError:
    message, answer = draft.build(numbers)
    value = msgspec.json.encode(message)
    if len(value) > MAX_BYTES - 2_000:
        return TooLarge("These texts are too long to be sent in one message.")
    key, request_hash = (draft.idempotent.key, draft.idempotent.request_hash) if draft.idempotent else (None, hash_of())
    return (
        uuid.UUID(numbers.message_id),
        type(message).__name__,
        draft.who.user_id,
        message.organizer_id,
        message.event_id,
        message.rev,
        key,
        request_hash,
        value,
        answer,
    )


def submitted_of(row: Row) -> Submitted:
    return Submitted(str(row[0]), row[4], row[9], row[1], row[8], accepted=False)


async def first_with_this_key(connection: Connection, draft: Draft) -> Submitted | AppError:
    assert draft.idempotent is not None
    row = await connection.fetchrow(
        "SELECT * FROM submissions WHERE user_id = $1 AND idempotency_key = $2",
        draft.who.user_id,
        draft.idempotent.key,
    )
    if row["request_hash"] != draft.idempotent.request_hash:
        return key_reused()
    return submitted_again(row)


def submitted_again(row: Mapping[str, Any]) -> Submitted:
    return Submitted(
        str(row["id"]),
        row["event_id"],
        row["answer"],
        row["kind"],
        row["message"],
        accepted=row["accepted_at"] is not None,
        replayed=True,
    )


async def owner_of(connection: Connection, event_id: int) -> int | None:
    """The organizer of an event that is stored or on its way."""
    return await connection.fetchval(
        """SELECT organizer_id FROM events WHERE id = $1
           UNION ALL SELECT organizer_id FROM submissions WHERE event_id = $1 AND accepted_at IS NOT NULL LIMIT 1""",
        event_id,
    )


async def require_own_event(database: Database, who: Caller, event_id: int) -> int:
    """The organizer id; raises `NotFound` when the event is unknown or another organizer's."""
    async with database.connection() as connection:
        owner = await owner_of(connection, event_id)
    if owner is None or owner != who.organizer_id:
        raise NotFound("There is no such event.")
    return owner
