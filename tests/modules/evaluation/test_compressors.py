"""Bounds that hold for every good compressor: random bytes do not shrink, repeated ones vanish."""

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
def test_what_is_random_costs_what_it_is(bits: Bits) -> None:
    cost = bits(noise(0, 100_000), noise(1, 20_000))
    assert 20_000 * BYTE <= cost <= 20_040 * BYTE


@both
def test_what_training_holds_costs_next_to_nothing(bits: Bits) -> None:
    """An xz match is at most 273 bytes long, and 74 of them tell where they are."""
    training = noise(0, 200_000)
    assert 0 < bits(training, training[100:20_100]) <= 74 * 5 * BYTE


def test_zstd_reaches_beyond_the_window_of_its_level() -> None:
    """Which is 8 MiB."""
    training = noise(0, 9 << 20)
    assert zstd_bits(training, training[100:20_100]) <= 40 * BYTE


def test_xz_as_its_own_format_says() -> None:
    """The container rounds up to 4 bytes and keeps sizes, which take a byte more at most."""
    training, test = (b"%d " * 3000) % tuple(range(3000)), (b"%d, " * 500) % tuple(range(500))
    whole, part = (
        len(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
        for text in (training + test, training)
    )
    assert abs(xz_bits(training, test) - BYTE * (whole - part)) <= 8 * BYTE


@both
def test_short_texts(bits: Bits) -> None:
    assert 0 <= bits(b"", b"") <= 5 * BYTE
    assert 0 < bits(b"", b"\n") <= 12 * BYTE
    assert 0 <= bits(b"a\n", b"") <= 5 * BYTE
