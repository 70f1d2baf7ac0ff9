"""Several serving processes on one socket: started, started again when they die, and ended, by one parent."""

import multiprocessing
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import structlog

from app.listening import unusable
from app.logs import configure_logs
from app.settings import Settings, SettingsError
from app.signals import release_signals, signals_held, stopping_on_signals

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STEADY_SECONDS = 60.0
CLOSING_SECONDS = 10.0
"""For what comes after the requests in flight: consumers, pools and the log."""

UNUSABLE = 2
"""The status of a worker that cannot listen: there is no sense in starting it again."""

CONTEXT = multiprocessing.get_context("spawn")


def supervise(settings: Settings, database_url: str, listener: socket.socket, started: Callable[[], None]) -> int:
    """Keep `settings.workers` processes running until a signal ends us; calls `started` once all of them serve."""
    news, reports = CONTEXT.Pipe(duplex=False)
    workers = [Worker(settings, database_url, listener, number, reports) for number in range(1, settings.workers + 1)]
    serving: set[int] = set()
    try:
        while True:
            for worker in workers:
                worker.keep_running()
            alive = [worker.process.sentinel for worker in workers if worker.process]
            pauses = [worker.due_in for worker in workers if worker.due_in is not None]
            wait([news, *alive], timeout=min(pauses, default=None))
            while news.poll():
                number = news.recv()
                if number not in serving and len(serving) + 1 == len(workers):
                    started()
                serving.add(number)
    finally:
        listener.close()  # the workers have their own; with ours the system would go on taking who comes, for nobody
        end(workers, settings.drain_seconds + settings.shutdown_seconds + CLOSING_SECONDS)


class Worker:
    """One place in the crew: its process, or the pause before the next one."""

    def __init__(
        self, settings: Settings, database_url: str, listener: socket.socket, number: int, reports: Connection
    ) -> None:
        self.settings = settings
        self.arguments = (settings_of(settings, number), database_url, listener, number, reports)
        self.number = number
        self.process: BaseProcess | None = None
        self.began = self.due = time.monotonic()
        self.pause = FIRST_PAUSE

    @property
    def due_in(self) -> float | None:
        """Seconds until it has to be started; None while it runs."""
        return None if self.process else max(0.0, self.due - time.monotonic())

    def keep_running(self) -> None:
        now = time.monotonic()
        if self.process and self.process.exitcode == UNUSABLE:
            raise unusable(self.settings)
        if self.process and self.process.exitcode is not None:
            self.pause = FIRST_PAUSE if now - self.began > STEADY_SECONDS else self.pause
            log.error("worker died", worker=self.number, status=self.process.exitcode, again_in=self.pause)
            self.process, self.due = None, now + self.pause
            self.pause = min(self.pause * 2, LONGEST_PAUSE)
        if self.process is None and now >= self.due:
            self.began = now
            process = CONTEXT.Process(target=work, args=self.arguments, name=f"worker {self.number}")
            with signals_held():
                process.start()
                self.process = process


def settings_of(settings: Settings, number: int) -> Settings:
    """Names differ, since equal ones would fence each other; the demo is loaded once."""
    instance = f"{settings.instance}-{number}" if settings.instance else None
    return replace(settings, instance=instance, demo=settings.demo and number == 1)


def work(settings: Settings, database_url: str, listener: socket.socket, number: int, reports: Connection) -> None:
    """The whole life of a worker."""
    with stopping_on_signals():
        release_signals()
        from app.serving import serve  # only now: it takes a second, and a signal in it should end us

        configure_logs(settings)
        try:
            raise SystemExit(serve(settings, database_url, listener, lambda: reports.send(number)))
        except SettingsError:  # of the listener; all others were read before
            raise SystemExit(UNUSABLE) from None  # for the parent to tell, once for all


def end(workers: list[Worker], seconds: float) -> None:
    """Ask all, wait together, and kill who is left."""
    deadline = time.monotonic() + seconds
    processes = [worker.process for worker in workers if worker.process]
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            log.error("worker killed", worker=process.name, seconds=seconds)
            process.kill()
            process.join()
