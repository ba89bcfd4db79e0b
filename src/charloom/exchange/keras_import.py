"""Import a model that Keras saved: a ``.keras`` or a legacy ``.h5`` file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charloom.errors import CharloomError
from charloom.exchange.hdf5_values import Hdf5Error
from charloom.exchange.imported_network import ImportedNetwork, OwnSymbols
from charloom.exchange.keras_file import CHARLOOM, KerasFile, file_error, read_keras_file
from charloom.exchange.keras_layers import UnsupportedLayerError, read_layers
from charloom.settings import TextSettings
from charloom.text.vocabulary import Vocabulary


def import_keras(path: Path) -> ImportedNetwork:
    """Return the network of a model file of Keras; nothing in the file is executed.

    Raises ModelFolderError if the file is missing or damaged, SettingsError for layers that have no
    equal in charloom.
    """
    file = read_keras_file(path)
    try:
        network, tensors, masks = read_layers(file.config, file.weights)
        own = _own_symbols(file, len(tensors["output.bias"]))
    except Hdf5Error as error:
        raise file_error(path, str(error)) from error
    except UnsupportedLayerError as error:
        raise UnsupportedLayerError(f"{path} {error}") from error
    return ImportedNetwork(
        network=network, tensors=tensors, program=file.program, masks_padding=masks, own=own
    )


def _own_symbols(file: KerasFile, size: int) -> OwnSymbols | None:
    """Return the vocabulary that an export of charloom wrote into the file."""
    if file.own is None:
        return None
    try:
        return parse_own_symbols(file.own, size)
    except (CharloomError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise Hdf5Error(f"has a damaged {CHARLOOM}") from error


def parse_own_symbols(content: Mapping[str, Any], size: int) -> OwnSymbols:
    """Return the vocabulary of ``size`` symbols in the JSON object of an export.

    Raises CharloomError, KeyError, TypeError or ValueError for another object.
    """
    symbols = content["vocabulary"]["symbols"]
    if len(symbols) != size:
        raise ValueError("another number of symbols")
    level, pattern = content["vocabulary"]["level"], content["vocabulary"]["token_pattern"]
    is_endless = content["endless"] is True
    vocabulary = Vocabulary.from_json(
        {
            "level": level,
            "token_pattern": pattern,
            "symbols": symbols,
            # One document marks a single stream (ModelRecord.is_one_stream).
            "counts": [1 if is_endless else 2] + [0] * (size - 1),
        }
    )
    text = TextSettings(
        level=level,
        token_pattern=pattern,
        unit="stream" if is_endless else content["unit"],
        clean=content["clean"],
        mask_digits=content["mask_digits"],
    )
    return OwnSymbols(vocabulary=vocabulary, text=text)
