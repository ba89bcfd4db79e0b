"""A model as one JSON object, for the JavaScript engine (javascript/model.js).

    {
      "format": "charloom-model", "version": 1,
      "network": {"cell": "lstm", "hidden": 384, "layers": 1, "input": 64},
      "vocabulary": {"level": "char", "has_token_pattern": false,
                     "symbols": ["<eos>", "<unk>", "e", ...]},
      "labels": ["France", ...],
      "endless": false, "clean": true, "mask_digits": false,
      "tensors": {
        "output.bias": {"type": "float32", "shape": [89], "data": "..."},
        ...
      }
    }

``input`` is the width of the embedding, or "one-hot". Symbols are in the order of their ids.
``endless`` is true if the training text was one stream: texts then have their full length.
``clean`` and ``mask_digits`` are the settings by which prompts are changed before they are read.
Tensors have the names and axes of the model folder (docs/model-folder.md), in the order of their
names. ``data`` is the base64 (RFC 4648, with padding) of the values, lowest byte first, last axis
fastest. A ``type`` of float32 or float16 is IEEE 754 single or half precision. Of type int8, a
tensor also has ``scales``, the base64 of one float32 for each row (stored_weights.py).

The object discloses the vocabulary, the labels and the weights, and no training text.
"""

import base64
import json
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from charloom.exchange.finite_weights import check_finite
from charloom.exchange.names import StoredType
from charloom.exchange.stored_weights import StoredTensor, store_tensor
from charloom.model_folder.format import ModelRecord

FORMAT: Final = "charloom-model"
VERSION: Final = 1
"""Raised by changes that older engines would misread."""


_FILE_TYPES: Final = {"float32": "<f4", "float16": "<f2", "int8": "i1"}


def model_object(record: ModelRecord, dtype: StoredType = "float32") -> dict[str, Any]:
    """Return the JSON object of a model, its weights rounded to a type.

    Raises SettingsError for weights that are not finite, since no text can be generated from them,
    or outside the range of the type.
    """
    check_finite(record)
    network, vocabulary = record.network, record.vocabulary
    return {
        "format": FORMAT,
        "version": VERSION,
        "network": {
            "cell": network.cell,
            "hidden": network.hidden,
            "layers": network.layers,
            "input": network.input,
        },
        "vocabulary": {
            "level": vocabulary.level,
            "has_token_pattern": vocabulary.token_pattern is not None,
            "symbols": list(vocabulary.symbols),
        },
        "labels": list(record.labels),
        "endless": record.is_one_stream,
        "clean": record.text.clean,
        "mask_digits": record.text.mask_digits,
        "tensors": {
            name: _tensor_object(store_tensor(name, tensor, dtype))
            for name, tensor in sorted(record.tensors.items())
        },
    }


def model_text(record: ModelRecord, dtype: StoredType = "float32") -> str:
    """Return the JSON text of a model, in ASCII; raises as ``model_object``."""
    return json.dumps(model_object(record, dtype), allow_nan=False, separators=(",", ":"))


def _tensor_object(tensor: StoredTensor) -> dict[str, Any]:
    written = {
        "type": tensor.type,
        "shape": list(tensor.stored.shape),
        "data": to_base64(tensor.stored, _FILE_TYPES[tensor.type]),
    }
    if tensor.scales is not None:
        written["scales"] = to_base64(tensor.scales, "<f4")
    return written


def to_base64(values: NDArray[Any], dtype: str) -> str:
    """Return the base64 of values in a type, last axis fastest."""
    stored = np.ascontiguousarray(values.astype(dtype))
    return base64.b64encode(stored.tobytes()).decode("ascii")
