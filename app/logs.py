"""One structured line for everything that happens: readable on a terminal, JSON elsewhere."""

import asyncio
import atexit
import datetime as dt
import logging
import sys
import time
import traceback
from collections import deque
from contextlib import suppress
from typing import Any, ClassVar, TextIO

import msgspec
import structlog

from app.errors import first_line
from app.settings import Settings

SELDOM_SECONDS = 10.0

encoder = msgspec.json.Encoder(enc_hook=str)


class Lines:
    """Our own lines, past the logging module, which would take a fifth of the time of a purchase.

    Those of one turn of the event loop are written together. A log that cannot be written must not stop a sale, and
    nobody is left who could be told.
    """

    waiting: ClassVar[deque[bytes]] = deque()
    loop: ClassVar[asyncio.AbstractEventLoop | None] = None
    """The one that will write what waits; a loop that ended before it did so counts no more."""

    def __init__(self, *_: Any) -> None:
        """There is one log, whoever writes."""

    def write(self, line: str | bytes) -> None:
        self.waiting.append(line if isinstance(line, bytes) else line.encode("utf-8", "replace"))
        loop = asyncio._get_running_loop()
        if loop is None:
            self.flush()
        elif loop is not Lines.loop:
            Lines.loop = loop
            loop.call_soon(self.flush)

    debug = info = warning = error = critical = write

    @classmethod
    def flush(cls) -> None:
        lines, Lines.loop = b"", None
        while cls.waiting:
            lines += cls.waiting.popleft() + b"\n"
        with suppress(OSError, ValueError):
            sys.stderr.buffer.write(lines)
            sys.stderr.buffer.flush()


def configure_logs(settings: Settings) -> None:
    atexit.register(Lines.flush)  # the last turn of a loop may have left something
    json_lines = settings.json_logs if settings.json_logs is not None else not sys.stderr.isatty()
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
    ]
    last: list[structlog.types.Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.dev.ConsoleRenderer(exception_formatter=write_trace),
    ]
    if json_lines:
        last = [structlog.processors.ExceptionRenderer(trace), as_json]
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[*shared, *last],
        logger_factory=Lines,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    libraries = logging.StreamHandler(sys.stderr)
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    libraries.addFilter(Seldom("aiokafka"))
    logging.basicConfig(handlers=[libraries], level=max(level, logging.WARNING), force=True)


def trace(exc_info: structlog.typing.ExcInfo) -> str:
    """Where, and the first line of why, from the first cause on; no values, which may be personal."""
    error: BaseException | None = exc_info[1]
    told: list[str] = []
    while error is not None:
        told.insert(0, "".join(traceback.format_tb(error.__traceback__)) + first_line(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\n".join(told)


def write_trace(out: TextIO, raised: structlog.typing.ExcInfo) -> None:
    out.write("\n" + trace(raised))


def as_json(_: Any, __: str, line: structlog.types.EventDict) -> str:
    """With the time of day, which the encoder writes by itself."""
    return encoder.encode({**line, "timestamp": dt.datetime.now(dt.UTC)}).decode()


class Seldom(logging.Filter):
    """Lets a library say the same thing once in ten seconds: while brokers are away aiokafka says it all the time."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.heard: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not super().filter(record):
            return True
        said, now = str(record.msg), time.monotonic()
        if now - self.heard.get(said, -SELDOM_SECONDS) < SELDOM_SECONDS:
            return False
        self.heard[said] = now
        return True
