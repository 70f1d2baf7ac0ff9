"""What needs a real server is collected where the settings name one, and nowhere else."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from tests.conftest import DURABILITY, configure, hurry
from tests.given import GIVEN

NEEDS = {
    "test_kafka.py": "KAFKA_BOOTSTRAP_SERVERS",
    "test_bucket.py": "AWS_S3_BUCKET_NAME",
    "test_mongo.py": "MONGODB_URL",
}

collect_ignore = [name for name, setting in NEEDS.items() if not os.environ.get(setting)]


@pytest.fixture(scope="package", autouse=True)
def durable(server: str) -> Iterator[None]:
    """The embedded server as people have it."""
    if GIVEN.get("POSTGRESQL_DB_URL"):
        yield
        return
    asyncio.run(configure(server, *(f"ALTER SYSTEM RESET {setting}" for setting in DURABILITY)))
    yield
    asyncio.run(hurry(server))
