"""The model folder on disk: its files, their format and their digests.

Files are replaced one at a time (model_folder/writer.py), so each that can change is verified on
its own: ``config.json`` contains a digest of itself and one of the vocabulary; the weights file
contains a digest of its tensors and one of the vocabulary that its rows belong to. The document
index is read only when needed; its digest is in ``config.json``.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from charloom.errors import ModelFolderError, SettingsError
from charloom.files import is_dir, is_file
from charloom.model_folder.document_index import DocumentIndex
from charloom.model_folder.encoding import digest, model_json
from charloom.model_folder.migrations import migrate
from charloom.model_folder.record_check import check_facts, check_tensors
from charloom.model_folder.weights import (
    FILE_TYPES,
    WeightPrecision,
    WeightTypeError,
    read_weights,
    tensors_digest,
    weights_bytes,
)
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.text.vocabulary import EOS, Vocabulary

FORMAT: Final = 3
"""Raised by changes that older readers would misread; each adds a step to migrations.py."""
CONFIG: Final = "config.json"
VOCABULARY: Final = "vocabulary.json"
WEIGHTS: Final = "model.safetensors"
DOCUMENTS: Final = "documents.bin"
CARD: Final = "README.md"
METRICS: Final = "metrics.jsonl"
SAMPLES: Final = "samples.jsonl"
CHECKPOINT: Final = "checkpoint"
TENSORBOARD: Final = "tensorboard"
REPORT: Final = "report.html"
REPORT_FIGURES: Final = "report.json"

_DAMAGE: Final = (
    *(AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError),
    SettingsError,
)
"""Errors of reading files whose content is not that of a model."""

Tensors = Mapping[str, NDArray[np.float32]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelRecord:
    """Everything that a model folder records about a model."""

    text: TextSettings
    network: NetworkSettings
    training: TrainingSettings
    vocabulary: Vocabulary
    labels: tuple[str, ...]
    """The known labels, in the order of their ids."""
    tensors: Tensors
    """Weights in float32; names and axes are those of docs/model-folder.md."""
    weight_precision: WeightPrecision = "fp32"
    """Type of the weights in the file. All ``tensors`` have values of this type: other weights are
    rounded by ``rounding.round_weights``."""
    metrics: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Metrics of the kept weights: bits_per_character, step, seconds ..."""
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Origin of the model: sources, fingerprint of the corpus, versions, date."""
    calibration: Mapping[str, Any] | None = None
    """Bits of ordinary texts by length (evaluation/calibration.py); None if the validation set was
    too small or the run was cut short."""
    document_index: DocumentIndex | None = None
    """The documents of the sources; None if they were a stream, or no index of them was kept."""

    @property
    def is_one_stream(self) -> bool:
        """Whether the training text was a single stream, which has no ends but its own."""
        return self.text.unit == "stream" and self.vocabulary.counts[EOS] == 1


def read(path: Path) -> ModelRecord:
    """Read the model in the folder ``path``.

    Raises ModelFolderError when a file is missing, truncated, altered, of a newer format, or cannot
    be read.
    """
    try:
        return _read(path)
    except OSError as error:
        raise _unreadable_error(path, error) from error


def _read(path: Path) -> ModelRecord:
    if not is_dir(path):
        raise ModelFolderError(
            f"there is no model folder {path}; "
            "name one that charloom train made, such as runs/facts."
        )
    config = _read_config(path)
    vocabulary = _read_bytes(path, VOCABULARY)
    if digest(vocabulary) != config["vocabulary_digest"]:
        raise _altered_error(path, VOCABULARY)
    tensors, precision = _read_tensors(path, config["vocabulary_digest"])
    try:
        record = ModelRecord(
            text=TextSettings.from_json(config["text"]),
            network=NetworkSettings.from_json(config["network"]),
            training=TrainingSettings.from_json(config["training"] | {"index": config["index"]}),
            vocabulary=Vocabulary.from_json(json.loads(vocabulary) | _splitting(config["text"])),
            labels=tuple(config["labels"]),
            tensors=tensors,
            weight_precision=precision,
            metrics=config["figures"],
            provenance=config["provenance"],
            calibration=config.get("calibration"),  # added within format 2
            document_index=_document_index(path, config["documents_digest"]),
        )
        check_tensors(record.network, len(record.vocabulary), len(record.labels), tensors)
        check_facts(config["labels"], record.metrics, record.calibration, record.provenance)
        return record
    except _DAMAGE as error:
        raise _altered_error(path, CONFIG) from error


def _splitting(text: Mapping[str, Any]) -> dict[str, Any]:
    """Return how texts become symbols; an old ``vocabulary.json`` has other names."""
    return {"level": text["level"], "token_pattern": text["token_pattern"]}


def to_files(record: ModelRecord) -> dict[str, bytes]:
    """Return the files of ``record`` by name, in the order of writing.

    The weights come before the configuration, which holds their metrics.
    """
    vocabulary = model_json(record.vocabulary.to_json())
    vocabulary_digest = digest(vocabulary)
    documents = {} if record.document_index is None else {DOCUMENTS: record.document_index.packed}
    training = record.training.to_json()
    # Not within ``training``: the first readers of format 1 refuse unknown settings there.
    index = training.pop("index")
    config = {
        "format": FORMAT,
        "model_type": "charloom",
        "architectures": [f"charloom-{record.network.cell}"],
        "vocabulary_size": len(record.vocabulary),
        "text": record.text.to_json(),
        "network": record.network.to_json(),
        "training": training,
        "index": index,
        "labels": list(record.labels),
        "figures": dict(record.metrics),
        "provenance": dict(record.provenance),
        "calibration": None if record.calibration is None else dict(record.calibration),
        "vocabulary_digest": vocabulary_digest,
        "documents_digest": digest(documents[DOCUMENTS]) if documents else None,
    }
    config["config_digest"] = digest(model_json(config))
    return documents | {
        VOCABULARY: vocabulary,
        WEIGHTS: weights_bytes(record.tensors, vocabulary_digest, record.weight_precision),
        CONFIG: model_json(config),
    }


def _read_config(path: Path) -> dict[str, Any]:
    """Return the configuration, verified by its digest, in the current format."""
    try:
        config: dict[str, Any] = json.loads(_read_bytes(path, CONFIG))
        version = config["format"]
        config_digest = config.pop("config_digest", None)
    except _DAMAGE as error:
        raise _altered_error(path, CONFIG) from error
    if isinstance(version, int) and version > FORMAT:
        raise ModelFolderError(
            f"{path} has model format {version}; this charloom reads formats up to {FORMAT}: "
            "install a newer charloom."
        )
    if config_digest != digest(model_json(config)):
        raise _altered_error(path, CONFIG)
    try:
        return migrate(config)
    except _DAMAGE as error:
        raise _altered_error(path, CONFIG) from error


def _document_index(path: Path, index_digest: str | None) -> DocumentIndex | None:
    """Return the document index, to be read when needed; None if its file is missing.

    The file is optional, so that it can be removed from a model before sharing it.
    """
    if index_digest is None or not is_file(path / DOCUMENTS):
        return None
    return DocumentIndex(functools.partial(_read_index, path.absolute(), index_digest))


def _read_index(path: Path, index_digest: str) -> bytes:
    try:
        content = (path / DOCUMENTS).read_bytes()
    except OSError as error:
        raise _unreadable_error(path, error) from error
    if digest(content) != index_digest:
        raise _altered_error(path, DOCUMENTS)
    return content


def _read_tensors(path: Path, vocabulary_digest: str) -> tuple[Tensors, WeightPrecision]:
    from safetensors import SafetensorError

    content = _read_bytes(path, WEIGHTS)
    try:
        tensors, precision, metadata = read_weights(content)
    except WeightTypeError as error:
        raise ModelFolderError(
            f"{path / WEIGHTS} has tensors of type {error}; charloom reads one of "
            f"{', '.join(FILE_TYPES.values())} for all tensors: copy the folder again from where "
            "it was made, or install a newer charloom."
        ) from error
    except (SafetensorError, ValueError) as error:
        raise _altered_error(path, WEIGHTS) from error
    if (
        metadata.get("tensors_digest") != tensors_digest(tensors, precision)
        or metadata.get("vocabulary_digest") != vocabulary_digest
    ):
        raise _altered_error(path, WEIGHTS)
    return tensors, precision


def _read_bytes(path: Path, name: str) -> bytes:
    _check_exists(path, name)
    return (path / name).read_bytes()


def _check_exists(path: Path, name: str) -> None:
    if not is_file(path / name):
        raise ModelFolderError(
            f"{path} has no {name}; a model folder needs {CONFIG}, {VOCABULARY} and {WEIGHTS}: "
            "copy the whole folder, or train again."
        )


def _unreadable_error(path: Path, error: OSError) -> ModelFolderError:
    return ModelFolderError(
        f"{error.filename or path} cannot be read ({error.strerror or error}); "
        "name a model folder that you may read."
    )


def _altered_error(path: Path, name: str) -> ModelFolderError:
    return ModelFolderError(
        f"{path / name} is damaged or was altered after it was saved; "
        "copy the whole folder again from where it was made, or train again."
    )
