"""Oracle: probabilities that Keras computed (tests/keras_reference.py)."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_models import FILES, FOLDER, PREDICTIONS, archive, members, probabilities, reference
from records import record

from charloom.errors import ModelFolderError, SettingsError
from charloom.exchange.keras_export import own_json
from charloom.exchange.keras_import import import_keras, parse_own_symbols
from charloom.settings import TextSettings


@pytest.mark.parametrize("file", FILES)
def test_probabilities_are_those_of_keras(file: str) -> None:
    imported = reference(file)
    np.testing.assert_allclose(probabilities(imported), PREDICTIONS[file], rtol=0, atol=1e-6)
    assert imported.program.startswith("Keras 2.21" if "keras2" in file else "Keras 3.15")


def test_settings_of_the_layers_are_read() -> None:
    masked = reference("masked.keras")
    assert masked.masks_padding
    assert (masked.network.cell, masked.network.input, masked.network.dropout) == ("gru", 3, 0.25)
    layers = reference("layers.keras")
    assert not layers.masks_padding
    assert (layers.network.hidden, layers.network.layers) == (4, 2)
    assert (layers.network.input, layers.network.dropout) == ("one-hot", 0.1)
    assert layers.own is None


def test_smaller_layers_get_units_of_zeros() -> None:
    tensors = reference("sizes.keras").tensors
    assert tensors["cells.0.recurrent_weight"].shape == (5, 5)
    assert not tensors["cells.0.recurrent_weight"][3:].any()
    assert not tensors["cells.1.input_weight"][:, 3:].any()


def changed(path: Path, change: Any) -> Path:
    """Write lesson.keras with a changed configuration."""
    content = members(FOLDER / "lesson.keras")
    config = json.loads(content["config.json"])
    change(config)
    return archive(path, content | {"config.json": json.dumps(config).encode()})


def test_layers_that_are_lacking_are_named(tmp_path: Path) -> None:
    def change(config: Any) -> None:
        config["config"]["layers"][2]["class_name"] = "Bidirectional"

    path = changed(tmp_path / "x.keras", change)
    with pytest.raises(SettingsError) as error:
        import_keras(path)
    assert str(error.value) == (
        f'{path} has the layer "lstm" of class "Bidirectional"; supported: Embedding or one-hot '
        "input, Masking, Dropout, SimpleRNN, GRU, LSTM, Dense or TimeDistributed(Dense), "
        "Activation softmax, in this order."
    )


def test_damage_is_one_line(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "x.keras", members(FOLDER / "lesson.keras") | {"charloom.json": b"{}"}
    )
    with pytest.raises(ModelFolderError) as error:
        import_keras(path)
    assert str(error.value) == (
        f"{path} has a damaged charloom.json; save the model again with model.save() of Keras, as "
        ".keras or .h5."
    )
    assert zipfile.is_zipfile(path)


def test_the_vocabulary_of_an_export() -> None:
    original = record(text=TextSettings(unit="document", clean=False, mask_digits=True))
    own = parse_own_symbols(own_json(original), len(original.vocabulary))
    assert own.vocabulary.symbols == original.vocabulary.symbols
    assert (own.text.unit, own.text.clean, own.text.mask_digits) == ("document", False, True)
    with pytest.raises(ValueError, match="another number of symbols"):
        parse_own_symbols(own_json(original), 3)
