"""What `make` does on a fresh clone."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]

VENV = """
mkdir "$2" || exit 1  # as anything that finds somebody else at it
mkdir "$2/bin"
printf '#!/bin/sh\\nsleep 0.2\\n' > "$2/bin/uv"
printf '#!/bin/sh\\necho served\\n' > "$2/bin/eventstream"
printf '#!/bin/sh\\n' > "$2/bin/python"
chmod +x "$2/bin/uv" "$2/bin/eventstream" "$2/bin/python"
"""


def made(*targets: str, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "EVENTSTREAM_"))}
    return subprocess.run(
        ["make", *targets], cwd=ROOT, env={**clean, **environment}, capture_output=True, text=True, check=True
    ).stdout


def test_make_alone_lists_its_targets() -> None:
    listed = [line.split()[0] for line in made().splitlines()]
    assert {"run", "test", "test-engines", "engines", "check", "format", "bench", "screenshots", "lock"} <= {*listed}


def test_the_demo_is_there_by_default_and_the_environment_beats_it() -> None:
    assert "EVENTSTREAM_DEMO ?= 1" in (ROOT / "Makefile").read_text()
    shown = ("-pn", "help")
    assert "EVENTSTREAM_DEMO = 1" in made(*shown)
    assert "EVENTSTREAM_DEMO = 0" in made(*shown, EVENTSTREAM_DEMO="0")


def test_two_that_start_together_share_one_environment(tmp_path: Path) -> None:
    """Installing is played by a script that cannot be run twice."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "locks", tmp_path / "locks")
    (tmp_path / "locks" / "venv.sh").write_text(VENV)
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "VENV")}
    both = [
        subprocess.Popen(
            ["make", "run"], cwd=tmp_path, env={**environment, "PORT": port}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for port in ("9001", "9002")
    ]  # fmt: skip
    said = [one.communicate(timeout=60)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert [text.splitlines()[-1] for text in said] == ["served", "served"]


def test_the_environment_is_made_with_a_python_that_can_make_one_or_the_one_that_is_named() -> None:
    python = subprocess.run(["sh", "locks/python.sh"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"venv.sh {python.strip()} .venv" in made("-n", "-B", ".venv/.uv")
    subprocess.run([python.strip(), "-c", "import sys, venv; assert sys.version_info >= (3, 11)"], check=True)
    assert "venv.sh /opt/python .venv" in made("-n", "-B", ".venv/.uv", PYTHON="/opt/python")
