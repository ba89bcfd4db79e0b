"""Bounds for good compressors: random bytes cost their length, repeated bytes almost nothing."""

import lzma
from collections.abc import Callable

import numpy as np
import pytest

from charloom.evaluation.compressors import xz_bits, zstd_bits

BYTE = 8
both = pytest.mark.parametrize("bits", [xz_bits, zstd_bits])
Bits = Callable[[bytes, bytes], int]


def noise(seed: int, size: int) -> bytes:
    return np.random.default_rng(seed).bytes(size)


@both
def test_random_bytes_cost_their_length(bits: Bits) -> None:
    cost = bits(noise(0, 100_000), noise(1, 20_000))
    assert 20_000 * BYTE <= cost <= 20_040 * BYTE


@both
def test_bytes_of_the_training_text_cost_almost_nothing(bits: Bits) -> None:
    """An xz match is at most 273 bytes long, so 74 matches are needed."""
    training = noise(0, 200_000)
    assert 0 < bits(training, training[100:20_100]) <= 74 * 5 * BYTE


def test_zstd_reaches_beyond_the_window_of_its_level() -> None:
    """The default window of level 19 is 8 MiB."""
    training = noise(0, 9 << 20)
    assert zstd_bits(training, training[100:20_100]) <= 40 * BYTE


def test_xz_bits_are_about_those_of_the_container_format() -> None:
    """The container rounds up to 4 bytes and stores sizes, which need at most a byte more."""
    training, test = (b"%d " * 3000) % tuple(range(3000)), (b"%d, " * 500) % tuple(range(500))
    whole, part = (
        len(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
        for text in (training + test, training)
    )
    assert abs(xz_bits(training, test) - BYTE * (whole - part)) <= 8 * BYTE


@both
def test_short_texts_cost_few_bytes(bits: Bits) -> None:
    assert 0 <= bits(b"", b"") <= 5 * BYTE
    assert 0 < bits(b"", b"\n") <= 12 * BYTE
    assert 0 <= bits(b"a\n", b"") <= 5 * BYTE
