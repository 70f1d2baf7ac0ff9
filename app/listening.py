"""The socket that people reach, and what we say about it."""

import errno
import os
import resource
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.settings import Settings, SettingsError

OPEN_FILES = (65_536, 10_240)


@contextmanager
def bound_socket(settings: Settings) -> Iterator[socket.socket]:
    """Bound and not yet listening: until somebody answers, connections are refused rather than kept waiting."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise unusable(settings, error.strerror) from error
        yield listener


def unusable(settings: Settings, why: str | None = os.strerror(errno.EADDRINUSE)) -> SettingsError:
    return SettingsError(f"EVENTSTREAM_HOST={settings.host!r} PORT={settings.port}: {why}")


def listens(listener: socket.socket) -> bool:
    """On Linux two may bind one port while neither listens; the second to listen is refused, which uvloop conceals."""
    return sys.platform != "linux" or listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


def allow_many_connections() -> None:
    """Each is an open file, of which a shell commonly allows 1,024 though the system would give more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for many in OPEN_FILES:
        most = many if hard == resource.RLIM_INFINITY else min(many, hard)
        with suppress(ValueError, OSError):  # macOS says that there is no limit, and has one
            if soft != resource.RLIM_INFINITY and soft < most:
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return


def greeting(settings: Settings, port: int) -> str:
    address = f"http://localhost:{port}"
    if not settings.serve_http:
        return f"\n  EventStream consumes.\n\n  Health          {address}/health/ready\n"
    lines = [
        "",
        f"  EventStream is at {address}",
        "",
        f"  Look around     {address}/",
        f"  Organize        {address}/sign-up/organizer, then New event",
        f"  Buy a ticket    {address}/sign-up",
        f"  JSON API        {address}/schema",
        f"  Health          {address}/health/ready",
    ]
    if settings.demo:
        accounts = relative(settings.data_dir / "demo-accounts.txt")
        lines += ["", "  At the first start demo festivals appear one by one."]
        lines += [f"  Demo accounts and their password are in {accounts}"]
    return "\n".join([*lines, "", "  Ctrl-C stops everything.", ""])


def relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
