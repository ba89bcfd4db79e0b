from pathlib import Path

import pytest
from command_line import Charloom, runner
from records import folder


@pytest.fixture
def charloom(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Charloom:
    return runner(capsys, monkeypatch)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the folder of a small model with random weights."""
    return folder(tmp_path / "model")


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Return the folder of a small model with labels."""
    return folder(tmp_path / "labelled", labels=("World", "Sports"))
