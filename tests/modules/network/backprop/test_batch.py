"""Shards of a minibatch."""

import pytest
import torch

from charloom.network.backprop.batch import Batch


def make_batch() -> Batch:
    """Return three time steps of five sequences; every value of a sequence is its number."""
    numbers_TB = torch.arange(5).repeat(3, 1)
    return Batch(
        inputs_TB=numbers_TB,
        targets_TB=numbers_TB + 10,
        mask_TB=numbers_TB % 2 == 0,
        labels_B=torch.arange(5) + 20,
        starts=True,
        symbols=9,
        characters=8,
    )


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shards_take_every_sequence_once(count: int) -> None:
    batch = make_batch()
    shards = [batch.shard(index, count) for index in range(count)]
    numbers = [shard.inputs_TB[0].tolist() for shard in shards]
    assert numbers == [list(range(index, 5, count)) for index in range(count)]
    for shard in shards:
        assert torch.equal(shard.targets_TB, shard.inputs_TB + 10)
        assert torch.equal(shard.mask_TB, shard.inputs_TB % 2 == 0)
        assert torch.equal(shard.labels_B, shard.inputs_TB[0] + 20)
        assert (shard.starts, shard.symbols, shard.characters) == (True, 9, 8)
        assert shard.inputs_TB.is_contiguous()


def test_a_batch_moves_with_all_its_tensors() -> None:
    moved = make_batch().to(torch.device("meta"))
    tensors = (moved.inputs_TB, moved.targets_TB, moved.mask_TB, moved.labels_B)
    assert {tensor.device.type for tensor in tensors} == {"meta"}
