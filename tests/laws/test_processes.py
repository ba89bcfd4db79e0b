"""Several processes train the same model as one, write it once, and end together.

Dropout is on: its masks do not depend on the number of processes.
"""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import LIMIT_SECONDS, Job, free_port, start
from random_texts import WORDS

from charloom.api import train
from charloom.events import Event, Step, Validation
from charloom.model import Model

pytestmark = [pytest.mark.slow, pytest.mark.needs("torch")]

TINY: dict[str, Any] = {
    "hidden": 8,
    "input": 4,
    "dropout": 0.3,
    "device": "cpu",
    "precision": "fp32",
    "temperatures": [0.0],
    "steps": 23,
}
UNITS: dict[str, dict[str, Any]] = {
    # Documents exceed the window, and the last minibatch of an epoch has a single document.
    "line": {"batch_size": 8, "window": 12},
    "stream": {"unit": "stream", "batch_size": 5, "window": 9},
}
PROGRAM = """
import json, signal, sys
import charloom
from charloom.events import Step, Validation
from charloom.training.distributed.launch import process_info_from_torchrun

given = json.loads(sys.argv[1])
stop, curve, end = given.pop("stop", None), [], []

def listen(event):
    if isinstance(event, Validation):
        curve.append((event.step, event.bits_per_character))
    if isinstance(event, Step):
        end[:] = [event.step]
        if stop == [process_info_from_torchrun().rank, event.step]:
            signal.raise_signal(signal.SIGINT)

model = charloom.train(listeners=[listen], **given)
sums = {name: float(abs(value).sum()) for name, value in model.record.tensors.items()}
print(json.dumps({"curve": curve, "sums": sums, "last": end}))
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    lines = [" ".join(WORDS[(k * j) % 10] for j in range(1, 3 + k % 5)) for k in range(1, 90)]
    path.write_text("\n".join(dict.fromkeys(lines)), encoding="utf-8")
    return path


def train_here(options: dict[str, Any], stop: int | None = None) -> list[tuple[int, float]]:
    """Train in this process; return steps and losses of the validations."""
    curve: list[tuple[int, float]] = []

    def listen(event: Event) -> None:
        if isinstance(event, Validation):
            curve.append((event.step, event.bits_per_character))
        if isinstance(event, Step) and event.step == stop:
            signal.raise_signal(signal.SIGINT)

    options = dict(options)
    sources = options.pop("sources")
    train(sources, listeners=[listen], **options)
    return curve


def train_in_processes(options: dict[str, Any], count: int = 2) -> list[dict[str, Any]]:
    """Train in ``count`` processes; return the JSON object that each prints."""
    done = start([["-c", PROGRAM, json.dumps(options)]] * count).wait()
    assert [process.code for process in done] == [0] * count, [process.err for process in done]
    return [process.records[0] for process in done]


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = Model.load(one).record.tensors, Model.load(other).record.tensors
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_allclose(second[name], value, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("unit", UNITS)
def test_two_processes_train_the_same_model_as_one(unit: str, source: Path, tmp_path: Path) -> None:
    options = {**TINY, **UNITS[unit], "sources": str(source)}
    curve = train_here({**options, "output": tmp_path / "one"})
    first, second = train_in_processes({**options, "output": str(tmp_path / "two")})
    assert first == second, "each process has the same losses and the same best weights"
    assert [step for step, _ in first["curve"]] == [step for step, _ in curve]
    losses = [loss for _, loss in curve]
    assert [loss for _, loss in first["curve"]] == pytest.approx(losses, rel=1e-6)
    assert_same_weights(tmp_path / "one", tmp_path / "two")
    assert Model.load(tmp_path / "two").record.provenance["processes"] == 2
    validations = (tmp_path / "two" / "metrics.jsonl").read_text().count('"validation"')
    assert validations == len(curve), "only process 0 writes"


def test_a_longer_run_has_the_base_of_one_process(source: Path, tmp_path: Path) -> None:
    """With a frozen layer, weights of two sources, and the moments of the run before it."""
    other, base = tmp_path / "other.txt", tmp_path / "base"
    other.write_text("\n".join(f"other {number}" for number in range(40)), "utf-8")
    sources = [str(source), str(other)]
    kept = {"keep_optimizer": True, "source_weights": [1.5, 3], "sources": sources}
    train_here({**TINY, **UNITS["line"], **kept, "output": base})
    longer = {"extend": str(base), "freeze": 1, "steps": 20, "batch_size": 8, "sources": ()}
    curve = train_here({**longer, "output": tmp_path / "one"})
    first, second = train_in_processes({**longer, "output": str(tmp_path / "two")})
    assert first == second
    assert [loss for _, loss in first["curve"]] == pytest.approx(
        [loss for _, loss in curve], rel=1e-6
    )
    assert_same_weights(tmp_path / "one", tmp_path / "two")
    before, after = (Model.load(path).record.tensors for path in (base, tmp_path / "two"))
    assert np.array_equal(before["cells.0.bias"], after["cells.0.bias"])


def test_automatic_settings_are_those_of_process_0(source: Path) -> None:
    options = {"sources": str(source), "minutes": 0.02, "device": "cpu", "temperatures": [0.0]}
    first, second = train_in_processes(options)
    assert first == second


def test_a_run_resumes_with_another_number_of_processes(source: Path, tmp_path: Path) -> None:
    options = {**TINY, **UNITS["stream"], "sources": str(source), "checkpoint_seconds": 0}
    train_here({**options, "output": tmp_path / "whole"})
    run = str(tmp_path / "run")
    train_here({**options, "output": run}, stop=6)
    # Rank 1 gets the signal in step 13; the processes agree to stop one step later.
    stopped = train_in_processes({**options, "output": run, "resume": True, "stop": [1, 13]})
    assert [process["last"] for process in stopped] == [[14], [14]]
    train_here({**options, "output": run, "resume": True})
    assert_same_weights(tmp_path / "whole", tmp_path / "run")


def commands(source: Path, run: Path, count: int, *more: str) -> list[list[str]]:
    given = "--hidden 8 --input 4 --device cpu --batch-size 8 --temperature 0 --steps 1000000"
    command = ["-m", "charloom", "train", str(source), "-o", str(run), *given.split(), *more]
    return [command] * count


def wait_for(job: Job, there: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_SECONDS
    while not there():
        assert all(process.poll() is None for process in job.processes)
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_process_that_is_killed_ends_the_others_with_one_line(
    source: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    job = start(commands(source, run, 2, "--checkpoint-seconds", "0"))
    wait_for(job, lambda: "validation" in read(run / "metrics.jsonl"))
    job.kill(1)
    first, second = job.wait()
    assert (first.code, second.code) == (2, -signal.SIGKILL)
    [line] = [line for line in first.err.splitlines() if line.startswith("charloom:")]
    # The process may also be killed during a validation or a checkpoint.
    assert re.fullmatch(
        r"charloom: rank 1 of 2 processes no longer answers ((at|after) step \d+|while saving): it "
        r"was killed, or its machine or network is down; what was saved is kept: continue with "
        r"--resume\.",
        line,
    )
    assert "Traceback" not in first.err
    assert (run / "checkpoint").is_dir()


def read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def test_sigterm_to_one_process_stops_and_saves_all(source: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    job = start(commands(source, run, 2))
    wait_for(job, lambda: '"step"' in read(run / "metrics.jsonl") or run.exists())
    job.processes[1].send_signal(signal.SIGTERM)
    first, second = job.wait()
    assert (first.code, second.code) == (130, 128 + signal.SIGTERM)
    assert "Interrupted: the best weights" in first.err
    assert (second.out, second.err) == ("", "")
    assert json.loads(read(run / "metrics.jsonl").splitlines()[-1])["reason"] == "interrupted"


def test_processes_with_different_texts_refuse_to_train(source: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(source.read_text() + "\nanother line", encoding="utf-8")
    [one], [two] = commands(source, tmp_path / "run", 1), commands(other, tmp_path / "run", 1)
    first, second = start([one, two]).wait()
    assert (first.code, second.code) == (2, 2)
    assert first.err.startswith("charloom: the processes differ: the fingerprint of the texts is ")
    assert first.err.endswith("start all of them with the same options, texts and versions.\n")
    # torch may report on its own that the connection was closed.
    assert not [line for line in second.err.splitlines() if line.startswith("charloom:")]
    assert not (tmp_path / "run").exists()


def test_an_error_in_one_process_ends_the_other(source: Path, tmp_path: Path) -> None:
    [one] = commands(source, tmp_path / "run", 1)
    [two] = commands(tmp_path / "missing.txt", tmp_path / "run", 1)
    first, second = start([one, two]).wait()
    assert (first.code, second.code) == (2, 2)
    assert "missing.txt" in second.err
    assert not [line for line in first.err.splitlines() if line.startswith("charloom:")]


def test_torchrun_starts_the_processes(source: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    [command] = commands(source, run, 1, "--steps", "3")
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launcher += ["--master-port", str(free_port())]
    done = subprocess.run(
        [sys.executable, *launcher, *command],
        capture_output=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    shown = done.stderr.decode()
    assert done.returncode == 0, shown
    assert shown.count("data parallel over 2 processes") == shown.count("Done: ") == 1
