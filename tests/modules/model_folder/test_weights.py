"""The weights file depends on its content only, and has its digests in a fixed order."""

import json
from hashlib import blake2b

import numpy as np
from safetensors.numpy import load

from charloom.model_folder.weights import tensors_digest, weights_bytes


def test_the_tensors_digest_follows_the_documented_lines() -> None:
    tensors = {"b": np.array([[1.0, 2.0]], np.float32), "a": np.array([3.0], np.float32)}
    content = b"a <f4 (1,)\n" + tensors["a"].tobytes() + b"b <f4 (1, 2)\n" + tensors["b"].tobytes()
    assert tensors_digest(tensors) == blake2b(content, digest_size=16).hexdigest()


def test_equal_tensors_give_equal_bytes_whatever_their_memory_order() -> None:
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    first = weights_bytes({"a": matrix, "b": matrix[0]}, "0")
    assert weights_bytes({"b": matrix[0], "a": np.asfortranarray(matrix)}, "0") == first
    assert weights_bytes({"a": matrix + 1, "b": matrix[0]}, "0") != first
    loaded = load(first)
    assert np.array_equal(loaded["a"], matrix) and np.array_equal(loaded["b"], matrix[0])


def test_metadata_have_both_digests_in_order() -> None:
    tensors = {"a": np.zeros(3, np.float32)}
    content = weights_bytes(tensors, "of the vocabulary")
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert list(header["__metadata__"].items()) == [
        ("format", "pt"),
        ("tensors_digest", tensors_digest(tensors)),
        ("vocabulary_digest", "of the vocabulary"),
    ]
