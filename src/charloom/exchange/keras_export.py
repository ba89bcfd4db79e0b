"""The export to Keras 3: a ``.keras`` file, written without Keras.

The file is a zip archive of ``metadata.json``, ``config.json`` (the layers), ``model.weights.h5``
and ``charloom.json``, which Keras does not read: the vocabulary, and how texts are read.

    {"format": "charloom-keras", "version": 1, "boundary_id": 0, "unknown_id": 1,
     "vocabulary": {"level": "char", "token_pattern": null, "symbols": ["<eos>", "<unk>", ...]},
     "unit": "line", "endless": false, "clean": true, "mask_digits": false,
     "weights_digest": "..."}

Ids are those of the vocabulary. Texts begin and end with the boundary, id 0. The model returns the
probabilities of the next symbol after each id: ids (B, T), or one-hot vectors (B, T, V), give
(B, T, V).

Arrays have the axes of Keras, inputs first. Gates of a GRU are z, r, h, and of its two biases the
second is zero but for the candidate.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from charloom.evaluation.model_parts import ModelParts
from charloom.exchange.finite_weights import check_finite
from charloom.exchange.keras_file import CHARLOOM, CONFIG, METADATA, WEIGHTS
from charloom.exchange.written_export import PreparedExport, format_size
from charloom.extras import require_package
from charloom.formatting import format_count
from charloom.model_folder.format import ModelRecord
from charloom.model_folder.weights import tensors_digest
from charloom.settings import NetworkSettings
from charloom.text.vocabulary import EOS, UNK

FORMAT: Final = "keras"
VERSION: Final = 1
"""Of ``charloom.json``; raised by changes that older readers would misread."""
_KERAS: Final = "3.0.0"
"""The oldest version whose files have this layout."""
_DATE: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest date of a zip archive, so that equal models give equal files."""
_CLASSES: Final = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}
_GROUPS: Final = {"lstm": "lstm", "gru": "gru", "rnn": "simple_rnn"}

Floats = NDArray[np.float32]


def prepare_keras(model: ModelParts, *, force: bool = False) -> PreparedExport:
    """Return a ``.keras`` file of a model, which ``keras.models.load_model`` loads.

    The states from which labels start are left out. Raises SettingsError for weights that are not
    finite, and for more than 64 MB without ``force``; MissingPackageError without h5py.
    """
    require_package("h5py", "--to keras", "choose --to html")
    record = model.record
    check_finite(record)
    digest = tensors_digest(record.tensors, record.weight_precision)
    content = _archive(
        {
            METADATA: _json({"keras_version": _KERAS, "written_by": _version()}),
            CONFIG: _json(model_config(record)),
            CHARLOOM: _json(own_json(record) | {"weights_digest": digest}),
            WEIGHTS: _weights_file(layer_weights(record)),
        }
    )
    labels = format_count(len(record.labels), "label")
    left_out = [f"the start states of {labels}"] if record.labels else []
    notes = [
        f"{format_size(len(content))}; keras.models.load_model reads it. Texts begin and end with "
        f"id {EOS}; {CHARLOOM} in the archive has the symbols of the ids."
    ]
    if left_out:
        notes.append(
            f"Left out: {left_out[0]}. A Sequential model starts from zeros, as a text without a "
            "label does."
        )
    prepared = PreparedExport(
        format=FORMAT,
        files={"model": content},
        figures={"weights_digest": digest, "left_out": left_out},
        notes=tuple(notes),
        discloses=(
            f"{len(record.vocabulary):,} symbols of the vocabulary",
            "the weights, which can repeat parts of training texts",
        ),
    )
    prepared.check_size(force=force, advice="train a smaller network")
    return prepared


def own_json(record: ModelRecord) -> dict[str, Any]:
    """Return the JSON object of the vocabulary and of the way texts are read."""
    vocabulary = record.vocabulary
    return {
        "format": "charloom-keras",
        "version": VERSION,
        "boundary_id": EOS,
        "unknown_id": UNK,
        "vocabulary": {
            "level": vocabulary.level,
            "token_pattern": vocabulary.token_pattern,
            "symbols": list(vocabulary.symbols),
        },
        "unit": record.text.document_unit,
        "endless": record.is_one_stream,
        "clean": record.text.clean,
        "mask_digits": record.text.mask_digits,
    }


def model_config(record: ModelRecord) -> dict[str, Any]:
    """Return the JSON object of a Sequential model in Keras 3."""
    network, size = record.network, len(record.vocabulary)
    is_one_hot = isinstance(network.input, str)
    shape = [None, None, size] if is_one_hot else [None, None]
    layers = [_layer("InputLayer", "symbols", batch_shape=shape)]
    if not is_one_hot:
        layers.append(_layer("Embedding", "embedding", input_dim=size, output_dim=network.input))
    for k in range(network.layers):
        layers.append(_recurrent_layer(network, k))
        if network.dropout:
            layers.append(_layer("Dropout", _numbered("dropout", k), rate=network.dropout))
    layers.append(_layer("Dense", "output", units=size, activation="softmax", use_bias=True))
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "charloom", "trainable": True, "dtype": "float32", "layers": layers},
        "registered_name": None,
    }


def layer_weights(record: ModelRecord) -> Iterator[tuple[str, list[Floats]]]:
    """Yield the group of each layer in the weights file, and its arrays in order."""
    network, tensors = record.network, record.tensors
    if "embedding.weight" in tensors:
        yield "layers/embedding/vars", [tensors["embedding.weight"]]
    for k in range(network.layers):
        name = f"cells.{k}."
        table = tensors.get(name + "input_table")
        arrays = [
            tensors[name + "input_weight"].T if table is None else table,
            tensors[name + "recurrent_weight"].T,
            tensors[name + "bias"][np.newaxis],
        ]
        if network.cell == "gru":
            recurrent_bias_1G = np.zeros_like(arrays[2])
            recurrent_bias_1G[0, 2 * network.hidden :] = tensors[name + "recurrent_bias"]
            arrays[2] = np.concatenate([arrays[2], recurrent_bias_1G])
            arrays = [_exchange_gates(array, network.hidden) for array in arrays]
        else:
            arrays[2] = arrays[2][0]
        yield f"layers/{_numbered(_GROUPS[network.cell], k)}/cell/vars", arrays
    yield "layers/dense/vars", [tensors["output.weight"].T, tensors["output.bias"]]


def _exchange_gates(array: Floats, hidden: int) -> Floats:
    """Return columns of the gates r, z, n as z, r, n."""
    order = [1, 0, 2]
    return array.reshape(len(array), 3, hidden)[:, order].reshape(len(array), -1)


def _recurrent_layer(network: NetworkSettings, k: int) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "units": network.hidden,
        "activation": "tanh",
        "use_bias": True,
        "return_sequences": True,
    }
    if network.cell != "rnn":
        settings["recurrent_activation"] = "sigmoid"
    if network.cell == "gru":
        settings["reset_after"] = True
    name = _numbered(_GROUPS[network.cell], k)
    return _layer(_CLASSES[network.cell], name, **settings)


def _layer(kind: str, name: str, **settings: Any) -> dict[str, Any]:
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": name, "dtype": "float32", **settings},
        "registered_name": None,
    }


def _numbered(name: str, k: int) -> str:
    return f"{name}_{k}" if k else name


def _weights_file(layers: Iterator[tuple[str, list[Floats]]]) -> bytes:
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_group("vars")
        for group, arrays in layers:
            for number, array in enumerate(arrays):
                file.create_dataset(f"{group}/{number}", data=np.ascontiguousarray(array))
    return stream.getvalue()


def _archive(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content)
    return stream.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value, allow_nan=False).encode("ascii")


def _version() -> str:
    return f"charloom {metadata.version('charloom')}"
