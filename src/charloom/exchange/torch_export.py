"""The export to a folder with a PyTorch module: weights, vocabulary and a program."""

import json
from typing import Any, Final

import numpy as np

from charloom.evaluation.model_parts import ModelParts
from charloom.exchange.finite_weights import check_finite
from charloom.exchange.html_export import model_name
from charloom.exchange.torch_names import MODULES, to_torch
from charloom.exchange.torch_program import program
from charloom.exchange.written_export import PreparedExport, format_size
from charloom.formatting import format_count
from charloom.model_folder.format import VOCABULARY, WEIGHTS, ModelRecord
from charloom.model_folder.weights import tensors_digest

FORMAT: Final = "torch"
PROGRAM: Final = "model.py"


def prepare_torch(model: ModelParts, *, force: bool = False) -> PreparedExport:
    """Return the folder: ``model.safetensors``, ``vocabulary.json`` and ``model.py``.

    The first has the state dict of the module in the last, in float32. Raises SettingsError for
    weights that are not finite, and for more than 64 MB without ``force``.
    """
    from safetensors.numpy import save

    check_finite(model.record)
    record = model.record
    state = {
        name: np.ascontiguousarray(tensor)
        for name, tensor in to_torch(record.network, record.tensors).items()
    }
    files = {
        WEIGHTS: save(state, metadata={"format": "pt"}),
        VOCABULARY: _vocabulary_json(record),
        PROGRAM: program(record, model_name(model)).encode(),
    }
    discloses = (
        f"{len(record.vocabulary):,} symbols of the vocabulary",
        *([format_count(len(record.labels), "label")] if record.labels else []),
        "the weights, which can repeat parts of training texts",
    )
    prepared = PreparedExport(
        format=FORMAT,
        files=files,
        is_folder=True,
        figures={
            "module": f"nn.{MODULES[record.network.cell]}",
            "weights_digest": tensors_digest(record.tensors, record.weight_precision),
        },
        notes=_notes(record, sum(map(len, files.values()))),
        discloses=discloses,
    )
    prepared.check_size(force=force, advice="train a smaller network")
    return prepared


def _vocabulary_json(record: ModelRecord) -> bytes:
    """Return the symbols in the order of their ids, and the labels."""
    vocabulary = record.vocabulary
    content: dict[str, Any] = {
        "level": vocabulary.level,
        "token_pattern": vocabulary.token_pattern,
        "labels": list(record.labels),
        "symbols": list(vocabulary.symbols),
    }
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _notes(record: ModelRecord, size: int) -> tuple[str, ...]:
    first = (
        f"{format_size(size)}; python FOLDER/{PROGRAM} PROMPT writes a greedy and a sampled text "
        "(it needs torch and safetensors). A seed writes another text than in charloom."
    )
    if record.vocabulary.level == "byte" or (
        record.vocabulary.level == "char" and record.vocabulary.token_pattern is None
    ):
        return (first,)
    return (
        first,
        f"{PROGRAM} splits a prompt into the longest known symbols, which can differ from "
        "charloom's split.",
    )
