"""The weights file: safetensors with digests, equal bytes for equal tensors.

Weights are float32 in memory. The file may hold them in 16 bits, all in one precision; widening
them is exact. NumPy has no bfloat16, so its bits are stored as those of uint16.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

WeightPrecision = Literal["fp32", "bf16", "fp16"]

FILE_TYPES: Final[dict[WeightPrecision, str]] = {"fp32": "F32", "bf16": "BF16", "fp16": "F16"}
"""The types of tensors in a safetensors file."""
_STORED_TYPES: Final[dict[WeightPrecision, str]] = {"fp32": "<f4", "bf16": "<u2", "fp16": "<f2"}
_DIGEST_TYPES: Final = _STORED_TYPES | {"bf16": "bfloat16"}


class WeightTypeError(ValueError):
    """The tensors of a file have types that cannot be read; the message lists them."""


def weights_bytes(
    tensors: Mapping[str, NDArray[np.float32]],
    vocabulary_digest: str,
    precision: WeightPrecision = "fp32",
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """Return a safetensors file; equal tensors of equal vocabularies give equal bytes.

    ``metadata`` are added to those that every file has.
    """
    from safetensors.numpy import save

    # safetensors writes the bytes of an array in their order in memory, whatever its strides.
    stored = {name: np.ascontiguousarray(narrow(t, precision)) for name, t in tensors.items()}
    every = {
        "format": "pt",
        "tensors_digest": tensors_digest(tensors, precision),
        "vocabulary_digest": vocabulary_digest,
    }
    return _edit_header(save(stored, metadata=every | dict(metadata or {})), FILE_TYPES[precision])


def read_weights(
    content: bytes,
) -> tuple[dict[str, NDArray[np.float32]], WeightPrecision, dict[str, str]]:
    """Return the tensors, their precision and the metadata of a safetensors file.

    Raises WeightTypeError for tensors of other types or of several types, and SafetensorError or
    ValueError for a damaged file.
    """
    from safetensors import deserialize

    entries: list[tuple[str, dict[str, Any]]] = deserialize(content)  # type: ignore[no-untyped-call]
    types = {entry["dtype"] for _, entry in entries}
    if not types:
        raise ValueError("no tensors")
    precisions = [key for key, file_type in FILE_TYPES.items() if {file_type} == types]
    if not precisions:
        raise WeightTypeError(", ".join(sorted(types)))
    precision = precisions[0]
    tensors = {
        name: widen(
            np.frombuffer(entry["data"], _STORED_TYPES[precision]).reshape(entry["shape"]),
            precision,
        )
        for name, entry in entries
    }
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return tensors, precision, header.get("__metadata__", {})


def tensors_digest(
    tensors: Mapping[str, NDArray[np.float32]], precision: WeightPrecision = "fp32"
) -> str:
    """Return the digest of names, types, shapes and values, in the order of the names."""
    state = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        stored = np.ascontiguousarray(narrow(tensors[name], precision))
        state.update(f"{name} {_DIGEST_TYPES[precision]} {stored.shape}\n".encode())
        state.update(stored.tobytes())
    return state.hexdigest()


def narrow(tensor: NDArray[np.float32], precision: WeightPrecision) -> NDArray[Any]:
    """Return finite values in the type of the file, rounded, ties to even.

    Values beyond the range of the type become infinite.
    """
    if precision == "bf16":
        bits = np.ascontiguousarray(tensor).view(np.uint32)
        # Half of the last place that is kept, less one if that place is even.
        half = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
        return ((bits + half) >> np.uint32(16)).astype("<u2")
    with np.errstate(over="ignore"):
        return tensor.astype(_STORED_TYPES[precision])


def widen(stored: NDArray[Any], precision: WeightPrecision) -> NDArray[np.float32]:
    """Return values of the type of the file as float32, exactly."""
    if precision == "bf16":
        return (stored.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return stored.astype(np.float32)


def _edit_header(content: bytes, file_type: str) -> bytes:
    """Return a safetensors file with sorted metadata and another type of tensors.

    The package safetensors writes metadata in any order, and bfloat16 not from NumPy.
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    for name in header.keys() - {"__metadata__"}:
        header[name]["dtype"] = file_type
    text = json.dumps(header, separators=(",", ":")).encode()
    # Offsets count from the end of the header, whose length is a multiple of eight.
    text = text.ljust(-(-len(text) // 8) * 8)
    return len(text).to_bytes(8, "little") + text + content[end:]
