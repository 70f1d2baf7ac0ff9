"""How a process is asked to end."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(SystemExit):
    """A signal asked us to end."""


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Turns the signals into `Stop`, once: what is being tidied up then is not interrupted again."""

    def stop(number: int, frame: object) -> None:
        for one in STOP_SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        raise Stop(0)

    for one in STOP_SIGNALS:
        if one != signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN:  # as under `nohup`
            signal.signal(one, stop)
    yield


@contextmanager
def signals_held() -> Iterator[None]:
    """Else one between fork and exec runs our handlers in the child, or leaves behind what is just starting.

    A child goes on holding them; one of ours calls `release_signals`.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def release_signals() -> None:
    """In a child that was started while they were held."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
