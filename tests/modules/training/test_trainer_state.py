import dataclasses
import math

from charloom.training.trainer_state import TrainerState


def test_the_keys_are_those_of_checkpoints_of_earlier_versions() -> None:
    assert dataclasses.asdict(TrainerState()) == {
        "step": 0,
        "best": math.inf,
        "progress": 0.0,
        "epoch": 1,
        "batches": 0,
        "symbols": 0,
    }
