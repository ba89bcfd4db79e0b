import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from charloom.api import train
from charloom.errors import MissingPackageError, SettingsError
from charloom.model_folder.checkpoint import Checkpoint
from charloom.runs.processes import broadcast_spec, check_sources, process_group
from charloom.runs.request import TrainRequest
from charloom.runs.resolve import resolve_settings
from charloom.runs.spec import RunSpec
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.distributed.process_group import ProcessGroup


class FakeGroup(ProcessGroup):
    """One of several processes, which share the list of texts that process 0 sends."""

    def __init__(self, process: ProcessInfo, texts: list[str]) -> None:
        super().__init__(process)
        self.texts = texts

    def broadcast_text(self, text: str) -> str:
        if self.is_main:
            self.texts.append(text)
        return self.texts[0]


def make_spec(**options: Any) -> RunSpec:
    text, network, training = resolve_settings(["x.txt"], None, options)
    return RunSpec(
        text=text,
        network=network,
        training=training,
        validation="held-out.txt",
        checkpoint_seconds=2.5,
        checkpoint=Checkpoint(run={"corpus": "abc"}, state={"step": [1, None]}, tensors=b"tensors"),
    )


def request(*sources: str, validation: str | None = None) -> TrainRequest:
    return TrainRequest(sources=sources, options={}, validation=validation)


def test_other_processes_receive_the_spec_of_process_0() -> None:
    texts: list[str] = []
    spec = make_spec(columns=("a", "2"), prompts=("Ah", "\udc80"), epochs=3)
    assert broadcast_spec(FakeGroup(ProcessInfo(world_size=2), texts), spec) == spec
    assert json.loads(texts[0])["text"]["columns"] == ["a", "2"]
    received = broadcast_spec(FakeGroup(ProcessInfo(rank=1, world_size=2), texts), None)
    assert spec.checkpoint is not None
    without = dataclasses.replace(spec.checkpoint, tensors=b"")
    assert received == dataclasses.replace(spec, checkpoint=without), "tensors are sent later"


def test_a_spec_resolved_in_another_process_is_ignored() -> None:
    texts: list[str] = []
    spec, other = make_spec(), make_spec(epochs=9)
    broadcast_spec(FakeGroup(ProcessInfo(world_size=2), texts), spec)
    received = broadcast_spec(FakeGroup(ProcessInfo(rank=1, world_size=2), texts), other)
    assert received.training == spec.training


def test_a_single_process_keeps_its_own_spec() -> None:
    spec = make_spec()
    assert broadcast_spec(None, spec) is spec
    assert broadcast_spec(ProcessGroup(), spec) is spec


def test_a_single_process_has_no_group() -> None:
    with process_group(SINGLE_PROCESS) as group:
        assert group is None


def test_more_processes_than_texts_in_a_minibatch_are_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        broadcast_spec(FakeGroup(ProcessInfo(world_size=9), []), make_spec(batch_size=8))
    assert str(caught.value) == (
        "batch-size is 8 with 9 processes, and each needs a text in every minibatch: "
        "use a larger --batch-size, or fewer processes."
    )


def test_standard_input_is_for_one_process() -> None:
    check_sources(request("-"), SINGLE_PROCESS)
    check_sources(request("a.txt"), ProcessInfo(world_size=2))
    for refused in (request("a.txt", "-"), request("a.txt", validation="-")):
        with pytest.raises(SettingsError) as caught:
            check_sources(refused, ProcessInfo(world_size=2))
        assert str(caught.value) == (
            "the source is - (standard input) with 2 processes, and each of them reads the text: "
            "put it into a file first."
        )


def test_train_checks_the_variables_of_torchrun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SettingsError, match="start the processes with torchrun, or unset both"):
        train(tmp_path / "x.txt")


def test_several_processes_need_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with (
        pytest.raises(MissingPackageError) as caught,
        process_group(ProcessInfo(rank=1, world_size=2)),
    ):
        raise AssertionError
    assert str(caught.value) == (
        "training in 2 processes needs the package torch, which is not installed; "
        "install it with pip install 'charloom[torch]', or start a single process."
    )
