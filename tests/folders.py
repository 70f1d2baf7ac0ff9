"""Where a run keeps what it forgets."""

import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ENOUGH = 4 * 2**30


def passing_folder(prefix: str) -> Path:
    """In memory where there is room: disks slow down as a database comes and goes with every test.

    ext4, for one, does not give the place of a deleted file away for five seconds, and looks at each in vain.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH
    return Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if roomy else None))
