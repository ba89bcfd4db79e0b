import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from charloom.api import train
from charloom.errors import SettingsError
from charloom.model_folder.checkpoint import Checkpoint
from charloom.runs.processes import broadcast_spec, check_sources
from charloom.runs.resolve import resolve_settings
from charloom.runs.spec import RunSpec
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.distributed.process_group import ProcessGroup


class FakeRanks(ProcessGroup):
    """One of several ranks, which hears what process 0 would say."""

    def __init__(self, launch: ProcessInfo, heard: list[str]) -> None:
        super().__init__(launch)
        self.heard = heard

    def told(self, text: str) -> str:
        if self.is_main:
            self.heard.append(text)
        return self.heard[0]


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


def never() -> RunSpec:
    raise AssertionError("process 0 alone looks at the model folder")


def test_other_processes_receive_the_spec_of_process_0() -> None:
    heard: list[str] = []
    here = make_spec(columns=("a", "2"), prompts=("Ah", "\udc80"), epochs=3)
    assert broadcast_spec(FakeRanks(ProcessInfo(world_size=2), heard), lambda: here) == here
    assert json.loads(heard[0])["text"]["columns"] == ["a", "2"]
    there = broadcast_spec(FakeRanks(ProcessInfo(rank=1, world_size=2), heard), never)
    assert here.checkpoint is not None
    without = dataclasses.replace(here.checkpoint, tensors=b"")
    assert there == dataclasses.replace(here, checkpoint=without), "tensors go over the connection"


def test_a_single_process_resolves_its_own_spec() -> None:
    here = make_spec()
    assert broadcast_spec(None, lambda: here) is here


def test_more_processes_than_texts_in_a_minibatch_are_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        broadcast_spec(FakeRanks(ProcessInfo(world_size=9), []), lambda: make_spec(batch_size=8))
    assert str(caught.value) == (
        "batch-size is 8 with 9 processes, and each needs a text of its own in a minibatch: "
        "use a larger --batch-size, or fewer processes."
    )


def test_standard_input_is_for_one_process() -> None:
    check_sources(["-"], SINGLE_PROCESS)
    check_sources(["a.txt", "None"], ProcessInfo(world_size=2))
    with pytest.raises(SettingsError) as caught:
        check_sources(["a.txt", "-"], ProcessInfo(world_size=2))
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
