"""The table of methods: what it chooses, and that every processor has an entry."""

from typing import get_args

import pytest

from charloom.network.kernels.product_table import (
    FEATURES,
    TILES,
    Features,
    detect_features,
    product_method,
)


@pytest.mark.parametrize(
    ("flags", "features"),
    [
        ({"avx512f": True, "avx2": True, "fma": True}, "avx512"),
        ({"avx512f": False, "avx2": True, "fma": True}, "avx2"),
        ({"avx2": True}, "other"),
        ({"neon": True}, "other"),
        ({}, "other"),
    ],
)
def test_features_are_the_widest_vectors(flags: dict[str, bool], features: Features) -> None:
    assert detect_features(flags) == features


def test_every_processor_has_an_entry() -> None:
    assert tuple(TILES) == get_args(Features)
    assert FEATURES in TILES


@pytest.mark.parametrize("features", TILES)
def test_tiles_are_chosen_up_to_the_limits_of_a_shape(features: Features) -> None:
    for rows, terms, columns in TILES[features]:
        assert product_method(rows, terms, columns, features) == "tiles"
        assert product_method(rows - 1, terms, columns, features) == "blas"
        assert product_method(rows, terms - 1, columns, features) == "blas"
        assert product_method(rows, terms, columns + 1, features) == "blas"


@pytest.mark.parametrize("features", TILES)
def test_large_products_are_those_of_blas(features: Features) -> None:
    assert product_method(2000, 384, 1536, features) == "blas"
