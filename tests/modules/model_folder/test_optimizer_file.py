"""The kept state of an optimizer is written and read exactly, or refused in one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charloom.errors import ModelFolderError
from charloom.model_folder.optimizer_file import OPTIMIZER, OptimizerState, read_optimizer

NUMBERS = np.arange(6, dtype=np.float32).reshape(3, 2) / 7
STATE: dict[str, Any] = {
    "steps": {"recurrent": 4, "matrix": 4, "vector": 4, "label": 2},
    "states": {
        "momentum": {"cells.0.recurrent_weight": NUMBERS},
        "mean": {"output.weight": -NUMBERS, "labels.hidden": NUMBERS[None]},
    },
}
SHAPES = {"cells.0.recurrent_weight": (3, 2), "output.weight": (3, 2), "labels.hidden": (1, 3, 2)}


def written(folder: Path) -> bytes:
    content = OptimizerState.from_state_dict("muon", STATE).to_bytes()
    (folder / OPTIMIZER).write_bytes(content)
    return content


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    content = written(tmp_path)
    kept = read_optimizer(tmp_path)
    assert kept is not None and kept.optimizer == "muon"
    again = kept.state_dict(SHAPES)
    assert again["steps"] == STATE["steps"]
    assert again["states"].keys() == STATE["states"].keys()
    assert np.array_equal(again["states"]["mean"]["output.weight"], -NUMBERS)
    assert np.array_equal(again["states"]["momentum"]["cells.0.recurrent_weight"], NUMBERS)
    assert kept.to_bytes() == content == OptimizerState.from_bytes(content).to_bytes()


def test_rows_of_new_symbols_and_labels_are_zeros(tmp_path: Path) -> None:
    written(tmp_path)
    kept = read_optimizer(tmp_path)
    assert kept is not None
    wider = SHAPES | {"output.weight": (5, 2), "labels.cell": (2, 3, 2)}
    mean = kept.state_dict(wider)["states"]["mean"]
    assert np.array_equal(mean["output.weight"], [*-NUMBERS, [0, 0], [0, 0]])
    assert mean["labels.cell"].shape == (2, 3, 2) and not mean["labels.cell"].any()


def test_a_folder_without_the_file_has_no_state(tmp_path: Path) -> None:
    assert read_optimizer(tmp_path) is None


@pytest.mark.parametrize("change", ["cut", "flip", "empty", "text", "weights"])
def test_a_damaged_file_is_refused(tmp_path: Path, change: str) -> None:
    content, path = written(tmp_path), tmp_path / OPTIMIZER
    damaged = {
        "cut": content[:-3],
        "flip": content[:-1] + bytes([content[-1] ^ 1]),
        "empty": b"",
        "text": b"no tensors at all",
        "weights": content.replace(b'"steps"', b'"stops"'),
    }
    path.write_bytes(damaged[change])
    with pytest.raises(ModelFolderError) as caught:
        read_optimizer(tmp_path)
    assert str(caught.value) == (
        f"{path} is damaged or was altered after it was saved; copy it again from where it was "
        "made, or remove it: the moments of the optimizer then start at zero."
    )


def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path)

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ModelFolderError) as caught:
        read_optimizer(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / OPTIMIZER} cannot be read (Permission denied); allow it, or remove the file: "
        "the moments of the optimizer then start at zero."
    )
