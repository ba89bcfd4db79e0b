"""The weights file depends on its content only, and has its digests in a fixed order."""

import json
import struct
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load, save

from charloom.model_folder.weights import (
    FILE_TYPES,
    WeightPrecision,
    WeightTypeError,
    narrow,
    read_weights,
    tensors_digest,
    weights_bytes,
    widen,
)

PRECISIONS: tuple[WeightPrecision, ...] = ("fp32", "bf16", "fp16")
precisions = pytest.mark.parametrize("precision", PRECISIONS)


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


def bf16_oracle(value: float) -> float:
    """Return the bfloat16 nearest to a float32; of two, the one whose last bit is zero."""
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    lower = bits & 0xFFFF0000
    near: dict[int, float] = {
        pattern: struct.unpack("<f", struct.pack("<I", pattern))[0]
        for pattern in (lower, lower + 0x10000)
    }
    return near[min(near, key=lambda pattern: (abs(near[pattern] - value), pattern >> 16 & 1))]


def test_bfloat16_is_the_nearest_value_and_ties_go_to_even() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate(
        [
            rng.standard_normal(500),
            rng.standard_normal(500) * 2.0 ** rng.integers(-130, 100, 500),
            # Ties, just above and just below; a subnormal, zeros, the next power of two.
            [1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8, 1 + 2**-8 + 2**-23, 1 + 2**-8 - 2**-23],
            [1e-40, 0.0, -0.0, 2 - 2**-23],
        ]
    ).astype(np.float32)
    expected = np.array([bf16_oracle(float(value)) for value in values], np.float32)
    assert widen(narrow(values, "bf16"), "bf16").tobytes() == expected.tobytes()


@precisions
def test_every_value_of_16_bits_is_widened_and_narrowed_exactly(
    precision: WeightPrecision,
) -> None:
    bits = np.arange(2**16, dtype="<u2")
    stored = bits.view("<f2") if precision == "fp16" else bits
    values = widen(stored, "fp16" if precision == "fp16" else "bf16")
    finite = values[np.isfinite(values)]
    assert len(finite) > 2**15
    assert widen(narrow(finite, precision), precision).tobytes() == finite.tobytes()


@precisions
def test_a_file_is_read_bit_for_bit(precision: WeightPrecision) -> None:
    values = np.random.default_rng(1).standard_normal((3, 5)).astype(np.float32)
    tensors = {"b": widen(narrow(values, precision), precision), "a.c": np.ones(2, np.float32)}
    content = weights_bytes(tensors, "0", precision)
    loaded, kind, metadata = read_weights(content)
    assert kind == precision
    assert {name: (t.shape, t.tobytes()) for name, t in loaded.items()} == {
        name: (t.shape, t.tobytes()) for name, t in tensors.items()
    }
    assert metadata["tensors_digest"] == tensors_digest(tensors, precision)
    assert (8 + int.from_bytes(content[:8], "little")) % 8 == 0


@precisions
def test_torch_reads_the_same_values(precision: WeightPrecision, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(1).standard_normal((3, 5)).astype(np.float32)
    (tmp_path / "w").write_bytes(weights_bytes({"w": values}, "0", precision))
    with safe_open(tmp_path / "w", framework="pt") as file:
        tensor = file.get_tensor("w")
    types = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    assert tensor.dtype == types[precision]
    assert torch.equal(tensor, torch.from_numpy(values).to(types[precision]))


def test_the_digest_of_16_bits_names_the_type() -> None:
    tensors = {"a": np.array([1.0, -2.0], np.float32)}
    for precision, line, content in (
        ("bf16", b"a bfloat16 (2,)\n", b"\x80\x3f\x00\xc0"),
        ("fp16", b"a <f2 (2,)\n", b"\x00\x3c\x00\xc0"),
    ):
        expected = blake2b(line + content, digest_size=16).hexdigest()
        assert tensors_digest(tensors, precision) == expected  # type: ignore[arg-type]


def test_other_types_and_several_types_are_refused_by_name() -> None:
    single, double = np.zeros(2, np.float32), np.zeros(2)
    with pytest.raises(WeightTypeError) as caught:
        read_weights(save({"a": double}))
    assert str(caught.value) == "F64"
    with pytest.raises(WeightTypeError) as caught:
        read_weights(save({"a": single, "b": single.astype(np.float16)}))
    assert str(caught.value) == "F16, F32"
    assert list(FILE_TYPES) == list(PRECISIONS)


def test_a_file_without_tensors_is_refused() -> None:
    with pytest.raises(ValueError, match="no tensors"):
        read_weights(save({}))
