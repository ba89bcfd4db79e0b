"""The state that a trainer saves, and the choice of the best weights."""

import dataclasses
import math

from charloom.training.trainer_state import TrainerState


def test_the_keys_are_those_of_checkpoints() -> None:
    assert dataclasses.asdict(TrainerState()) == {
        "step": 0,
        "best": math.inf,
        "best_accepted": -math.inf,
        "progress": 0.0,
        "epoch": 1,
        "batches": 0,
        "symbols": 0,
    }


def test_the_lowest_loss_is_kept() -> None:
    state = TrainerState()
    kept = [state.keep(loss, share, "loss") for loss, share in ((3, 0.1), (2, 0.0), (2, 0.9))]
    assert kept == [True, True, False]
    assert (state.best, state.best_accepted) == (2, 0.0)


def test_the_largest_accepted_share_is_kept_and_of_equal_ones_the_lowest_loss() -> None:
    state = TrainerState()
    measured = ((3, 0.0), (2, 0.0), (4, 0.5), (1, 0.4), (4, 0.5), (3.5, 0.5))
    kept = [state.keep(loss, share, "accepted") for loss, share in measured]
    assert kept == [True, True, True, False, False, True]
    assert (state.best, state.best_accepted) == (3.5, 0.5)
