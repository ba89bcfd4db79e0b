"""Reference files that Keras saved, and small files of the same layout made here."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.exchange.imported_network import ImportedNetwork
from charloom.exchange.keras_import import import_keras
from charloom.network.engine import Engine

FOLDER = Path(__file__).parent / "golden" / "keras"
PREDICTIONS: dict[str, list[list[float]]] = json.loads(
    (FOLDER / "predictions.json").read_text("utf-8")
)
FILES = sorted(set(PREDICTIONS) - {"titles.keras"})
SYMBOLS = (None, *"abcdef", "<eos>")
"""Of the reference models."""
IDS = (1, 2, 3, 1, 5, 6, 7, 4, 2, 2, 6)


def reference(file: str) -> ImportedNetwork:
    """Return the network of a reference file."""
    return import_keras(FOLDER / file)


def probabilities(imported: ImportedNetwork, ids: tuple[int, ...] = IDS) -> NDArray[Any]:
    """Return the probabilities after each id of a network, from a state of zeros: (T, V)."""
    engine = Engine(imported.network, imported.tensors)
    state = engine.initial_state(np.array([-1]))
    rows = []
    for index in ids:
        state = engine.advance(np.array([index]), state)
        rows.append(softmax(engine.logits(state)[0]))
    return np.array(rows)


def softmax(logits_V: NDArray[Any]) -> NDArray[np.float64]:
    weights_V = np.exp(logits_V.astype(np.float64) - logits_V.max())
    return np.asarray(weights_V / weights_V.sum())


def members(path: Path) -> dict[str, bytes]:
    """Return the members of an archive by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(
    path: Path, content: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED
) -> Path:
    """Write an archive and return its path."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        for name, data in content.items():
            file.writestr(name, data)
    path.write_bytes(stream.getvalue())
    return path
