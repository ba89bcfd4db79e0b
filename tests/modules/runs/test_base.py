"""A run has the settings, symbols and labels of its base first, and the base's weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import make_vocabulary, random_tensors
from records import folder, record

from charloom.errors import ModelFolderError, SettingsError
from charloom.model_folder.format import ModelRecord
from charloom.network.initialization import initial_tensors
from charloom.network.parameters import parameter_shapes
from charloom.runs.base import Base, inherit_settings, read_base, widen_tensors
from charloom.settings import NetworkSettings, TextSettings


def made(**fields: Any) -> ModelRecord:
    return record(**fields)


def test_settings_of_the_base_are_inherited() -> None:
    base = made(network=NetworkSettings(cell="gru", hidden=6, layers=2, input=5))
    settings = inherit_settings(base, "runs/b", {"epochs": 3, "cell": "gru", "dropout": 0.5})
    assert settings == {
        "epochs": 3,
        "cell": "gru",
        "dropout": 0.5,
        "hidden": 6,
        "layers": 2,
        "input": 5,
        "level": "char",
        "token_pattern": None,
        "clean": True,
        "mask_digits": False,
    }


@pytest.mark.parametrize(
    ("given", "name", "message"),
    [
        (
            {"hidden": 64},
            "runs/b",
            "hidden is 64, but runs/b has 6, which a run that starts from it keeps; leave it out.",
        ),
        (
            {"level": "word"},
            None,
            "level is word, but the base has char, which a run that starts from it keeps; leave it "
            "out.",
        ),
        (
            {"clean": False},
            "b",
            "clean is off, but b has on, which a run that starts from it keeps; leave it out.",
        ),
        (
            {"token_pattern": "Cl"},
            "b",
            "token-pattern is Cl, but b has none, which a run that starts from it keeps; leave it "
            "out.",
        ),
    ],
)
def test_other_settings_than_those_of_the_base_are_refused(
    given: dict[str, Any], name: str | None, message: str
) -> None:
    base = made(network=NetworkSettings(hidden=6, input=5))
    with pytest.raises(SettingsError) as error:
        inherit_settings(base, name, given)
    assert str(error.value) == message


@pytest.mark.parametrize("source", ["one-hot", 3])
@pytest.mark.parametrize(("before", "after"), [((), ("x",)), (("a", "b"), ("a", "b", "c", "d"))])
def test_rows_of_known_symbols_and_labels_are_those_of_the_base(
    source: Any, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    network = NetworkSettings(cell="lstm", hidden=4, layers=2, input=source)
    known, wider = make_vocabulary("abc"), make_vocabulary("abcde")
    old = random_tensors(network, len(known), labels=len(before), seed=1)
    base = Base(vocabulary=known, labels=before, lineage={}, frozen_symbols=len(known), tensors=old)
    initial = initial_tensors("lstm", parameter_shapes(network, len(wider), len(after)), seed=3)
    new = widen_tensors(base, initial, wider, after)
    assert list(new) == list(initial)
    for name, value in new.items():
        assert value.shape == initial[name].shape
        if name in old:
            shared = value[: len(old[name])] if value.shape != old[name].shape else value
            assert np.array_equal(shared, old[name])
        rows = {"labels": len(before)}.get(name.split(".")[0], 5)
        if name == "output.bias":
            assert (value[5:] == old[name][1]).all()
        elif name.split(".")[0] in ("labels", "embedding", "output") or "table" in name:
            assert np.array_equal(value[rows:], initial[name][rows:])


def test_a_base_is_read_from_its_folder_or_memory(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", labels=("x",))
    read, name = read_base(path)
    assert name == str(path)
    assert read_base(read) == (read, None)
    base = Base.from_record(read, name)
    assert base.lineage["model"] == str(path)
    again = Base.from_json(base.to_json())
    assert (again.vocabulary, again.labels, again.lineage) == (
        base.vocabulary,
        ("x",),
        base.lineage,
    )
    assert again.tensors is None
    with pytest.raises(ModelFolderError, match="^there is no model folder"):
        read_base(tmp_path / "none")


def test_settings_that_are_inherited_exist() -> None:
    base = made(text=TextSettings(level="byte", clean=False))
    settings = inherit_settings(base, None, {})
    assert (settings["level"], settings["clean"]) == ("byte", False)
