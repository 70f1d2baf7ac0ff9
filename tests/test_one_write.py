"""What one turn of the event loop answers leaves in one piece."""

import asyncio
import json
from typing import Any

import pytest
import uvicorn
from structlog.testing import capture_logs
from uvicorn.server import ServerState

from app.one_write import MOST_BYTES, OneWrite, Protocol


class Wire(asyncio.Transport):
    """Remembers what was written, and in which pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.closed = True


async def test_head_and_body_are_one_piece_and_the_next_turn_has_its_own() -> None:
    wire = Wire()
    one = OneWrite(wire)
    one.write(b"head ")
    one.write(b"body")
    assert wire.pieces == []
    await asyncio.sleep(0)
    one.write(b"more")
    await asyncio.sleep(0)
    assert wire.pieces == [b"head body", b"more"]


async def test_a_long_answer_does_not_gather_so_that_its_reader_can_slow_it_down() -> None:
    wire = Wire()
    one = OneWrite(wire)
    for _ in range(4):
        one.write(b"x" * MOST_BYTES)
    assert [len(piece) for piece in wire.pieces] == [MOST_BYTES] * 4
    await asyncio.sleep(0)
    assert len(wire.pieces) == 4


async def test_what_was_written_before_closing_is_sent() -> None:
    wire = Wire()
    one = OneWrite(wire)
    one.write(b"the end")
    one.close()
    assert (wire.pieces, wire.closed) == ([b"the end"], True)
    await asyncio.sleep(0)
    assert wire.pieces == [b"the end"]


async def nobody(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("nothing should get here")


LONG_HEAD = b"GET / HTTP/1.1\r\nname: " + b"x" * 70_000 + b"\r\n\r\n"


@pytest.mark.parametrize(
    "sent", [b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"\x16\x03\x01\x02\x00", LONG_HEAD]
)
async def test_what_is_no_http_is_refused_as_a_problem_and_has_a_log_line(sent: bytes) -> None:
    config = uvicorn.Config(nobody, http=Protocol, log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Protocol(config, ServerState(), {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    with capture_logs() as lines:
        writer.write(sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    server.close()
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert f"content-length: {len(body)}".encode() in head
    problem = json.loads(body)
    assert (problem["type"], problem["status"]) == ("urn:eventstream:problem:malformed", 400)
    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["status"], line["request_id"]) == (400, problem["request_id"])
