from pathlib import Path

import pytest
from command_line import Charloom, make_runner
from records import folder


@pytest.fixture
def charloom(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Charloom:
    return make_runner(capsys, monkeypatch)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the folder of a small model with random weights."""
    return folder(tmp_path / "model")


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Return the folder of a small model with labels."""
    return folder(tmp_path / "labelled", labels=("World", "Sports"))
