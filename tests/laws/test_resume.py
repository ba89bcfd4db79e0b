"""A resumed run equals an uninterrupted one: weights bit for bit, events, samples.

Runs are stopped in three ways: by Ctrl-C, which saves a checkpoint; by an exception that nothing
handles; and by SIGKILL. The last two do not save, so the run resumes from an earlier checkpoint.
"""

import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from killed_runs import train_and_report_steps
from random_texts import random_texts
from soak import times

from charloom.api import train
from charloom.events import Event, Step, Validation
from charloom.model import Model

STEPS = 23
TINY: dict[str, Any] = {
    "hidden": 6,
    "input": 4,
    "layers": 2,
    "dropout": 0.3,
    "batch_size": 8,
    "window": 9,
    "device": "cpu",
    "precision": "fp32",
    "learning_rate": 0.01,
    "temperatures": (1.0,),
}


class SimulatedKillError(BaseException):
    """Ends a run at once, as SIGKILL does."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    texts = random_texts(seed=5, count=60, max_words=6)
    rows = [f"{'uv'[n % 2]},{text}" for n, text in enumerate(texts)]
    path = tmp_path / "texts.csv"
    path.write_text("\n".join(["kind,text", *rows]), "utf-8")
    return path


LINES: dict[str, Any] = {"columns": ("text",), "label_column": "kind", "precision": "bf16"}
STREAM: dict[str, Any] = {"columns": ("text",), "unit": "stream"}


def events(run: Path) -> list[dict[str, Any]]:
    """Return the events in metrics.jsonl without fields that depend on the clock.

    Steps are left out too: which of them are logged depends on the clock.
    """
    clock = ("seconds", "characters_per_second")
    read = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    kept = [{key: event[key] for key in event if key not in clock} for event in read]
    return [event for event in kept if event["event"] != "step"]


def samples(run: Path) -> list[Any]:
    lines = (run / "samples.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def at(step: int, act: Callable[[], None]) -> Callable[[Event], None]:
    """Return a listener that calls ``act`` after a step."""

    def listen(event: Event) -> None:
        if isinstance(event, Step) and event.step == step:
            act()

    return listen


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def kill() -> None:
    raise SimulatedKillError


def assert_same_run(whole: Path, run: Path) -> None:
    """Assert that two finished runs are equal, except for times."""
    assert (run / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert events(run) == events(whole)
    assert samples(run) == samples(whole)
    metrics = [Model.load(path).record.metrics for path in (run, whole)]
    assert {**metrics[0], "seconds": 0} == {**metrics[1], "seconds": 0}
    assert sorted(p.name for p in run.iterdir()) == sorted(p.name for p in whole.iterdir())


def stopped_and_resumed(
    source: Path, run: Path, ends: list[tuple[int, Callable[[], None]]], **options: Any
) -> None:
    """Train with a stop after each step in ``ends``, and resume after each stop."""
    for number, (step, act) in enumerate(ends):
        try:
            again = options if number == 0 else {"resume": True}
            listeners = [at(step, act)]
            train(source, output=run, checkpoint_seconds=0, listeners=listeners, **again)
        except SimulatedKillError:
            pass
        assert (run / "checkpoint" / "state.json").is_file()
    train(source, output=run, resume=True)


@pytest.mark.parametrize(
    ("cell", "optimizer"),
    [
        *(("lstm", "muon"), ("gru", "muon"), ("rnn", "muon")),
        *(("lstm", "adamw"), ("lstm", "rmsprop"), ("gru", "sgd")),
    ],
)
@pytest.mark.parametrize("kind", [LINES, STREAM], ids=["lines", "stream"])
def test_a_resumed_run_equals_an_uninterrupted_one(
    source: Path, tmp_path: Path, cell: str, kind: dict[str, Any], optimizer: str
) -> None:
    options = TINY | kind | {"cell": cell, "optimizer": optimizer, "steps": STEPS}
    train(source, output=tmp_path / "whole", **options)
    ends = [(6, interrupt), (13, kill)]
    stopped_and_resumed(source, tmp_path / "run", ends, **options)
    assert_same_run(tmp_path / "whole", tmp_path / "run")


@pytest.mark.parametrize("act", [interrupt, kill])
@pytest.mark.parametrize("kind", [LINES, STREAM], ids=["lines", "stream"])
def test_a_stop_after_every_step(
    source: Path, tmp_path: Path, kind: dict[str, Any], act: Callable[[], None]
) -> None:
    options = TINY | kind | {"epochs": 2, "batch_size": 16}
    train(source, output=tmp_path / "whole", **options)
    steps = Model.load(tmp_path / "whole").record.metrics["step"]
    assert steps > 8
    # Nothing can be resumed after a kill at step 1: the model folder does not exist yet.
    ends = [(step, act) for step in range(2, steps)]
    stopped_and_resumed(source, tmp_path / "run", ends, **options)
    assert_same_run(tmp_path / "whole", tmp_path / "run")


def test_one_hot_input_and_dropout(source: Path, tmp_path: Path) -> None:
    options = TINY | LINES | {"input": "one-hot", "steps": 9}
    train(source, output=tmp_path / "whole", **options)
    stopped_and_resumed(source, tmp_path / "run", [(4, interrupt), (7, kill)], **options)
    assert_same_run(tmp_path / "whole", tmp_path / "run")


def test_a_budget_in_minutes_continues_after_a_resume(source: Path, tmp_path: Path) -> None:
    seen: list[Event] = []
    run = tmp_path / "run"
    options = TINY | LINES | {"minutes": 0.02}
    train(source, output=run, listeners=[seen.append, at(20, interrupt)], **options)
    before = [event for event in seen if isinstance(event, Step)][-1]
    seen.clear()
    train(source, output=run, listeners=[seen.append], resume=True)
    steps = [event for event in seen if isinstance(event, Step)]
    assert steps[0].step == before.step + 1
    assert steps[0].epoch in (before.epoch, before.epoch + 1)
    assert before.seconds < steps[0].seconds < before.seconds + 1
    assert before.progress < steps[0].progress
    # The loss is an average of about 50 steps, so one more step changes it little.
    assert steps[0].bits_per_character == pytest.approx(before.bits_per_character, rel=0.1)
    assert 1.2 <= steps[-1].seconds < 2.2
    losses = [e["bits_per_character"] for e in events(run) if e["event"] == "validation"]
    assert Model.load(run).record.metrics["bits_per_character"] == min(losses)


def test_an_extra_validation_does_not_change_the_weights(source: Path, tmp_path: Path) -> None:
    """Ctrl-C validates at a step at which the uninterrupted run does not."""
    options = TINY | LINES | {"epochs": 2, "learning_rate": 0.05}
    seen: list[Event] = []
    train(source, output=tmp_path / "whole", **options)
    train(source, output=tmp_path / "run", listeners=[at(9, interrupt), seen.append], **options)
    assert [event.step for event in seen if isinstance(event, Validation)] == [9]
    assert Model.load(tmp_path / "run").record.metrics["step"] == 9
    train(source, output=tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "run")


KILLS = 4
FORKS = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no forkserver")


@pytest.fixture
def forkserver() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["killed_runs"])
    return context


@FORKS
@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, times(1) + 1))
def test_a_process_killed_at_random_moments(
    source: Path, tmp_path: Path, forkserver: Any, seed: int
) -> None:
    """The run saves after every step, so some kills interrupt a save."""
    options = TINY | LINES | {"steps": 30}
    whole, run = tmp_path / "runs" / "whole", tmp_path / "runs" / "run"
    generator = random.Random(seed)
    kills = 0
    for number in range(KILLS + 1):
        reader, writer = forkserver.Pipe(duplex=False)
        arguments = (source, run, writer, options if number == 0 else {"resume": True})
        process = forkserver.Process(target=train_and_report_steps, args=arguments)
        process.start()
        writer.close()
        # It sends "step" after its second step, when there is a checkpoint.
        message = reader.poll(120) and reader.recv()
        assert message in ("step", "done"), message
        if number < KILLS:
            time.sleep(generator.uniform(0, 0.1))
            process.kill()
        process.join(120)
        kills += process.exitcode == -signal.SIGKILL
    assert kills >= 1, "the runs were too fast for this test"
    process = forkserver.Process(target=train_and_report_steps, args=(source, whole, None, options))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert_same_run(whole, run)
    assert set(run.parent.iterdir()) == {run, whole}, "no temporary folder is left"


@FORKS
def test_the_same_seed_gives_the_same_model_in_two_processes(
    source: Path, tmp_path: Path, forkserver: Any
) -> None:
    runs = [tmp_path / "a", tmp_path / "b"]
    for run in runs:
        options = TINY | LINES | {"steps": 12, "seed": 4}
        process = forkserver.Process(
            target=train_and_report_steps, args=(source, run, None, options)
        )
        process.start()
        process.join()
        assert process.exitcode == 0
    assert_same_run(*runs)
    assert os.getpid() != process.pid
