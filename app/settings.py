"""Every environment variable, typed and read once; a bad value fails at start and names its variable."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import limits

from app.addresses import base_url, kafka_servers, mongodb_url, postgres_url, s3_endpoint, url_below
from app.client_address import Network, networks
from app.domain.money import CURRENCIES
from app.domain.zones import ZONES
from app.engines.kafka_access import KafkaAccess
from app.engines.s3_addresses import Bucket, Keys

T = TypeVar("T")
KAFKA_PROTOCOLS = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
KAFKA_MECHANISMS = ("plain", "scram-sha-256", "scram-sha-512")


class SettingsError(Exception):
    """An environment variable, `name`, has a value that cannot work."""

    def __init__(self, text: str, name: str = "") -> None:
        super().__init__(text)
        self.name = name


@dataclass(frozen=True)
class RateLimits:
    """Named policies; what each one counts is said in `rate_limits.py`."""

    sign_in: limits.RateLimitItem
    sign_in_account: limits.RateLimitItem
    sign_in_address: limits.RateLimitItem
    sign_up: limits.RateLimitItem
    submit: limits.RateLimitItem
    buy: limits.RateLimitItem
    read: limits.RateLimitItem


@dataclass(frozen=True, kw_only=True)
class Settings:
    data_dir: Path
    host: str
    port: int
    public_url: str
    demo: bool
    workers: int
    instance: str | None
    serve_http: bool
    run_consumers: bool
    currency: str
    timezone: str
    database_url: str | None
    mongodb_url: str | None
    bucket: Bucket | None
    media_base_url: str | None
    database_connections: int
    kafka: KafkaAccess | None
    kafka_replication: int | None
    log_partitions: int
    trusted_proxies: tuple[Network, ...]
    rate_limits: RateLimits
    session_idle_seconds: float
    session_absolute_seconds: float
    publish_seconds: float
    drain_seconds: float
    shutdown_seconds: float
    json_logs: bool | None
    log_level: str
    secret_files: tuple[Path, ...]

    @property
    def event_defaults(self) -> dict[str, str]:
        """What an event has where its sender says nothing."""
        return {"currency": self.currency, "timezone": self.timezone}

    @property
    def secure_cookies(self) -> bool:
        return self.public_url.startswith("https://")

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Settings":
        """Read the environment; `NAME_FILE` names a file that holds the value of a secret `NAME`."""
        read = Reader(env)
        port = read("PORT", "8000", between(0, 65535))
        serve_http = read("SERVE_HTTP", "1", switch)
        return cls(
            data_dir=read("EVENTSTREAM_DATA_DIR", ".eventstream", lambda value: Path(value).absolute()),
            host=read("EVENTSTREAM_HOST", "127.0.0.1", str),
            port=port,
            public_url=read("PUBLIC_URL", f"http://localhost:{port}", base_url),
            demo=read("EVENTSTREAM_DEMO", "0", switch),
            workers=read("WORKERS", "1", between(1, 256)),
            instance=env.get("EVENTSTREAM_INSTANCE") or None,
            serve_http=serve_http,
            run_consumers=read("RUN_CONSUMERS", "1", switch if serve_http else needed_without("SERVE_HTTP")),
            currency=read("EVENTSTREAM_CURRENCY", "EUR", currency),
            timezone=read("EVENTSTREAM_TIMEZONE", "UTC", timezone),
            database_url=read.secret("POSTGRESQL_DB_URL", postgres_url),
            mongodb_url=read.secret("MONGODB_URL", mongodb_url),
            bucket=read_bucket(read),
            media_base_url=read("MEDIA_BASE_URL", "", url_below) or None,
            database_connections=read("DATABASE_CONNECTIONS", "19", between(6, 1000)),
            kafka=read_kafka(read),
            kafka_replication=read("KAFKA_REPLICATION", "", lambda value: between(1, 99)(value) if value else None),
            log_partitions=read("LOG_PARTITIONS", "12", between(1, 1000)),
            trusted_proxies=read("TRUSTED_PROXIES", "", networks),
            rate_limits=read_rate_limits(read),
            session_idle_seconds=read("SESSION_IDLE_SECONDS", str(14 * 86400), seconds),
            session_absolute_seconds=read("SESSION_ABSOLUTE_SECONDS", str(60 * 86400), seconds),
            publish_seconds=read("PUBLISH_SECONDS", "5", seconds),
            drain_seconds=read("DRAIN_SECONDS", "0", seconds_or_none),
            shutdown_seconds=read("SHUTDOWN_SECONDS", "10", seconds),
            json_logs=read("LOG_JSON", "", lambda value: switch(value) if value else None),
            log_level=read("LOG_LEVEL", "info", one_of("debug", "info", "warning", "error")),
            secret_files=tuple(read.secret_files),
        )


class Reader:
    """Reads single variables, so that every complaint names the variable it is about."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.secret_files: list[Path] = []

    def __call__(self, name: str, default: str, parse: Callable[[str], T]) -> T:
        text = self.env.get(name) or default
        try:
            return parse(text)
        except (ValueError, KeyError) as error:
            raise SettingsError(f"{name}={text!r}: {error}", name) from error

    def secret(self, name: str, parse: Callable[[str], str] = str) -> str | None:
        """From `name` or the file that `name`_FILE names; what it is never gets into a complaint."""
        text = self.secret_text(name)
        try:
            return parse(text) if text else None
        except ValueError as error:
            raise SettingsError(f"{name}: {error}", name) from None

    def secret_text(self, name: str) -> str | None:
        if path := self.env.get(f"{name}_FILE"):
            try:
                self.secret_files.append(Path(path))
                return Path(path).read_text().strip()
            except OSError as error:
                raise SettingsError(f"{name}_FILE={path!r}: {error.strerror}", f"{name}_FILE") from error
        return self.env.get(name) or None


def read_rate_limits(read: Reader) -> RateLimits:
    return RateLimits(
        sign_in=read("RATE_LIMIT_SIGN_IN", "5/15 minutes", rate_limit),
        sign_in_account=read("RATE_LIMIT_SIGN_IN_ACCOUNT", "50/15 minutes", rate_limit),
        sign_in_address=read("RATE_LIMIT_SIGN_IN_ADDRESS", "100/15 minutes", rate_limit),
        sign_up=read("RATE_LIMIT_SIGN_UP", "20/hour", rate_limit),
        submit=read("RATE_LIMIT_SUBMIT", "100/15 minutes", rate_limit),
        buy=read("RATE_LIMIT_BUY", "100/15 minutes", rate_limit),
        read=read("RATE_LIMIT_READ", "6000/15 minutes", rate_limit),
    )


def read_bucket(read: Reader) -> Bucket | None:
    name = read("AWS_S3_BUCKET_NAME", "", bucket_name)
    region = read("AWS_REGION", "us-east-1", str)
    endpoint = read("AWS_ENDPOINT_URL_S3", "", s3_endpoint) or None
    id, secret = read.secret("AWS_ACCESS_KEY_ID"), read.secret("AWS_SECRET_ACCESS_KEY")
    token = read.secret("AWS_SESSION_TOKEN")
    if name and bool(id) != bool(secret):
        given = "AWS_ACCESS_KEY_ID" if id else "AWS_SECRET_ACCESS_KEY"
        raise SettingsError(f"{given} alone: of the id and the secret, set both or none", given)
    keys = Keys(id, secret, token) if id and secret else None
    return Bucket(name=name, region=region, endpoint=endpoint, keys=keys) if name else None


def read_kafka(read: Reader) -> KafkaAccess | None:
    servers = read("KAFKA_BOOTSTRAP_SERVERS", "", kafka_servers)
    access = KafkaAccess(
        servers=servers,
        prefix=read("KAFKA_PREFIX", "", topic_prefix),
        protocol=read("KAFKA_SECURITY_PROTOCOL", "plaintext", one_of(*KAFKA_PROTOCOLS)).upper(),
        ca_file=read("KAFKA_CA_FILE", "", existing_file),
        mechanism=read("KAFKA_SASL_MECHANISM", "scram-sha-512", one_of(*KAFKA_MECHANISMS)).upper(),
        username=read("KAFKA_SASL_USERNAME", "", str) or None,
        password=read.secret("KAFKA_SASL_PASSWORD"),
    )
    if servers and access.protocol.startswith("SASL") and not (access.username and access.password):
        name = "KAFKA_SECURITY_PROTOCOL"
        raise SettingsError(f"{name}: needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD", name)
    return access if servers else None


def between(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not low <= int(text) <= high:
            raise ValueError(f"must lie between {low} and {high}")
        return int(text)

    return parse


def seconds(text: str) -> float:
    if not 0 < float(text) < float("inf"):
        raise ValueError("must be a number of seconds above zero")
    return float(text)


def seconds_or_none(text: str) -> float:
    return seconds(text) if float(text) else 0.0


def rate_limit(text: str) -> limits.RateLimitItem:
    first, *more = limits.parse_many(text)
    if more:
        raise ValueError("must be one limit such as 5/minute, not several")
    return first


def switch(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError("must be 0 or 1")
    return text == "1"


def needed_without(other: str) -> Callable[[str], bool]:
    def parse(text: str) -> bool:
        if not switch(text):
            raise ValueError(f"with {other}=0 there is nothing left to do")
        return True

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text.lower()

    return parse


def topic_prefix(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,100}", text):
        raise ValueError("may have letters, digits, dots, hyphens and underscores")
    return text


def existing_file(text: str) -> Path | None:
    if text and not Path(text).is_file():
        raise ValueError("is no file")
    return Path(text) if text else None


def bucket_name(text: str) -> str:
    if text and not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", text):
        raise ValueError("must be the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens")
    return text


def currency(text: str) -> str:
    if text not in CURRENCIES:
        raise ValueError("must be an ISO 4217 code such as EUR")
    return text


def timezone(text: str) -> str:
    if text not in ZONES:
        raise ValueError("must be a timezone such as Europe/Berlin")
    return text
