from typing import cast

from charloom.runs.checkpointing import CheckpointHook
from charloom.runs.controls import RunControls
from charloom.training.trainer import Trainer


class Calls:
    """A trainer and a step hook that note the requests they get."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def stop(self) -> None:
        self.names.append("stop")

    def request_validation(self) -> None:
        self.names.append("validate")

    def request(self) -> None:
        self.names.append("save")


def attach(controls: RunControls, hook: bool = True) -> Calls:
    calls = Calls()
    controls.attach(cast(Trainer, calls), cast(CheckpointHook, calls) if hook else None)
    return calls


def test_requests_reach_trainer_and_hook() -> None:
    controls = RunControls()
    calls = attach(controls)
    assert calls.names == []
    controls.save()
    controls.stop()
    assert calls.names == ["validate", "save", "stop"]


def test_without_a_hook_save_still_validates() -> None:
    controls = RunControls()
    calls = attach(controls, hook=False)
    controls.save()
    assert calls.names == ["validate"]


def test_before_a_trainer_is_attached_only_stop_is_remembered() -> None:
    controls = RunControls()
    controls.save()
    controls.stop()
    assert attach(controls).names == ["stop"]
