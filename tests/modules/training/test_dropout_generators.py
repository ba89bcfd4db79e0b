"""Which random numbers each shard draws, before and after a checkpoint."""

import torch

from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.dropout_generators import ShardGenerators

CPU = torch.device("cpu")


def make(shards: int, seed: int = 0, process: ProcessInfo = SINGLE_PROCESS) -> ShardGenerators:
    return ShardGenerators(shards, device=CPU, seed=seed, process=process)


def draws(generators: ShardGenerators, shards: int) -> list[float]:
    """Draw one number from the generator of each shard."""
    return [float(torch.rand(1, generator=generators.generator(k))) for k in range(shards)]


def test_each_shard_draws_other_numbers() -> None:
    assert len(set(draws(make(3), 3))) == 3
    assert draws(make(3), 3) == draws(make(3), 3)
    assert draws(make(3), 3) != draws(make(3, seed=3), 3)


def test_a_single_shard_of_a_single_process_draws_from_torch() -> None:
    assert make(1).generator(0) is None
    assert make(1, process=ProcessInfo(world_size=2)).generator(0) is not None


def test_restored_generators_continue() -> None:
    whole = make(3)
    draws(whole, 3)
    state = whole.state_dict()
    expected = draws(whole, 3), float(torch.rand(1))
    restored = make(3, seed=7)
    restored.load_state_dict(state, step=5)
    assert (draws(restored, 3), float(torch.rand(1))) == expected


def test_other_numbers_of_shards_are_seeded_from_the_step() -> None:
    state = make(3).state_dict()
    seen = []
    for step in (5, 5, 6):
        two = make(2)
        two.load_state_dict(state, step)
        seen.append(draws(two, 2))
    assert seen[0] == seen[1]
    assert len({*seen[0], *seen[2], *draws(make(3), 3)}) == 7, "no number is drawn twice"


def test_several_processes_seed_their_generators_at_each_step() -> None:
    seen = {}
    for rank in range(2):
        process = ProcessInfo(rank=rank, world_size=2)
        for step in range(2):
            for attempt in range(2):
                generators = make(2, process=process)
                if attempt:  # earlier steps make no difference
                    draws(generators, 2)
                generators.begin_step(step)
                seen[rank, step, attempt] = tuple(draws(generators, 2))
            assert seen[rank, step, 0] == seen[rank, step, 1]
    assert len({number for numbers in seen.values() for number in numbers}) == 8


def test_a_single_process_does_not_seed_at_each_step() -> None:
    generators, expected = make(2), make(2)
    draws(generators, 2)
    draws(expected, 2)
    generators.begin_step(3)
    assert draws(generators, 2) == draws(expected, 2)
