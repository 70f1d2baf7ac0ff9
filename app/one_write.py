"""Below the application: an answer leaves in one piece, and what is no HTTP is refused as everything else is.

Head and body apart would be two system calls, two packets and two reads.
"""

import asyncio
from typing import Any

import msgspec
import structlog
import uuid_utils.compat
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
            self.transport.write(b"".join(pieces))

    def close(self) -> None:
        self.flush()
        self.transport.close()


class Protocol(HttpToolsProtocol):
    """A head that is too long is no HTTP request to us."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.head_bytes += len(name) + len(value)
        if self.head_bytes > MOST_HEAD_BYTES:
            raise ValueError("the head is too long")
        super().on_header(name, value)

    def connection_made(self, transport: Any) -> None:
        super().connection_made(OneWrite(transport))  # type: ignore[arg-type]

    def send_400_response(self, msg: str) -> None:
        request_id = uuid_utils.compat.uuid7().hex
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
