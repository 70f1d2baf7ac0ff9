"""One serving process: uvicorn around the application, how it tells that it is there, and how it ends."""

import asyncio
import gc
import math
import multiprocessing
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType

import uvicorn

from app.listening import listens, unusable
from app.main import asgi, build_parts
from app.one_write import Protocol
from app.parts import Parts
from app.settings import Settings
from app.spool import spooling

SAME_SIGNAL_SECONDS = 1.0
IDLE_SECONDS = 75
"""Proxies keep connections to us for 60: if we closed one first, something might just be on its way."""
GARBAGE_AFTER = 20_000
"""Objects more before the collector looks for cycles; the usual 700 cost a fifth of the time of a purchase."""


def serve(settings: Settings, database_url: str, listener: socket.socket, started: Callable[[], None]) -> int:
    """Serve until a signal, or the death of the process that started us; the exit status.

    Raises:
        SettingsError: another process listens on our port by now.
    """
    parts = build_parts(settings, database_url)
    config = uvicorn.Config(
        asgi(parts),
        loop="uvloop",
        http=Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_seconds),
        backlog=4096,
    )
    server = Server(config, parts, listener, started)
    try:
        with spooling(settings.data_dir):
            server.run(sockets=[listener])
    finally:
        gc.freeze()  # what ends now need not be searched for cycles: that took half a second
    if server.unheard:
        raise unusable(settings)
    return 0 if server.started else 1


class Server(uvicorn.Server):
    """The first signal turns `/health/ready` red for `drain_seconds`; then no more connections are taken."""

    def __init__(
        self, config: uvicorn.Config, parts: Parts, listener: socket.socket, when_started: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.parts = parts
        self.listener = listener
        self.when_started = when_started
        self.asked_at = math.inf
        self.unheard = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if parent := multiprocessing.parent_process():
            asyncio.get_running_loop().add_reader(parent.sentinel, self.orphaned, parent.sentinel)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under `nohup`
            signal.signal(signal.SIGHUP, self.handle_exit)  # a closed terminal; the other signals are uvicorn's own
        with self.listener.dup() as also:
            await super().startup(sockets)
            self.unheard = self.started and not listens(also)
        if self.unheard:
            self.listener.detach()  # uvloop has closed it
            self.should_exit = True
        elif self.started:
            gc.collect()
            gc.freeze()
            gc.set_threshold(GARBAGE_AFTER)
            self.when_started()

    def orphaned(self, sentinel: int) -> None:
        asyncio.get_running_loop().remove_reader(sentinel)
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A second signal ends the drain; within a second it is the same one, from the terminal and from our parent."""
        now = time.monotonic()
        self.parts.draining = True
        if now - self.asked_at > SAME_SIGNAL_SECONDS or not self.parts.settings.drain_seconds:
            super().handle_exit(sig, frame)
        self.asked_at = min(self.asked_at, now)

    async def on_tick(self, counter: int) -> bool:
        self.should_exit = self.should_exit or time.monotonic() - self.asked_at >= self.parts.settings.drain_seconds
        return await super().on_tick(counter)
