import os
import subprocess
import sys
from pathlib import Path

import pytest
from records import record

from charloom.model_folder import format as model_folder
from charloom.model_folder.atomic import make_sibling, recover
from charloom.model_folder.writer import ModelWriter, create_model_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nothing is cleared away there")


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let folders be made in the name of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        pass
    monkeypatch.setattr(os, "getpid", lambda: process.pid)
    return process.pid


@pytest.mark.usefixtures("dead")
def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    (make_sibling(tmp_path / "m") / "metrics.jsonl").write_text("{}")
    other = make_sibling(tmp_path / "n")
    recover(tmp_path / "m")
    assert set(tmp_path.iterdir()) == {other}


def test_what_a_living_process_has_stays(tmp_path: Path) -> None:
    with ModelWriter(tmp_path / "m"):
        before = set(tmp_path.iterdir())
        recover(tmp_path / "m")
        assert set(tmp_path.iterdir()) == before != set()


@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize("whole", [True, False])
def test_a_kill_between_two_renamings_loses_no_model(tmp_path: Path, whole: bool) -> None:
    path = tmp_path / "m"
    create_model_folder(path, record())
    path.rename(make_sibling(path) / "model")
    new = make_sibling(path)
    if whole:
        create_model_folder(new, record(metrics={"step": 9}), force=True)
    recover(path)
    assert set(tmp_path.iterdir()) == {path}
    assert (model_folder.read(path).metrics.get("step") == 9) is whole


def test_where_there_is_nothing(tmp_path: Path) -> None:
    recover(tmp_path / "a" / "m")
    assert not list(tmp_path.iterdir())
