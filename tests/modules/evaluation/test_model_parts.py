"""The parts of a model are built once, and a model knows its folder."""

import copy
import pickle
from pathlib import Path

from records import folder, record

import charloom
from charloom.evaluation.model_parts import ModelParts
from charloom.model import Model


def test_parts_are_built_once() -> None:
    parts = ModelParts(record())
    assert parts.generator is parts.generator
    assert parts.scorer is parts.scorer


def test_a_loaded_model_knows_its_folder(tmp_path: Path) -> None:
    path = folder(tmp_path / "model")
    assert Model.load(str(path)).folder == path
    assert pickle.loads(pickle.dumps(Model.load(path))).folder == path
    assert copy.copy(Model.load(path)).folder == path
    assert Model(record()).folder is None


def test_a_trained_model_knows_its_folder(tmp_path: Path) -> None:
    source = tmp_path / "lines.txt"
    source.write_text("\n".join(f"line {k}" for k in range(60)), "utf-8")
    options = {"steps": 1, "hidden": 4, "device": "cpu"}
    assert charloom.train(source, **options).folder is None  # type: ignore[arg-type]
    output = tmp_path / "run"
    assert charloom.train(source, output=output, **options).folder == output  # type: ignore[arg-type]
