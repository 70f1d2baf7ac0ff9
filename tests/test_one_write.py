"""What one turn of the event loop answers leaves in one piece."""

import asyncio
import json
from typing import Any

import pytest
import uvicorn
from structlog.testing import capture_logs
from uvicorn.server import ServerState

from app.one_write import MOST_BYTES, OneWrite, Protocol
from tests.waiting import eventually


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

    def is_closing(self) -> bool:
        return self.closed


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


async def test_what_is_written_for_somebody_who_hangs_up_meanwhile_goes_nowhere_without_an_error() -> None:
    wire = Wire()
    one = OneWrite(wire)
    one.write(b"too late")
    wire.close()
    one.flush()
    assert wire.pieces == one.pieces == []


async def nobody(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("nothing should get here")


def protocol(app: Any, patience_seconds: float = 30.0) -> Protocol:
    config = uvicorn.Config(app, http=Protocol, log_config=None, lifespan="off")
    config.load()
    made = Protocol(config, ServerState(), {})
    made.patience_seconds = patience_seconds
    return made


LONG_HEAD = b"GET / HTTP/1.1\r\nname: " + b"x" * 70_000 + b"\r\n\r\n"


@pytest.mark.parametrize(
    "sent", [b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"\x16\x03\x01\x02\x00", LONG_HEAD]
)
async def test_what_is_no_http_is_refused_as_a_problem_and_has_a_log_line(sent: bytes) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(nobody), "127.0.0.1", 0)
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


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /",
        b"GET / HTTP/1.1\r\nname: ",
        b"GET / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
    ],
)
async def test_a_head_that_does_not_end_is_refused_long_before_its_end(begun: bytes) -> None:
    """The address, a value, a name, and what may follow a body."""
    wire, one = Wire(), protocol(answered)
    one.connection_made(wire)
    one.data_received(begun)
    sent = 0
    while not wire.closed:
        one.data_received(b"x" * 10_000)
        sent += 10_000
        assert sent < 200_000
    assert wire.pieces[-1].startswith(b"HTTP/1.1 400 ")


async def answered(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def test_a_long_body_is_none_of_a_heads_business() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(answered), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"POST / HTTP/1.1\r\nContent-Length: 900000\r\nConnection: close\r\n\r\n" + b"x" * 900_000)
    assert (await reader.read()).startswith(b"HTTP/1.1 204 ")
    writer.close()
    server.close()


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_nobody_is_waited_for_who_does_not_ask(begun: bytes) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(nobody, patience_seconds=0.1), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(begun)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    server.close()


async def test_nor_is_who_seems_to_ask_again() -> None:
    """A line end is the beginning of nothing yet, but keeps the connection from counting as idle."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(answered, patience_seconds=0.1), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 ")
    writer.write(b"\r\n")
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    server.close()


async def test_who_has_asked_is_not_hurried() -> None:
    enough = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await enough.wait()
        await answered(scope, receive, send)

    wire, one = Wire(), protocol(slow, patience_seconds=0.01)
    one.connection_made(wire)
    one.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT")
    first = one.patience
    await eventually(lambda: one.patience is not first)
    assert not wire.closed
    enough.set()
    await eventually(lambda: wire.closed)
    assert wire.pieces[0].startswith(b"HTTP/1.1 204 ")
