"""The PostgreSQL of the wheel, over TCP, as a server of somebody else's would be reached."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.engines.embedded_postgres import DATABASE, EmbeddedPostgres, binaries, create_database
from app.engines.postgres_user import user_switch
from tests.servers.server import HOST, RealServer


class Postgres(RealServer):
    name = "postgres"
    stop_signal = signal.SIGINT  # PostgreSQL's "fast": it does not wait for its clients

    def prepare(self) -> None:
        embedded = EmbeddedPostgres(self.folder)
        embedded.as_user = user_switch(self.folder)
        embedded.init()

    def command(self) -> list[str | Path]:
        return [
            binaries() / "postgres", "-D", self.data, "-h", HOST, "-p", str(self.port), "-k", "",
            "-c", "max_connections=200",
        ]  # fmt: skip

    def process_options(self) -> Mapping[str, Any]:
        return user_switch(self.folder)

    def environment(self) -> Mapping[str, str]:
        return {"LC_ALL": "C"}

    def answers(self) -> bool:
        asyncio.run(create_database(self.url("postgres")))
        return True

    def url(self, database: str) -> str:
        return f"postgresql://postgres@{HOST}:{self.port}/{database}"

    def settings(self) -> dict[str, str]:
        return {"POSTGRESQL_DB_URL": self.url(DATABASE)}
