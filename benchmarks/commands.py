"""Whole processes: `charloom train` as a user calls it, and the peer programs."""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

PEERS = Path(__file__).with_name("peers")
REQUIREMENTS = PEERS / "keras-requirements.txt"
ENVIRONMENT = PEERS / ".venv"


class Failed(Exception):
    """A program came to no result; says why in one line."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """What a run of `charloom train` came to."""

    wall: float
    """Seconds of the whole process."""
    reached: float | None
    """Seconds from the start of the process until the figure asked for was told."""
    events: list[dict[str, Any]]
    config: dict[str, Any]

    @property
    def seconds(self) -> float:
        """Seconds of training."""
        return float(self.events[-1]["seconds"])

    @property
    def characters(self) -> int:
        """Characters of the training part, each `<eos>` counted."""
        return int(self.config["provenance"]["training_characters"])

    @property
    def figures(self) -> dict[str, float]:
        """What the kept weights reached, and when."""
        figures: dict[str, float] = self.config["figures"]
        return figures


def charloom(
    training: Path, validation: Path, *options: str | float, until: float | None = None
) -> Run:
    """Train from files to a model folder, with an empty cache; ``until`` ends it at that figure.

    ``until`` is in bits per character; the end comes by Ctrl-C. Raises Failed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "run")
        command = [sys.executable, "-m", "charloom", "train", training, "--valid", validation]
        began = time.perf_counter()
        with started(
            [*command, "-o", folder, *options], Path(name), CHARLOOM_CACHE=f"{name}/cache"
        ) as process:
            reached = None if until is None else _wait(process, folder / "metrics.jsonl", until)
            process.wait()
            wall = time.perf_counter() - began
        if process.returncode not in (0, 130):
            raise Failed(last_line((Path(name) / "errors").read_text("utf-8")))
        lines = (folder / "metrics.jsonl").read_text("utf-8").splitlines()
        return Run(
            wall=wall,
            reached=None if reached is None else reached - began,
            events=[json.loads(line) for line in lines],
            config=json.loads((folder / "config.json").read_text("utf-8")),
        )


@contextlib.contextmanager
def started(
    command: Sequence[object], folder: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program that writes to the files ``results`` and ``errors`` of ``folder``.

    It is ended if the block is left by an error.
    """
    words = [str(word) for word in command]
    with (folder / "results").open("wb") as results, (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            words, stdout=results, stderr=errors, env=os.environ | environment
        )
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()


def _wait(process: subprocess.Popen[bytes], metrics: Path, until: float) -> float | None:
    """Interrupt ``process`` as soon as a validation figure is as low as ``until``; return when."""
    while process.poll() is None:
        # The last line may be half written.
        lines = metrics.read_text("utf-8").split("\n")[:-1] if metrics.exists() else []
        told = [event for event in map(json.loads, lines) if event["event"] == "validation"]
        if any(event["bits_per_character"] <= until for event in told):
            now = time.perf_counter()
            process.send_signal(signal.SIGINT)
            return now
        time.sleep(0.02)
    return None


def program(python: Path | str, script: Path, *arguments: object) -> dict[str, Any]:
    """Run a program that prints a JSON object in its last line; add the seconds of its process.

    Raises Failed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.perf_counter()
        with started([python, script, *arguments], folder) as process:
            process.wait()
            wall = time.perf_counter() - began
        if process.returncode:
            raise Failed(last_line((folder / "errors").read_text("utf-8")))
        result = json.loads(last_line((folder / "results").read_text("utf-8")))
    return {**result, "wall": wall}


def keras_python() -> Path:
    """Return the interpreter of the Keras program, whose environment is made if it is not there.

    Raises Failed where it cannot be had: another system, no wheels for this Python, no network.
    """
    python = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready, wanted = ENVIRONMENT / ".ready", REQUIREMENTS.read_text("utf-8")
    if ready.exists() and ready.read_text("utf-8") == wanted:
        return python
    print(f"making {ENVIRONMENT}", file=sys.stderr)
    for command in (
        [sys.executable, "-m", "venv", ENVIRONMENT],
        [python, "-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS],
    ):
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, check=False
        )
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise Failed(last_line("\n".join(errors) or done.stderr or done.stdout))
    ready.write_text(wanted, "utf-8")
    return python


def last_line(text: str) -> str:
    """Return the last line that holds anything."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no message")
