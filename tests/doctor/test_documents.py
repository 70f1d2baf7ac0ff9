"""What the doctor says of versions of MongoDB."""

import pytest

from app.doctor.documents import verdict_of


@pytest.mark.parametrize(
    ("version", "state"),
    [("3.6.23", "wrong"), ("4.0.28", "wrong"), ("4.2.0", "ok"), ("10.0.1", "ok"), ("8.1-rc0", "ok")],
)
def test_a_version_that_does_not_know_our_updates_is_wrong(version: str, state: str) -> None:
    assert verdict_of(version).state == state
