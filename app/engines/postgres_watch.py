"""An embedded PostgreSQL that somebody killed, or that ran out of memory, is started again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from app.engines.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from app.errors import first_line

log = structlog.get_logger()

LOOK_SECONDS = 1.0


@contextmanager
def kept_running(postgres: EmbeddedPostgres) -> Iterator[None]:
    """While the block runs. It is looked after by each process that uses it; the first one to notice starts it."""
    over = threading.Event()

    def look_after() -> None:
        while not over.wait(LOOK_SECONDS):
            try:
                if postgres.pid():
                    continue
                if not postgres.data.exists():  # a disk that went away; a new and empty database is no help
                    raise EmbeddedPostgresError(f"{postgres.data} is not there.")
                with postgres.one_at_a_time():
                    postgres.ready()
                log.error("the database server died and was started again")
            except Exception as error:  # whatever it is, the next look may find it gone
                log.error("the database server is not looked after", error=first_line(error))

    watch = threading.Thread(target=look_after, name="postgres watch")
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()
