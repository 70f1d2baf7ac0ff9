"""Whom the embedded PostgreSQL takes us for: it refuses root, and users whom the system has no name for."""

import ctypes
import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.signals import signals_held

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER = 0x10000000


def user_switch(folder: Path) -> dict[str, Any]:
    """What `Popen` needs so that PostgreSQL runs as somebody it takes, or at least does not see who we are."""
    root = os.getuid() == 0
    if not root and has_a_name(os.getuid()):
        return {}
    nobody = pwd.getpwnam("nobody")
    disguise = disguise_as(nobody)
    given_away = root and folder.stat().st_uid == nobody.pw_uid
    if not given_away and sys.platform == "linux" and works(disguise):
        return {"preexec_fn": disguise}
    if not root:
        return {}
    if not given_away:
        # the folder itself comes last: its owner says that all below it is done
        for path in [*folder.rglob("*"), folder]:
            os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def has_a_name(user: int) -> bool:
    with suppress(KeyError):
        return bool(pwd.getpwuid(user))
    return False


def works(disguise: Callable[[], None]) -> bool:
    """Tried in a child: there is no way back."""
    with signals_held(), suppress(subprocess.SubprocessError, OSError):  # this is how a refusal arrives
        return subprocess.run(["true"], preexec_fn=disguise, start_new_session=True).returncode == 0
    return False


def disguise_as(user: pwd.struct_passwd) -> Callable[[], None]:
    """For a child: a user namespace in which we have this name. On disk everything still belongs to us."""
    users, groups = (user.pw_uid, os.getuid()), (user.pw_gid, os.getgid())
    maps = {"setgroups": b"deny", "uid_map": b"%d %d 1" % users, "gid_map": b"%d %d 1" % groups}

    def disguise() -> None:
        if LIBC.unshare(CLONE_NEWUSER) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        for name, text in maps.items():
            file = os.open(f"/proc/self/{name}", os.O_WRONLY)
            os.write(file, text)
            os.close(file)

    return disguise
