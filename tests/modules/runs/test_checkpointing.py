import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from corpora_by_hand import part
from records import record

from charloom.errors import TrainingError
from charloom.model_folder import checkpoint
from charloom.model_folder.writer import ModelWriter
from charloom.runs.checkpointing import (
    BEST_WEIGHTS,
    Checkpointer,
    CheckpointHook,
    CheckpointPeer,
)
from charloom.runs.listeners import BestWeights
from charloom.training.trainer import Trainer

RUN = {"checkpoint_seconds": 30.0, "corpus": "x", "machine": {}}


class Member:
    """An object whose state is saved in checkpoints."""

    def __init__(self) -> None:
        self.weight = np.zeros(2, np.float32)

    def state_dict(self) -> dict[str, Any]:
        return {"weight": self.weight}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.weight = state["weight"]


class FakeTrainer(Member):
    """The attributes of a trainer that hooks use."""

    step, epoch, seconds = 4, 1, 2.5


def start(hook: CheckpointHook, trainer: Member, path: Path | None = None) -> list[str]:
    saved = None if path is None else checkpoint.read(path / "checkpoint")
    return hook.start(cast(Trainer, trainer), saved)


def make_best_weights(writer: ModelWriter | None) -> BestWeights:
    return BestWeights(record(), part(["abc"]), lambda: record().tensors, writer)


def make_checkpointer(writer: ModelWriter, member: Member, now: list[float]) -> Checkpointer:
    members = {"member": member}
    return Checkpointer(writer, RUN, members, make_best_weights(writer), clock=lambda: now[0])


def pop_checkpoint(path: Path) -> bool:
    """Return whether there is a checkpoint, and remove it."""
    exists = (path / "checkpoint" / "state.json").is_file()
    checkpoint.remove(path / "checkpoint")
    return exists


def test_a_checkpoint_is_written_on_schedule_on_request_and_at_the_end(tmp_path: Path) -> None:
    path, now = tmp_path / "m", [100.0]
    with ModelWriter(path) as writer:
        writer.save(record())
        hook = make_checkpointer(writer, Member(), now)
        assert start(hook, FakeTrainer()) == []
        assert pop_checkpoint(path), "the first one is written at the start"
        for seconds, request, force, expected in [
            (29.9, False, False, False),
            (0.1, False, False, True),
            (29.0, False, False, False),
            (0.5, True, False, True),
            (1.0, False, False, False),
            (1.0, False, True, True),
            (29.5, False, False, False),
            (0.5, False, False, True),
        ]:
            now[0] += seconds
            if request:
                hook.request()
            assert hook.due() is (expected and not force)
            hook(force)
            assert pop_checkpoint(path) is expected


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_state_that_is_not_finite_never_replaces_a_checkpoint(
    tmp_path: Path, number: float
) -> None:
    path = tmp_path / "m"
    with ModelWriter(path) as writer:
        writer.save(record())
        member = Member()
        hook = make_checkpointer(writer, member, [0.0])
        start(hook, FakeTrainer())
        before = checkpoint.read(path / "checkpoint")
        member.weight[1] = number
        with pytest.raises(TrainingError) as caught:
            hook(True)
    assert str(caught.value) == (
        "a weight became infinite or NaN by step 4; finite numbers are needed: "
        "try a smaller --lr, or --precision fp32."
    )
    assert checkpoint.read(path / "checkpoint") == before


def test_trainer_and_members_are_restored_from_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "m"
    with ModelWriter(path) as writer:
        writer.save(record())
        trainer, member = FakeTrainer(), Member()
        trainer.weight += 5
        member.weight += 3
        start(make_checkpointer(writer, member, [0.0]), trainer)
        new_trainer, new_member = FakeTrainer(), Member()
        notes = start(make_checkpointer(writer, new_member, [0.0]), new_trainer, path)
    assert new_trainer.weight.tolist() == [5, 5]
    assert new_member.weight.tolist() == [3, 3]
    assert notes == ["the run resumes after step 4 (epoch 1, 0:02 of training)."]


def test_a_model_folder_is_created_at_the_first_checkpoint_of_a_step(tmp_path: Path) -> None:
    """So a run that is killed before its first validation can be resumed."""
    path = tmp_path / "m"
    with ModelWriter(path) as writer:
        hook = make_checkpointer(writer, Member(), [0.0])
        start(hook, FakeTrainer())
        assert not path.exists()
        hook.request()
        hook(False)
        assert (path / "model.safetensors").is_file()
        assert (path / "checkpoint" / "state.json").is_file()


class CountingTrainer(FakeTrainer):
    gathered = 0

    def state_dict(self) -> dict[str, Any]:
        self.gathered += 1
        return super().state_dict()


def test_a_peer_takes_part_in_each_checkpoint_and_requests_none() -> None:
    trainer = CountingTrainer()
    peer = CheckpointPeer(make_best_weights(None))
    assert start(peer, trainer) == []
    assert trainer.gathered == 1
    peer.request()
    assert not peer.due()
    peer(False)
    assert trainer.gathered == 2


def test_a_peer_restores_its_trainer_and_the_best_weights(tmp_path: Path) -> None:
    path = tmp_path / "m"
    with ModelWriter(path) as writer:
        best = make_best_weights(writer)
        best.load_state_dict({"tensors": record().tensors, "figures": {"step": 3}})
        trainer = FakeTrainer()
        trainer.weight += 7
        start(Checkpointer(writer, RUN, {BEST_WEIGHTS: best}, best), trainer)
        new_trainer, new_best = FakeTrainer(), make_best_weights(None)
        assert start(CheckpointPeer(new_best), new_trainer, path) == []
    assert new_trainer.weight.tolist() == [7, 7]
    assert new_best.record.metrics == {"step": 3}
