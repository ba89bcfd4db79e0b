import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from records import record

from charloom.errors import TrainingError
from charloom.model_folder import checkpoint
from charloom.model_folder.writer import ModelWriter
from charloom.runs.checkpointing import Checkpointer
from charloom.runs.listeners import BestWeights
from charloom.training.trainer import Trainer


class Member:
    """Something with a state, as whoever joins a checkpoint has."""

    def __init__(self) -> None:
        self.weight = torch.zeros(2)

    def state_dict(self) -> dict[str, Any]:
        return {"weight": self.weight}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.weight = state["weight"]


class Run:
    """A trainer and a keeper in one, as far as saving looks at them."""

    step, epoch, seconds = 4, 1, 2.5

    def write_unmeasured(self, step: int, seconds: float) -> None:
        assert (step, seconds) == (4, 2.5)


@pytest.fixture
def run() -> Any:
    return Run()


def make_checkpointer(
    writer: ModelWriter, run: Any, member: Member, now: list[float]
) -> Checkpointer:
    return Checkpointer(
        writer,
        {"checkpoint_seconds": 30.0, "corpus": "x", "machine": {}},
        {"member": member},
        cast(Trainer, run),
        cast(BestWeights, run),
        clock=lambda: now[0],
    )


def pop_checkpoint(path: Path) -> bool:
    """Return whether there is a checkpoint, and remove it."""
    there = (path / "checkpoint" / "state.json").is_file()
    checkpoint.remove(path / "checkpoint")
    return there


def test_a_checkpoint_is_written_on_schedule_on_request_and_at_the_end(
    tmp_path: Path, run: Any
) -> None:
    path, now = tmp_path / "m", [100.0]
    with ModelWriter(path) as writer:
        writer.save(record())
        saving = make_checkpointer(writer, run, Member(), now)
        for after, ask, ending, expected in [
            (29.9, False, False, False),
            (0.1, False, False, True),
            (29.0, False, False, False),
            (0.5, True, False, True),
            (1.0, False, False, False),
            (1.0, False, True, True),
            (29.5, False, False, False),
            (0.5, False, False, True),
        ]:
            now[0] += after
            if ask:
                saving.request()
            saving(ending)
            assert pop_checkpoint(path) is expected


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_state_that_is_not_finite_never_replaces_a_checkpoint(
    tmp_path: Path, run: Any, number: float
) -> None:
    path = tmp_path / "m"
    with ModelWriter(path) as writer:
        writer.save(record())
        member = Member()
        saving = make_checkpointer(writer, run, member, [0.0])
        saving(True)
        before = checkpoint.read(path / "checkpoint")
        member.weight[1] = number
        with pytest.raises(TrainingError) as caught:
            saving(True)
    assert str(caught.value) == (
        "a weight became infinite or no number by step 4; finite numbers are needed: "
        "try a smaller --lr, or --precision fp32."
    )
    assert checkpoint.read(path / "checkpoint") == before


def test_members_are_restored_from_the_checkpoint(tmp_path: Path, run: Any) -> None:
    path = tmp_path / "m"
    with ModelWriter(path) as writer:
        writer.save(record())
        first, second = Member(), Member()
        first.weight += 3
        make_checkpointer(writer, run, first, [0.0])(True)
        told = make_checkpointer(writer, run, second, [0.0]).start(
            checkpoint.read(path / "checkpoint")
        )
    assert torch.equal(second.weight, first.weight)
    assert told == ["the run goes on after step 4 (epoch 1, 0:02 of training)."]
