"""The content of a model file of Keras: a ``.keras`` or a legacy ``.h5`` file.

Nothing in the file is executed, and Keras is not imported. Sizes are checked before memory is used.
"""

import dataclasses
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from charloom.errors import ModelFolderError
from charloom.exchange.hdf5 import Hdf5File, guarded
from charloom.exchange.hdf5_values import Hdf5Error
from charloom.files import is_file

MAX_BYTES: Final = 2_000_000_000
"""Size of a file."""
_MAX_JSON: Final = 16_000_000
_MAX_MEMBERS: Final = 1_000
_MAX_RATIO: Final = 20
"""Size of an archive's member by that of the file: weights hardly shrink."""
CONFIG: Final = "config.json"
METADATA: Final = "metadata.json"
WEIGHTS: Final = "model.weights.h5"
CHARLOOM: Final = "charloom.json"
"""The member that the export adds: vocabulary and reading of texts."""
_MAX_ARRAYS: Final = 8
"""Arrays of a layer; those that are supported have three at most."""
_STORED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

LayerWeights = Callable[[str, str], list[NDArray[np.float32]]]
"""The weights of a layer by its class and its name, in Keras' order."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class KerasFile:
    """The parts of a model file that the import reads."""

    config: Any
    """The configuration of the model, as JSON: ``class_name`` and ``config``."""
    program: str
    weights: LayerWeights
    """Raises Hdf5Error; to be called once for each layer, in their order."""
    own: Any = None
    """The JSON that the export of charloom adds."""


def read_keras_file(path: Path) -> KerasFile:
    """Return the content of a ``.keras`` or ``.h5`` file, by its first bytes.

    Raises ModelFolderError if it is missing, damaged or no model of Keras.
    """
    content = read_bounded(path)
    try:
        if content[:2] == b"PK":
            return _read_archive(content)
        return _read_legacy(content)
    except Hdf5Error as error:
        raise file_error(path, str(error)) from error


def file_error(path: Path, reason: str) -> ModelFolderError:
    """Return the error of a file that is no readable model; the reason is a predicate."""
    return ModelFolderError(
        f"{path} {reason}; save the model again with model.save() of Keras, as .keras or .h5."
    )


def read_bounded(path: Path) -> bytes:
    """Return the bytes of a file; raises ModelFolderError if that is impossible."""
    try:
        if not is_file(path):
            raise ModelFolderError(f"there is no file {path}; name the file of a model.")
        if path.stat().st_size > MAX_BYTES:
            raise ModelFolderError(
                f"{path} has more than {MAX_BYTES // 10**9} GB, which no model here needs; name "
                "another file."
            )
        return path.read_bytes()
    except OSError as error:
        raise ModelFolderError(
            f"{path} cannot be read ({error.strerror or error}); name a file that you may read."
        ) from error


def _read_archive(content: bytes) -> KerasFile:
    members = _read_members(content)
    for name in (CONFIG, WEIGHTS):
        if name not in members:
            raise Hdf5Error(f"has no {name}")
    config = _parse_json(members[CONFIG], CONFIG)
    metadata = _parse_json(members.get(METADATA, b"{}"), METADATA)
    version = metadata.get("keras_version") if isinstance(metadata, Mapping) else None
    own = _parse_json(members[CHARLOOM], CHARLOOM) if CHARLOOM in members else None
    file: Hdf5File = guarded(lambda: Hdf5File(members[WEIGHTS]))
    return KerasFile(
        config=config,
        program=_program(version),
        weights=_ArchivedWeights(file).of_layer,
        own=own,
    )


def _read_members(content: bytes) -> dict[str, bytes]:
    """Return the members of an archive that the import reads; raises Hdf5Error."""
    wanted = {CONFIG: _MAX_JSON, METADATA: _MAX_JSON, CHARLOOM: _MAX_JSON}
    limits = wanted | {WEIGHTS: _MAX_RATIO * len(content)}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > _MAX_MEMBERS:
                raise Hdf5Error(f"has more than {_MAX_MEMBERS:,} members")
            found: dict[str, bytes] = {}
            for entry in entries:
                # Members of other names are never opened, so their names need no check.
                limit = min(limits.get(entry.filename, 0), MAX_BYTES)
                if entry.filename not in limits:
                    continue
                if entry.filename in found:
                    raise Hdf5Error(f"has {entry.filename} twice")
                if entry.flag_bits & 1:
                    raise Hdf5Error("is encrypted")
                if entry.compress_type not in _STORED:
                    raise Hdf5Error("is compressed in an unusual way")
                with archive.open(entry) as member:
                    data = member.read(limit + 1)
                if len(data) > limit:
                    raise Hdf5Error(f"has {entry.filename} of more than {limit:,} bytes")
                found[entry.filename] = data
            return found
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise Hdf5Error("is a damaged archive") from error
    except (ValueError, IndexError, OverflowError, RuntimeError) as error:
        if isinstance(error, Hdf5Error):
            raise
        raise Hdf5Error("is a damaged archive") from error


def _read_legacy(content: bytes) -> KerasFile:
    file: Hdf5File = guarded(lambda: Hdf5File(content))
    attributes: dict[str, Any] = guarded(lambda: file.attributes(file.root))
    config = attributes.get("model_config")
    if not isinstance(config, str):
        raise Hdf5Error("has weights only and no model_config")
    return KerasFile(
        config=_parse_json(config.encode(), "model_config"),
        program=_program(attributes.get("keras_version")),
        weights=_LegacyWeights(file).of_layer,
    )


class _ArchivedWeights:
    """Weights in ``model.weights.h5``: groups are named by class, arrays by number."""

    def __init__(self, file: Hdf5File) -> None:
        self._file = file
        self._counts: dict[str, int] = {}

    def of_layer(self, kind: str, name: str) -> list[NDArray[np.float32]]:
        """Return the weights of the next layer of a class."""
        group = "simple_rnn" if kind == "SimpleRNN" else snake_case(kind)
        count = self._counts.get(group, 0)
        self._counts[group] = count + 1
        path = ["layers", f"{group}_{count}" if count else group]
        if kind in ("SimpleRNN", "GRU", "LSTM"):
            path.append("cell")
        if kind == "TimeDistributed":
            path.append("layer")
        return list(guarded(lambda: self._arrays([*path, "vars"])))

    def _arrays(self, path: Sequence[str]) -> list[NDArray[np.float32]]:
        links = self._file.links(self._file.find(*path))
        _check_count(len(links), path)
        numbers = [str(k) for k in range(len(links))]
        return [self._file.array(self._file.find(*path, number)) for number in numbers]


class _LegacyWeights:
    """Weights in a legacy file: groups named as the layers, which list their arrays."""

    def __init__(self, file: Hdf5File) -> None:
        self._file = file

    def of_layer(self, kind: str, name: str) -> list[NDArray[np.float32]]:
        """Return the weights of a layer by its name."""
        return list(guarded(lambda: self._arrays(name)))

    def _arrays(self, name: str) -> list[NDArray[np.float32]]:
        path = ["model_weights", *name.split("/")]
        listed = self._file.attributes(self._file.find(*path)).get("weight_names") or []
        if not isinstance(listed, list):
            raise Hdf5Error(f"has no list of weights at {'/'.join(path)}")
        _check_count(len(listed), path)
        return [self._file.array(self._file.find(*path, *item.split("/"))) for item in listed]


def _check_count(count: int, path: Sequence[str]) -> None:
    if count > _MAX_ARRAYS:
        raise Hdf5Error(f"has {count:,} weights at {'/'.join(path)[:200]}")


def snake_case(name: str) -> str:
    """Return a class name as Keras names a layer of it.

    >>> [snake_case(name) for name in ("LSTM", "TimeDistributed", "Embedding")]
    ['lstm', 'time_distributed', 'embedding']
    """
    parts = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return name.lower() if name.isupper() else parts.lstrip("_")


def _program(version: object) -> str:
    known = isinstance(version, str) and len(version) <= 40 and version.isprintable()
    return f"Keras {version}" if known else "Keras"


def _parse_json(content: bytes, name: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Hdf5Error(f"has a damaged {name}") from error
