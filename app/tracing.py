"""The trace that a request belongs to, as W3C's Trace Context names it; its messages carry it on."""

import re
from contextvars import ContextVar

TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
"""Of the request at hand; `edge.py` sets it."""


def set_traceparent(header: bytes) -> None:
    """What is malformed counts as none."""
    traceparent.set(header.decode() if TRACEPARENT.fullmatch(header) else None)
