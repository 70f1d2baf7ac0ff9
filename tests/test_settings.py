"""Settings: what is documented is what is read."""

import re
from pathlib import Path

import pytest

from app.settings import NOT_YET, Settings, SettingsError

EXAMPLE = Path(__file__).parent.parent / ".env.example"


class Recording(dict[str, str]):
    """An environment that remembers what was asked for."""

    def __init__(self, *arguments: dict[str, str]) -> None:
        super().__init__(*arguments)
        self.asked: set[str] = set()

    def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
        self.asked.add(name)
        return super().get(name, default)  # type: ignore[arg-type]


def documented() -> dict[str, str]:
    return dict(re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))


def test_every_setting_is_in_the_example_and_nothing_else() -> None:
    asked = Recording()
    Settings.from_env(asked)
    assert set(documented()) == asked.asked - set(NOT_YET) - {"POSTGRESQL_DB_URL_FILE"}


def test_the_example_shows_the_defaults() -> None:
    shown = {name: value for name, value in documented().items() if name != "POSTGRESQL_DB_URL"}
    assert Settings.from_env(shown) == Settings.from_env({})


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://somewhere/db\n")
    assert Settings.from_env({"POSTGRESQL_DB_URL_FILE": str(secret)}).database_url == "postgresql://somewhere/db"


def test_a_bad_value_is_told_with_its_variable() -> None:
    with pytest.raises(SettingsError, match="RATE_LIMIT_BUY='often'"):
        Settings.from_env({"RATE_LIMIT_BUY": "often"})


@pytest.mark.parametrize("name", ["EVENTSTREAM_INSTANCE", "DRAIN_SECONDS"])
def test_an_empty_value_is_as_good_as_none(name: str) -> None:
    assert Settings.from_env({name: ""}) == Settings.from_env({})


def test_a_process_that_would_do_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="RUN_CONSUMERS='0': with SERVE_HTTP=0 there is nothing left to do"):
        Settings.from_env({"SERVE_HTTP": "0", "RUN_CONSUMERS": "0"})
