"""The dropout of a minibatch: numbers of rows, keys, number of masks."""

import numpy as np
import pytest

from charloom.network.batch import Batch
from charloom.network.dropout import (
    LEVELS,
    MAX_EXTRA_COST,
    MAX_MASKS,
    Dropout,
    mask_count,
    output_masks,
    row_numbers,
)
from charloom.settings import NetworkSettings

PROBABILITIES = [0.1, 0.35, 0.5, 0.6, 0.9]


def batch(steps: int, sequences: int) -> Batch:
    ids_TB = np.zeros((steps, sequences), np.int64)
    return Batch(
        inputs_TB=ids_TB,
        targets_TB=ids_TB,
        mask_TB=ids_TB == 0,
        labels_B=ids_TB[0],
        starts=True,
        symbols=ids_TB.size,
        characters=ids_TB.size,
    )


@pytest.mark.parametrize("shards", [1, 2, 3])
@pytest.mark.parametrize("row_length", [5, 8])
def test_row_numbers_do_not_depend_on_shards(shards: int, row_length: int) -> None:
    whole = batch(4, 5)
    numbers_TB = np.arange(20).reshape(4, 5)
    assert (row_numbers(whole, 5) == numbers_TB.reshape(-1)).all()
    for index in range(shards):
        shard = whole.shard(index, shards)
        rows_TR = row_numbers(shard, row_length).reshape(4, row_length)
        expected_TB = numbers_TB[:, index::shards]
        own = expected_TB.shape[1]
        assert (rows_TR[:, :own] == expected_TB).all()
        assert (rows_TR[:, own:] == expected_TB[:, :1]).all(), "padding has the first number"


def test_a_shard_without_sequences_has_numbers_for_its_padding() -> None:
    assert len(row_numbers(batch(3, 2).shard(2, 4), row_length=4)) == 12


@pytest.mark.parametrize(("p", "kept"), [(0.0, LEVELS), (0.25, LEVELS * 3 // 4), (1 - 1e-9, 1)])
def test_kept_levels_are_the_fraction_that_is_kept(p: float, kept: int) -> None:
    assert Dropout(p).kept_levels == kept


def test_keys_differ_by_seed_and_depth() -> None:
    seeds = (0, 1, 2**32, 2**63, 2**64 - 1)
    keys = {tuple(Dropout(0.5, seed).keys(depth)) for seed in seeds for depth in range(4)}
    assert len(keys) == 20
    assert tuple(Dropout(0.5, 7).keys(1)) == tuple(Dropout(0.1, 7).keys(1))


def test_the_number_of_masks_grows_with_p() -> None:
    counts = [mask_count(p / 100, 0.01) for p in range(100)]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (1, MAX_MASKS)


@pytest.mark.parametrize("cost", [0.02, 0.05, 0.16, 0.3, 1.0, 20.0])
def test_more_masks_cost_at_most_the_limit(cost: float) -> None:
    for p in PROBABILITIES:
        assert (mask_count(p, cost) - 1) * cost <= MAX_EXTRA_COST + 1e-9


def test_output_masks_follow_from_the_cost_of_the_output_layer() -> None:
    settings = NetworkSettings(cell="lstm", hidden=100, layers=2)
    # 50 of 4 * 100 * 3 multiplications of a unit: a cost of 1 / 24.
    assert output_masks(settings, 50, Dropout(0.8)) == mask_count(0.8, 1 / 24) == 8
    assert output_masks(settings, 50, Dropout(0.0)) == 1
