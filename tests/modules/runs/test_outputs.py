import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from charloom.events import Event
from charloom.model_folder.writer import ModelWriter
from charloom.runs.build import RunComponents, build_components, read_corpus, with_auto_settings
from charloom.runs.checkpointing import Checkpointer, CheckpointPeer
from charloom.runs.listeners import BestWeights, EventLog, ListenerGuard, SampleWriter
from charloom.runs.outputs import RunOutputs, build_outputs
from charloom.runs.request import TrainRequest
from charloom.runs.resolve import resolve
from charloom.runs.spec import RunSpec
from charloom.runs.tensorboard import TensorBoardLog
from charloom.training.distributed.launch import ProcessInfo
from charloom.training.distributed.process_group import ProcessGroup


class OtherProcess(ProcessGroup):
    """A process of a group that cannot be reached."""

    def __init__(self, rank: int) -> None:
        super().__init__(ProcessInfo(rank=rank, world_size=2))

    @property
    def is_single(self) -> bool:
        return False


def ignore(event: Event) -> None:
    pass


class Run:
    """A run that is resolved and built, but not started."""

    def __init__(self, source: Path, **fields: Any) -> None:
        options = {"hidden": 4, "input": 4, "steps": 3, "device": "cpu"}
        self.request = TrainRequest(
            sources=(str(source),), options=options, listeners=(ignore,), **fields
        )
        self.spec: RunSpec = resolve(self.request)
        corpus = read_corpus(self.request.sources, self.spec.text, None, 0)
        self.spec = with_auto_settings(self.spec, corpus, 1)
        self.components: RunComponents = build_components(
            self.request, self.spec, corpus, ProcessGroup()
        )

    def outputs(self, writer: ModelWriter | None, group: ProcessGroup | None = None) -> RunOutputs:
        components = dataclasses.replace(self.components, group=group or ProcessGroup())
        guard = ListenerGuard(lambda: None)
        return build_outputs(self.request, self.spec, components, guard, writer)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(f"line {k} of a story" for k in range(40)), "utf-8")
    return path


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[ModelWriter]:
    with ModelWriter(tmp_path / "m") as made:
        yield made


def kinds(outputs: RunOutputs) -> list[str]:
    return [type(listener).__name__ for listener in outputs.listeners]


@pytest.mark.needs("tensorboard")
def test_logs_come_first_then_the_weights_then_listeners_then_samples(
    source: Path, writer: ModelWriter, tmp_path: Path
) -> None:
    run = Run(source, output=tmp_path / "m", log="tensorboard")
    expected = [EventLog, TensorBoardLog, BestWeights, type(ignore), SampleWriter]
    outputs = run.outputs(writer)
    assert kinds(outputs) == [kind.__name__ for kind in expected]
    assert outputs.best_weights in outputs.listeners
    assert isinstance(outputs.hook, Checkpointer)


def test_without_a_model_folder_nothing_is_logged_or_saved(source: Path) -> None:
    outputs = Run(source).outputs(None)
    assert kinds(outputs) == ["BestWeights", "function", "SampleWriter", "HistoryRecorder"]
    assert outputs.hook is None


def test_other_processes_neither_sample_nor_write(source: Path) -> None:
    outputs = Run(source).outputs(None, OtherProcess(rank=1))
    assert kinds(outputs) == ["BestWeights", "function", "HistoryRecorder"]
    assert isinstance(outputs.hook, CheckpointPeer)


def test_process_0_without_a_model_folder_is_a_peer_too(source: Path) -> None:
    outputs = Run(source).outputs(None, OtherProcess(rank=0))
    assert isinstance(outputs.hook, CheckpointPeer), "all processes must gather states together"
