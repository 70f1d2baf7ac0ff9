"""Below the application: an answer leaves in one piece, and what is no HTTP is refused as everything else is.

Head and body apart would be two system calls, two packets and two reads.
"""

import asyncio
import math
from typing import Any

import msgspec
import structlog
import uuid_utils
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import Malformed
from app.problems import Problem

log = structlog.get_logger()

MOST_BYTES = 64 * 1024
MOST_HEAD_BYTES = 64 * 1024


class OneWrite:
    """A transport that gathers what is written in one turn of the event loop, up to `MOST_BYTES`."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        self.pieces: list[bytes] = []
        self.size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def write(self, data: bytes) -> None:
        if not self.pieces:
            self.loop.call_soon(self.flush)
        self.pieces.append(data)
        self.size += len(data)
        if self.size >= MOST_BYTES:  # so that a slow reader is noticed while a long answer is written
            self.flush()

    def flush(self) -> None:
        if self.pieces:
            pieces, self.pieces, self.size = self.pieces, [], 0
            if not self.transport.is_closing():  # else nobody is there who would read it
                self.transport.write(b"".join(pieces))

    def close(self) -> None:
        self.flush()
        self.transport.close()


class Protocol(HttpToolsProtocol):
    """A head that is too long, or does not end, is no HTTP request to us; nor do we wait for it for ever."""

    patience_seconds = 30.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(OneWrite(transport))  # type: ignore[arg-type]
        self.unread = 0  # bytes since the parser understood something: it keeps them all, and looks at each again
        self.head_began = self.loop.time()
        self.patience = self.loop.call_later(self.patience_seconds, self.lose_patience)

    def connection_lost(self, exc: Exception | None) -> None:
        self.patience.cancel()
        super().connection_lost(exc)

    def lose_patience(self) -> None:
        """Looked at now and then, so it may last twice as long. Without a word: browsers connect ahead of need."""
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self.loop.time() - self.head_began >= self.patience_seconds:
            self.transport.close()
        else:
            self.patience = self.loop.call_later(self.patience_seconds, self.lose_patience)

    def data_received(self, data: bytes) -> None:
        if self.unread > MOST_HEAD_BYTES:
            self.send_400_response("The head of a request does not end.")
            return
        self.unread += len(data)
        if self.head_began == math.inf and self.cycle.response_complete:  # the next one begins, or so it seems
            self.head_began = self.loop.time()
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.head_bytes, self.unread = 0, 0
        self.head_began = self.loop.time()

    def on_headers_complete(self) -> None:
        self.unread, self.head_began = 0, math.inf
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self.unread = 0
        super().on_body(body)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.head_bytes += len(name) + len(value)
        if self.head_bytes > MOST_HEAD_BYTES:
            raise ValueError("the head is too long")
        super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:
        request_id = uuid_utils.uuid7().hex
        log.info("request", method="(none)", route="(none)", status=400, detail=msg, request_id=request_id)
        self.transport.write(refusal(request_id))
        self.transport.close()


def refusal(request_id: str) -> bytes:
    problem = Problem(
        type=f"urn:eventstream:problem:{Malformed.default_type}",
        title=Malformed.title,
        status=400,
        detail="What came is not an HTTP request.",
        request_id=request_id,
    )
    body = msgspec.json.encode(problem, enc_hook=str)
    head = (
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\nx-content-type-options: nosniff\r\n"
        "cache-control: no-store\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
