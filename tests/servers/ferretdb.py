"""FerretDB over SQLite: it speaks the protocol of MongoDB, and is built from the Go module beside this file."""

from pathlib import Path

import pymongo

from tests.servers.cache import SOURCES, Recipe, run
from tests.servers.server import HOST, RealServer

VERSION = "1.24.0"
MODULE = SOURCES / "ferretdb"
FILES = (MODULE / "go.mod", MODULE / "go.sum", MODULE / "main.go")


def compile_module(folder: Path) -> None:
    options = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-tags", "ferretdb_no_mysql,ferretdb_no_hana"]
    run(["go", "build", *options, "-o", folder / "ferretdb", "."], MODULE, {"CGO_ENABLED": "0"})


class FerretDB(RealServer):
    name = "mongodb"
    recipe = Recipe("ferretdb", VERSION, ("go",), compile_module, FILES)

    def command(self) -> list[str | Path]:
        return [self.program / "ferretdb", f"{HOST}:{self.port}", self.data]

    def answers(self) -> bool:
        client: pymongo.MongoClient[dict[str, object]]
        with pymongo.MongoClient(f"mongodb://{HOST}:{self.port}/", serverSelectionTimeoutMS=500) as client:
            client.admin.command("ping")
        return True

    def settings(self) -> dict[str, str]:
        return {"MONGODB_URL": f"mongodb://{HOST}:{self.port}/eventstream"}
