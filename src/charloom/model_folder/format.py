"""The model folder: the format on disk, typed, versioned, checked. No torch.

Files change one at a time (model_writer.py), so each that can change vouches for itself:
``config.json`` holds a digest of its own content and that of the vocabulary; the weights file
holds a digest of its tensors, and that of the vocabulary whose ids it is made for. The index of the
training documents, which is read when it is needed and not before, has its digest in
``config.json``.
"""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from charloom.errors import ModelFolderError, SettingsError
from charloom.model_folder.document_index import DocumentIndex
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.text.vocabulary import Vocabulary

FORMAT: Final = 2
"""Since 2 there are the optimizer muon and the setting ``average``."""
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

Tensors = Mapping[str, NDArray[np.float32]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelRecord:
    """All that a model folder tells of a model."""

    text: TextSettings
    network: NetworkSettings
    training: TrainingSettings
    vocabulary: Vocabulary
    labels: tuple[str, ...]
    """The known labels, in the order of their ids."""
    tensors: Tensors
    """Weights in float32; names and axes are those of docs/model-folder.md."""
    metrics: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What the kept weights reached: bits_per_character, step, seconds ..."""
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Where the model comes from: sources, fingerprint of the corpus, versions, date."""
    calibration: Mapping[str, Any] | None = None
    """What usual texts take (see evaluation/calibration.py); None if too few were held out, or the
    run was cut short."""
    document_index: DocumentIndex | None = None
    """The training documents; None if they were a stream, or no index of them was kept."""


def read(path: Path) -> ModelRecord:
    """Read the model in the folder ``path``.

    Raises ModelFolderError when a file is missing, truncated or altered, or of a newer format, or
    when the system does not let it be read.
    """
    try:
        return _read(path)
    except OSError as error:
        raise _unreadable_error(path, error) from error


def _read(path: Path) -> ModelRecord:
    if not path.is_dir():
        raise ModelFolderError(
            f"there is no model folder {path}; "
            "name one that charloom train made, such as runs/facts."
        )
    config = _read_config(path)
    vocabulary_bytes = _read_bytes(path, VOCABULARY)
    if _digest(vocabulary_bytes) != config["vocabulary_digest"]:
        raise _altered_error(path, VOCABULARY)
    try:
        return ModelRecord(
            text=TextSettings.from_json(config["text"]),
            network=NetworkSettings.from_json(config["network"]),
            training=TrainingSettings.from_json(
                {"average": False} | config["training"] | {"index": config.get("index", True)}
            ),
            vocabulary=Vocabulary.from_json(json.loads(vocabulary_bytes)),
            labels=tuple(config["labels"]),
            tensors=_read_tensors(path, config["vocabulary_digest"]),
            metrics=config["figures"],
            provenance=config["provenance"],
            calibration=config.get("calibration"),
            document_index=_document_index(path, config.get("documents_digest")),
        )
    except (KeyError, TypeError, ValueError, SettingsError) as error:
        raise _altered_error(path, CONFIG) from error


def to_files(record: ModelRecord) -> dict[str, bytes]:
    """Return the content of the files that ``record`` decides, weights before their figures."""
    from safetensors.numpy import save

    # safetensors writes the bytes of an array as they lie in memory, whatever its order of axes.
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in record.tensors.items()}
    vocabulary = _json(record.vocabulary.to_json())
    vocabulary_digest = _digest(vocabulary)
    documents = {} if record.document_index is None else {DOCUMENTS: record.document_index.packed}
    training = record.training.to_json()
    # It stands by itself since format 1, whose first reader refused a setting it did not know.
    index = training.pop("index")
    metadata = {
        "format": "pt",
        "tensors_digest": _tensor_digest(record.tensors),
        "vocabulary_digest": vocabulary_digest,
    }
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
        "documents_digest": _digest(documents[DOCUMENTS]) if documents else None,
    }
    config["config_digest"] = _digest(_json(config))
    return documents | {
        VOCABULARY: vocabulary,
        WEIGHTS: _sort_metadata(save(tensors, metadata=metadata)),
        CONFIG: _json(config),
    }


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(_read_bytes(path, CONFIG))
        version = config["format"]
        digest = config.pop("config_digest", None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _altered_error(path, CONFIG) from error
    if isinstance(version, int) and version > FORMAT:
        raise ModelFolderError(
            f"{path} has model format {version}; this charloom reads formats up to {FORMAT}: "
            "install a newer charloom."
        )
    if digest != _digest(_json(config)):
        raise _altered_error(path, CONFIG)
    checked: dict[str, Any] = config
    return checked


def _document_index(path: Path, digest: str | None) -> DocumentIndex | None:
    """Return the training documents, not read yet; None if they are not in the folder.

    Who gives a model away may remove the file: the rest is whole without it.
    """
    if digest is None or not (path / DOCUMENTS).is_file():
        return None
    return DocumentIndex(functools.partial(_read_index, path.absolute(), digest))


def _read_index(path: Path, digest: str) -> bytes:
    try:
        content = (path / DOCUMENTS).read_bytes()
    except OSError as error:
        raise _unreadable_error(path, error) from error
    if _digest(content) != digest:
        raise _altered_error(path, DOCUMENTS)
    return content


def _read_tensors(path: Path, vocabulary_digest: str) -> dict[str, NDArray[np.float32]]:
    from safetensors import SafetensorError, safe_open

    _check_exists(path, WEIGHTS)
    try:
        with safe_open(path / WEIGHTS, framework="np") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise _altered_error(path, WEIGHTS) from error
    if (
        metadata.get("tensors_digest") != _tensor_digest(tensors)
        or metadata.get("vocabulary_digest") != vocabulary_digest
    ):
        raise _altered_error(path, WEIGHTS)
    return tensors


def _check_exists(path: Path, name: str) -> None:
    if not (path / name).is_file():
        raise ModelFolderError(
            f"{path} has no {name}; a model folder needs {CONFIG}, {VOCABULARY} and {WEIGHTS}: "
            "copy the whole folder, or train again."
        )


def _read_bytes(path: Path, name: str) -> bytes:
    _check_exists(path, name)
    return (path / name).read_bytes()


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


def _sort_metadata(content: bytes) -> bytes:
    """Return a safetensors file with its metadata sorted: equal models are equal files."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    # The same characters in another order: no offset changes.
    return (
        content[:8]
        + json.dumps(header, separators=(",", ":")).encode().ljust(end - 8)
        + content[end:]
    )


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _tensor_digest(tensors: Tensors) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        tensor = np.ascontiguousarray(tensors[name])
        digest.update(f"{name} {tensor.dtype.str} {tensor.shape}\n".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()
