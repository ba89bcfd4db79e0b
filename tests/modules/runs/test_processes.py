import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from charloom.errors import SettingsError
from charloom.model_folder.checkpoint import Checkpoint
from charloom.runs.processes import check_sources, share
from charloom.runs.resolve import choose
from charloom.runs.spec import Settled
from charloom.runs.train import train
from charloom.training.distributed.launch import ALONE, Launch
from charloom.training.distributed.process_group import Ranks


class Told(Ranks):
    """One of several ranks, which hears what process 0 would say."""

    def __init__(self, launch: Launch, heard: list[str]) -> None:
        super().__init__(launch)
        self.heard = heard

    def told(self, text: str) -> str:
        if self.first:
            self.heard.append(text)
        return self.heard[0]


def settled(**options: Any) -> Settled:
    text, network, training = choose(["x.txt"], None, options)
    return Settled(
        text=text,
        network=network,
        training=training,
        validation="held-out.txt",
        checkpoint_seconds=2.5,
        earlier=Checkpoint(run={"corpus": "abc"}, state={"step": [1, None]}, tensors=b"tensors"),
    )


def never() -> Settled:
    raise AssertionError("process 0 alone looks at the model folder")


def test_the_others_learn_from_process_0_what_is_to_be_done() -> None:
    heard: list[str] = []
    here = settled(columns=("a", "2"), prompts=("Ah", "\udc80"), epochs=3)
    assert share(Told(Launch(world=2), heard), lambda: here) == here
    assert json.loads(heard[0])["text"]["columns"] == ["a", "2"]
    there = share(Told(Launch(rank=1, world=2), heard), never)
    assert here.earlier is not None
    without = dataclasses.replace(here.earlier, tensors=b"")
    assert there == dataclasses.replace(here, earlier=without), "tensors go over the connection"


def test_a_process_alone_settles_by_itself() -> None:
    here = settled()
    assert share(None, lambda: here) is here


def test_more_processes_than_texts_in_a_minibatch_are_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        share(Told(Launch(world=9), []), lambda: settled(batch_size=8))
    assert str(caught.value) == (
        "batch-size is 8 with 9 processes, and each needs a text of its own in a minibatch: "
        "use a larger --batch-size, or fewer processes."
    )


def test_standard_input_is_for_one_process() -> None:
    check_sources(["-"], ALONE)
    check_sources(["a.txt", "None"], Launch(world=2))
    with pytest.raises(SettingsError) as caught:
        check_sources(["a.txt", "-"], Launch(world=2))
    assert str(caught.value) == (
        "the source is - (standard input) with 2 processes, and each of them reads the text: "
        "put it into a file first."
    )


def test_the_library_looks_at_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SettingsError, match="start the processes with torchrun, or unset both"):
        train(tmp_path / "x.txt")
