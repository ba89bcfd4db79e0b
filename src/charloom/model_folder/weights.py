"""The weights file: safetensors with digests, equal bytes for equal tensors."""

import hashlib
import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def weights_bytes(tensors: Mapping[str, NDArray[np.float32]], vocabulary_digest: str) -> bytes:
    """Return a safetensors file; equal tensors of equal vocabularies give equal bytes."""
    from safetensors.numpy import save

    # safetensors writes the bytes of an array in their order in memory, whatever its strides.
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    metadata = {
        "format": "pt",
        "tensors_digest": tensors_digest(tensors),
        "vocabulary_digest": vocabulary_digest,
    }
    return _sort_metadata(save(contiguous, metadata=metadata))


def tensors_digest(tensors: Mapping[str, NDArray[np.float32]]) -> str:
    """Return the digest of names, types, shapes and values, in the order of the names."""
    state = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        tensor = np.ascontiguousarray(tensors[name])
        state.update(f"{name} {tensor.dtype.str} {tensor.shape}\n".encode())
        state.update(tensor.tobytes())
    return state.hexdigest()


def _sort_metadata(content: bytes) -> bytes:
    """Return a safetensors file with its metadata sorted.

    The package safetensors writes them in any order.
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    # The same characters in another order: no offset changes.
    return (
        content[:8]
        + json.dumps(header, separators=(",", ":")).encode().ljust(end - 8)
        + content[end:]
    )
