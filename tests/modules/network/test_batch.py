"""Shards of a minibatch."""

import numpy as np
import pytest

from charloom.network.batch import Batch


def make_batch() -> Batch:
    """Return three time steps of five sequences; every value of a sequence is its number."""
    numbers_TB = np.tile(np.arange(5), (3, 1))
    return Batch(
        inputs_TB=numbers_TB,
        targets_TB=numbers_TB + 10,
        mask_TB=numbers_TB % 2 == 0,
        labels_B=np.arange(5) + 20,
        starts=True,
        symbols=9,
        characters=8,
    )


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
def test_shards_take_every_sequence_once(count: int) -> None:
    batch = make_batch()
    shards = [batch.shard(index, count) for index in range(count)]
    numbers = [shard.inputs_TB[0].tolist() for shard in shards]
    assert numbers == [list(range(index, 5, count)) for index in range(count)]
    for shard in shards:
        assert (shard.targets_TB == shard.inputs_TB + 10).all()
        assert (shard.mask_TB == (shard.inputs_TB % 2 == 0)).all()
        assert (shard.labels_B == shard.inputs_TB[0] + 20).all()
        assert (shard.starts, shard.symbols, shard.characters) == (True, 9, 8)
        assert shard.inputs_TB.flags.c_contiguous


@pytest.mark.parametrize("first", [1, 2, 3])
@pytest.mark.parametrize("second", [1, 2, 3])
def test_shards_of_shards_know_their_numbers_in_the_minibatch(first: int, second: int) -> None:
    for outer in range(first):
        for inner in range(second):
            shard = make_batch().shard(outer, first).shard(inner, second)
            assert [*shard.sequence_numbers] == shard.inputs_TB[0].tolist()
            assert shard.minibatch_sequences == 5
