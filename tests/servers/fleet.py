"""All four together: started side by side, known by one folder."""

import os
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.servers.cache import require
from tests.servers.ferretdb import FerretDB
from tests.servers.kafka import Kafka
from tests.servers.minio import MinIO
from tests.servers.postgres import Postgres
from tests.servers.server import RealServer

FOLDER = Path(os.environ.get("ENGINES_FOLDER", Path(__file__).parents[2] / ".engines"))


class Fleet:
    """The servers of one checkout."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder.absolute()
        self.kafka = Kafka(self.folder)
        self.mongodb = FerretDB(self.folder)
        self.s3 = MinIO(self.folder)
        self.postgres = Postgres(self.folder)

    def __iter__(self) -> Iterator[RealServer]:
        yield from (self.kafka, self.mongodb, self.s3, self.postgres)

    def start(self) -> list[RealServer]:
        """Which of them did not run before."""
        missing = [server for server in self if server.process() is None]
        require({tool for server in missing for tool in server.tools_needed()})
        with ThreadPoolExecutor(len(missing) or 1) as pool:
            for started in [pool.submit(server.start) for server in missing]:
                started.result()
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.settings().items()]
        (self.folder / "settings.sh").write_text("\n".join([*lines, ""]))
        return missing

    def stop(self) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda server: server.forget(), self))

    def settings(self) -> dict[str, str]:
        return {name: value for server in self for name, value in server.settings().items()}
