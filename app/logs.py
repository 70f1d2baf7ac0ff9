"""One structured line for everything that happens: readable on a terminal, JSON elsewhere."""

import logging
import sys
import time

import structlog

from app.settings import Settings

SELDOM_SECONDS = 10.0


def configure_logs(settings: Settings) -> None:
    json_lines = settings.json_logs if settings.json_logs is not None else not sys.stderr.isatty()
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if json_lines else structlog.dev.ConsoleRenderer()
    )
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    last = [structlog.processors.format_exc_info, renderer] if json_lines else [renderer]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    handler.addFilter(Seldom("aiokafka"))
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    logging.getLogger("app").setLevel(level)
    logging.getLogger("alembic").setLevel(logging.WARNING)


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
