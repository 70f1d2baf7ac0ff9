"""Where files of requests under way lie: in a folder of this process, which goes with it, however it ends."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def spooling(data_dir: Path) -> Iterator[Path]:
    """`tempfile` makes its files in the folder while the block runs; those that killed processes left go first."""
    spool = data_dir / "spool"
    spool.mkdir(exist_ok=True, mode=0o700)
    with ExitStack() as until_the_end:
        with (spool / "gate.lock").open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            for left in spool.glob("process-*"):
                with folder_lock(left) as dead:
                    if dead:
                        shutil.rmtree(left)
            own = Path(tempfile.mkdtemp(prefix="process-", dir=spool))
            until_the_end.enter_context(folder_lock(own))
        until_the_end.callback(shutil.rmtree, own, ignore_errors=True)  # a thread may still write; the next start looks
        until_the_end.callback(setattr, tempfile, "tempdir", tempfile.tempdir)
        tempfile.tempdir = str(own)
        yield own


@contextmanager
def folder_lock(folder: Path) -> Iterator[bool]:
    """Whether nobody else has it. It is held while the block runs; who dies lets go of it."""
    number = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(number)
