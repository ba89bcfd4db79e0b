"""A model rounded to 16 bits: its folder, its texts, and the weights that are refused."""

from pathlib import Path

import numpy as np
import pytest
from records import record

from charloom.errors import ModelFolderError, SettingsError
from charloom.model import Model
from charloom.model_folder import format as model_folder
from charloom.model_folder.rounding import round_weights
from charloom.model_folder.weights import FILE_TYPES, WeightPrecision, narrow, widen
from charloom.model_folder.writer import create_model_folder

LONG = 400
"""Symbols of a text. The compiled decoder may generate it."""
halves = pytest.mark.parametrize("precision", ["bf16", "fp16"])


@halves
def test_a_rounded_folder_is_read_bit_for_bit(tmp_path: Path, precision: WeightPrecision) -> None:
    original = record(labels=("World", "Sports"))
    rounded = round_weights(original, precision)
    create_model_folder(tmp_path / "m", rounded)
    loaded = model_folder.read(tmp_path / "m")
    assert loaded.weight_precision == precision
    assert set(loaded.tensors) == set(original.tensors)
    for name, tensor in original.tensors.items():
        expected = widen(narrow(tensor, precision), precision)
        assert loaded.tensors[name].dtype == np.float32
        assert loaded.tensors[name].tobytes() == expected.tobytes()
        # Nearest: half of the last place, 8 bits of bfloat16 or 11 of float16 for these sizes.
        np.testing.assert_allclose(expected, tensor, rtol=2**-8, atol=2**-24)
    assert loaded.metrics == original.metrics


@halves
def test_a_saved_copy_has_the_same_bytes(tmp_path: Path, precision: WeightPrecision) -> None:
    create_model_folder(tmp_path / "m", round_weights(record(), precision))
    Model.load(tmp_path / "m").save(tmp_path / "n")
    first, second = ((tmp_path / name / "model.safetensors").read_bytes() for name in "mn")
    assert first == second


@halves
def test_texts_and_scores_are_those_of_the_rounded_weights_in_float32(
    tmp_path: Path, precision: WeightPrecision
) -> None:
    rounded = round_weights(record(), precision)
    create_model_folder(tmp_path / "16", rounded)
    create_model_folder(tmp_path / "32", round_weights(rounded, "fp32"))
    narrow_model, wide_model = Model.load(tmp_path / "16"), Model.load(tmp_path / "32")
    texts = narrow_model.generate("ab", n=3, length=LONG)
    assert texts == wide_model.generate("ab", n=3, length=LONG)
    assert narrow_model.score(texts) == wide_model.score(texts)


def test_a_16_bit_file_is_smaller(tmp_path: Path) -> None:
    sizes = {}
    for precision in FILE_TYPES:
        create_model_folder(tmp_path / precision, round_weights(record(), precision))
        content = (tmp_path / precision / "model.safetensors").read_bytes()
        sizes[precision] = len(content) - int.from_bytes(content[:8], "little") - 8
    assert sizes["bf16"] == sizes["fp16"] == sizes["fp32"] / 2


def test_weights_outside_the_range_are_refused() -> None:
    tensors = dict(record().tensors)
    tensors["output.bias"] = tensors["output.bias"] + np.float32(-70_000)
    large = record(tensors=tensors)
    with pytest.raises(SettingsError) as caught:
        round_weights(large, "fp16")
    assert str(caught.value) == (
        "the weights of output.bias reach 7e+04, outside the range of fp16; "
        "choose bf16 or keep fp32."
    )
    assert round_weights(large, "bf16").weight_precision == "bf16"


@pytest.mark.parametrize(("old", "new"), [(b'"F32"', b'"I32"'), (b'"F32"', b'"U32"')])
def test_other_types_of_tensors_are_refused(tmp_path: Path, old: bytes, new: bytes) -> None:
    create_model_folder(tmp_path / "m", record())
    path = tmp_path / "m" / "model.safetensors"
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(ModelFolderError) as caught:
        model_folder.read(tmp_path / "m")
    assert str(caught.value) == (
        f"{path} has tensors of type {new.decode()[1:-1]}; charloom reads one of F32, BF16, F16 "
        "for all tensors: copy the folder again from where it was made, or install a newer "
        "charloom."
    )
