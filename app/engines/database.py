"""PostgreSQL: an asyncpg pool for the hot paths, SQLAlchemy sessions for the rest, and the migrations."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias, cast

import asyncpg
import msgspec
import sqlalchemy as sa
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from app.errors import Unavailable
from app.phrases import Phrase
from app.turns import Turns

Connection: TypeAlias = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

# A request meets two of these before it is refused, and at the door of sessions two seconds in which a dead connection
# is let go: below ten seconds as a rule, and below fifteen where it first waited for its turn.
CONNECT_SECONDS = 3.0
ACQUIRE_SECONDS = 5.0
STATEMENT_SECONDS = 6.0
IDLE_SECONDS = 30.0
MIGRATIONS = Path(__file__).parents[2] / "migrations"
MIGRATION_LOCK = 7_305_241
APPLICATION = "eventstream"
PROCESS = f"{APPLICATION} {os.getpid()} {socket.gethostname()}"
"""What the server lists our connections under, so that `doctor` can count processes and machines."""

AWAY = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection ended between two statements
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,  # our user or its password, which others may be changing
    asyncpg.InvalidCatalogNameError,
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
    sa.exc.TimeoutError,
)
"""What is raised when the server or a rival, and not the statement, is the trouble: repeating it is right."""

log = structlog.get_logger()


def is_away(error: BaseException) -> bool:
    if isinstance(error, sa.exc.DBAPIError):
        return error.connection_invalidated or is_away(getattr(error.orig, "__cause__", None) or ValueError())
    return isinstance(error, AWAY)


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """Turns a server that is away into `Unavailable`, and leaves every other error as it is."""
    try:
        yield
    except Exception as error:
        if is_away(error):
            full = isinstance(error, asyncpg.DiskFullError)
            what = Phrase("The database has no room left.") if full else Phrase("The database does not answer.")
            raise Unavailable(what, retry_after=2) from error
        raise


def engine_for(url: str, connect_options: dict[str, Any] | None = None, **options: Any) -> AsyncEngine:
    """Asyncpg reads the address at both doors, so `sslmode` and all else in it mean the same."""

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url, **(connect_options or {}))

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, hide_parameters=True, **options)


class Database:
    """Two doors to one PostgreSQL: `pool` (asyncpg) and `sessions` (SQLAlchemy).

    Together they open at most `connections`, less one that the embedded log listens on. `turns` is where crowds wait.
    """

    def __init__(self, url: str, connections: int = 19) -> None:
        self.url = url
        self.turns = Turns()
        session_pool_size = connections // 3
        self.pool_size = connections - session_pool_size - 1
        self.engine = engine_for(
            url,
            {
                "timeout": CONNECT_SECONDS,
                "command_timeout": STATEMENT_SECONDS,
                "server_settings": {"application_name": PROCESS},
            },
            pool_size=session_pool_size,
            max_overflow=0,
            pool_timeout=ACQUIRE_SECONDS,
            pool_pre_ping=True,
        )
        sa.event.listen(self.engine.sync_engine, "handle_error", end_the_silent)
        self.sessions = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)
        self.pool: asyncpg.Pool = cast(asyncpg.Pool, None)

    async def open(self) -> None:
        with unavailable_when_away():
            self.pool = await asyncpg.create_pool(
                self.url,
                min_size=2,
                max_size=self.pool_size,
                timeout=CONNECT_SECONDS,
                command_timeout=STATEMENT_SECONDS,
                server_settings={"application_name": PROCESS},
                init=prepare,
                reset=leave_as_it_is,
            )

    async def close(self) -> None:
        try:
            await asyncio.wait_for(self.pool.close(), 1)
        except TimeoutError:
            self.pool.terminate()
        await self.engine.dispose()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A pooled connection; a server that is away is `Unavailable`."""
        with unavailable_when_away():
            async with self.pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                try:
                    yield connection
                except (TimeoutError, asyncio.CancelledError):
                    connection.terminate()  # a silent server would be waited for as long again
                    raise

    @asynccontextmanager
    async def transaction(self, first: str = "") -> AsyncIterator[Connection]:
        """A pooled connection in a READ COMMITTED transaction that ends with the block.

        `first` is a statement that goes out together with BEGIN: a round trip less before its lock is asked for.
        """
        async with self.connection() as connection:
            try:
                await connection.execute(f"BEGIN; {first}")
                yield connection
            except (TimeoutError, asyncio.CancelledError):
                raise  # the connection ends, and the transaction with it
            except BaseException:
                await connection.execute("ROLLBACK")
                raise
            await connection.execute("COMMIT")

    async def ping(self) -> None:
        async with self.connection() as connection:
            if await connection.fetchval("SHOW transaction_read_only", timeout=2) == "on":
                raise Unavailable("The database takes no writes.", retry_after=2)


async def leave_as_it_is(connection: asyncpg.Connection) -> None:
    """Nobody changes the session, so nothing needs a round trip at every release to undo it."""


def end_the_silent(failure: sa.engine.ExceptionContext) -> None:
    """As `Database.connection` does at the other door."""
    error = failure.original_exception
    if isinstance(error, TimeoutError) or isinstance(getattr(error, "__cause__", None), TimeoutError):
        failure.is_disconnect = True


async def prepare(connection: asyncpg.Connection) -> None:
    """The server looks whether we are still there, so that a connection we ended holds no locks; and no longer than
    `IDLE_SECONDS` does a process that was frozen within a transaction.

    Plans are kept for as long as a connection, and the first ones are made while tables are empty: without sequential
    scans they fit any size.
    """
    await connection.execute(f"SET idle_in_transaction_session_timeout = {int(IDLE_SECONDS * 1000)}")
    await connection.execute("SET client_connection_check_interval = '2s'; SET enable_seqscan = off")
    await connection.set_type_codec("jsonb", encoder=to_json, decoder=msgspec.json.decode, schema="pg_catalog")


def to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def migrate(url: str) -> None:
    """Bring the database to the newest version; several processes may try at once."""
    asyncio.run(migrate_async(url))


async def migrate_async(url: str) -> None:
    engine = engine_for(url, {"timeout": CONNECT_SECONDS})  # a migration itself may take as long as it needs
    try:
        with unavailable_when_away():
            async with engine.begin() as connection:
                await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
                await connection.run_sync(upgrade_to_head)
    finally:
        await engine.dispose()


def upgrade_to_head(connection: Any) -> None:
    """A newer version may have been here, and somebody goes back from it: what it made fits older ones too."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))  # it fills in %(names)s
    config.attributes["connection"] = connection
    found, newest = MigrationContext.configure(connection).get_current_revision(), newest_migration()
    if found and is_newer(found, newest):
        log.warning("the database is newer than this version and stays as it is", database=found, version=newest)
        return
    command.upgrade(config, "head")


def newest_migration() -> str:
    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert newest
    return newest


def is_newer(found: str, newest: str) -> bool:
    """Migrations are numbered; a name that is no number is none of ours."""
    return found.isdecimal() and found > newest
