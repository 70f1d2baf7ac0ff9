"""Addresses in settings: what could never be one is refused before anybody is asked, and never shown, for passwords."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SSL_FILES = ("sslrootcert", "sslcert", "sslkey")
ESCAPING = "with @ : / ? # % in the password written as %40 %3A %2F %3F %23 %25"
SERVER = re.compile(r"(\[[0-9a-fA-F:]+\]|[^\s\[\]:@/]*)(:\d{1,5})?")
KAFKA_SERVER = re.compile(r"[^\s,:/]+:\d+|\[[0-9a-fA-F:]+\]:\d+")
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-f:]+")


def postgres_url(text: str) -> str:
    begins_with("postgresql://", "postgres://")(text)
    wrong = ValueError(f"must look like postgresql://user:password@host:5432/database, {ESCAPING}")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise wrong from None
    servers = parts.netloc.split("@", 1)[-1]
    if not all(SERVER.fullmatch(server) for server in servers.split(",")):
        raise wrong
    options = parse_qs(parts.query)
    if not set(SSL_MODES).issuperset(options.get("sslmode", [])):
        raise ValueError(f"sslmode must be one of {', '.join(SSL_MODES)}")
    for name in SSL_FILES:
        if not all(Path(file).is_file() for file in options.get(name, [])):
            raise ValueError(f"{name} names no file")
    return text


def mongodb_url(text: str) -> str:
    """By the driver's own rules, which takes a moment to import, so only who set one pays for it."""
    begins_with("mongodb://", "mongodb+srv://")(text)
    from pymongo.errors import PyMongoError
    from pymongo.uri_parser import parse_uri

    scheme, _, rest = text.partition("://")
    known_later = scheme == "mongodb+srv"  # who the servers are is in the DNS
    try:
        parse_uri(f"mongodb://{rest.partition('?')[0]}" if known_later else text, warn=True)
    except (PyMongoError, ValueError):
        raise ValueError(f"must look like {scheme}://user:password@host/database, {ESCAPING}") from None
    except OSError as error:
        raise ValueError(f"a file that it names cannot be read: {error.strerror}") from error
    return text


def begins_with(*starts: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not text.startswith(starts):
            raise ValueError(f"must begin with {' or '.join(starts)}")
        return text

    return parse


def base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.path.strip("/"):
        raise ValueError("must look like https://tickets.example.org")
    return text.rstrip("/")


def url_below(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment):
        raise ValueError("must look like https://media.example.org or https://example.org/media")
    return text.rstrip("/")


def s3_endpoint(text: str) -> str:
    """Names that the client of S3 takes, which are stricter than most."""
    url = url_below(text)
    parts = urlsplit(url)
    if url and not (HOST_NAME.fullmatch(parts.hostname or "") and (parts.port is None or parts.port)):
        raise ValueError("its host may have letters, digits, dots and hyphens only")
    return url


def kafka_servers(text: str) -> str:
    if text and not all(map(KAFKA_SERVER.fullmatch, text.split(","))):
        raise ValueError("must look like kafka-1:9092,kafka-2:9092")
    return text
