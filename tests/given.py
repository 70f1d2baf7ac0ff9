"""The engines the suite runs on: those that the environment names, and embedded ones for the rest."""

import asyncio
import functools
import hashlib
import os
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg
import botocore.session
import pymongo
from aiokafka.admin import AIOKafkaAdminClient

from tests.servers.fleet import Fleet

CHOOSING = ("POSTGRESQL_DB_URL", "KAFKA_BOOTSTRAP_SERVERS", "MONGODB_URL", "AWS_S3_BUCKET_NAME")
REACHING_S3 = ("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
EMBEDDED = dict.fromkeys(CHOOSING, "")
"""For tests of the embedded engines themselves."""

if "ENGINES_FOLDER" in os.environ:
    os.environ |= Fleet().settings()
GIVEN = {name: os.environ[name] for name in CHOOSING if os.environ.get(name)}
RUN = uuid.uuid4().hex[:8]


class World:
    """What one test has of the given engines to itself: names that nobody else uses."""

    def __init__(self, owner: str) -> None:
        self.name = f"t-{RUN}-{hashlib.sha256(owner.encode()).hexdigest()[:12]}"
        self.settings: dict[str, str] = {}
        if servers := GIVEN.get("KAFKA_BOOTSTRAP_SERVERS"):
            self.settings |= {
                "KAFKA_BOOTSTRAP_SERVERS": servers,
                "KAFKA_PREFIX": f"{self.name}.",
                "LOG_PARTITIONS": "3",
            }
        if url := GIVEN.get("MONGODB_URL"):
            self.settings["MONGODB_URL"] = named(url, self.name)
        if GIVEN.get("AWS_S3_BUCKET_NAME"):
            s3().create_bucket(Bucket=self.name)
            self.settings |= {name: os.environ[name] for name in REACHING_S3} | {"AWS_S3_BUCKET_NAME": self.name}

    def end(self) -> None:
        if servers := self.settings.get("KAFKA_BOOTSTRAP_SERVERS"):
            asyncio.run(delete_topics(servers, self.settings["KAFKA_PREFIX"]))
        if url := self.settings.get("MONGODB_URL"):
            with pymongo.MongoClient[dict[str, Any]](url) as client:
                client.drop_database(self.name)
        if bucket := self.settings.get("AWS_S3_BUCKET_NAME"):
            empty(bucket)
            s3().delete_bucket(Bucket=bucket)


worlds: dict[str, World] = {}


def world_of(owner: str | Path) -> World:
    """The same one whenever the same database or data folder asks."""
    if str(owner) not in worlds:
        worlds[str(owner)] = World(str(owner))
    return worlds[str(owner)]


def end_world(owner: str | Path) -> None:
    if world := worlds.pop(str(owner), None):
        world.end()


def end_all_worlds() -> None:
    for owner in list(worlds):
        end_world(owner)


def named(url: str, database: str) -> str:
    """The URL of another database on the same server."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def database_of(folder: Path) -> str:
    """The URL of the database behind a data folder (one whose path is short enough for a socket)."""
    if server := GIVEN.get("POSTGRESQL_DB_URL"):
        return named(server, world_of(folder).name)
    return embedded_database(folder)


def embedded_database(folder: Path) -> str:
    return f"postgresql://postgres@/eventstream?host={quote(str(folder / 'postgres'), safe='')}"


def settings_of(folder: Path) -> Mapping[str, str]:
    """For a server on that data folder."""
    settings = dict(world_of(folder).settings)
    if GIVEN.get("POSTGRESQL_DB_URL"):
        settings["POSTGRESQL_DB_URL"] = database_of(folder)
        with ThreadPoolExecutor(1) as elsewhere:  # there may be an event loop here
            elsewhere.submit(asyncio.run, create_database(world_of(folder).name)).result()
    return settings


async def create_database(name: str) -> None:
    connection = await asyncpg.connect(GIVEN["POSTGRESQL_DB_URL"])
    if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
        await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()


async def delete_topics(servers: str, prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    if ours := [topic for topic in await admin.list_topics() if topic.startswith(prefix)]:
        await admin.delete_topics(ours)
    await admin.close()


@functools.cache
def s3() -> Any:
    return botocore.session.Session().create_client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"])


def empty(bucket: str) -> None:
    while found := s3().list_objects_v2(Bucket=bucket).get("Contents"):
        s3().delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": one["Key"]} for one in found]})
