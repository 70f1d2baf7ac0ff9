"""What `make engines` needs, and what it leaves when something goes wrong."""

from pathlib import Path

import pytest

from tests.servers.cache import Recipe, ServersError, require, run

TOOLS = {"java", "mvn", "go"}


def test_what_is_missing_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServersError, match=r"not on the PATH here: JDK 17 or later, Maven, Go 1.24 or later\.$"):
        require(TOOLS)


def test_what_is_too_old_counts_as_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, words in (("java", 'openjdk version "11.0.2"'), ("go", "go version go1.19.8 linux/amd64"), ("mvn", "")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{words}'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServersError, match=r"here: JDK 17 or later, Go 1.24 or later\.$"):
        require(TOOLS)


def test_a_build_that_fails_is_told_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        run(["sh", "-c", "echo no such module >&2; exit 3"], folder)

    recipe = Recipe("thing", "1.0", (), fail)
    with pytest.raises(ServersError, match="no such module"):
        recipe.built()
    assert not recipe.folder.exists()
    assert not list(tmp_path.rglob("half"))


def test_what_was_built_once_is_not_built_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    builds: list[Path] = []
    source = tmp_path / "source"
    source.write_text("one")
    recipe = Recipe("thing", "1.0", (), builds.append, (source,))
    assert recipe.built() == recipe.built()
    assert len(builds) == 1
    source.write_text("two")
    recipe.built()
    assert len(builds) == 2
