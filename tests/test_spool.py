"""Where files of requests under way lie."""

import tempfile
from pathlib import Path

from app.spool import spooling


def test_files_that_pass_are_made_in_a_folder_of_the_process(tmp_path: Path) -> None:
    before = tempfile.gettempdir()
    with spooling(tmp_path) as own:
        with tempfile.NamedTemporaryFile() as file:
            assert Path(file.name).parent == own
        assert own.parent.parent == tmp_path
    assert not own.exists()
    assert tempfile.gettempdir() == before
