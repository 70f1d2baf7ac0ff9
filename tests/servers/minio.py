"""MinIO, a server that speaks S3. Under the AGPL, so it serves tests only and is never shipped."""

import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import botocore.session

from tests.servers.cache import Recipe, run
from tests.servers.server import HOST, RealServer

VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
USER, PASSWORD, REGION, BUCKET = "eventstream", "eventstream-secret", "us-east-1", "eventstream"


def compile_release(folder: Path) -> None:
    run(
        ["go", "install", "-trimpath", "-ldflags=-s -w", f"github.com/minio/minio@{VERSION}"],
        folder,
        {"CGO_ENABLED": "0", "GOBIN": str(folder)},
    )


class MinIO(RealServer):
    name = "s3"
    recipe = Recipe("minio", VERSION, ("go",), compile_release)

    def command(self) -> list[str | Path]:
        return [self.program / "minio", "server", "--quiet", "--address", f"{HOST}:{self.port}", self.data]

    def environment(self) -> Mapping[str, str]:
        return {
            "MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": PASSWORD, "MINIO_BROWSER": "off", "MINIO_UPDATE": "off",
            "MINIO_REGION": REGION, "CI": "true",  # any file system will do
        }  # fmt: skip

    def answers(self) -> bool:
        with urllib.request.urlopen(f"{self.url}/minio/health/cluster", timeout=2) as answer:
            healthy: bool = answer.status == 200
        with suppress(self.client.exceptions.BucketAlreadyOwnedByYou):
            self.client.create_bucket(Bucket=BUCKET)
        return healthy

    @cached_property
    def client(self) -> Any:
        keys = {"aws_access_key_id": USER, "aws_secret_access_key": PASSWORD}
        return botocore.session.Session().create_client("s3", REGION, endpoint_url=self.url, **keys)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def settings(self) -> dict[str, str]:
        return {
            "AWS_S3_BUCKET_NAME": BUCKET, "AWS_ENDPOINT_URL_S3": self.url, "AWS_ACCESS_KEY_ID": USER,
            "AWS_SECRET_ACCESS_KEY": PASSWORD, "AWS_REGION": REGION,
        }  # fmt: skip
