"""Run whole processes: ``charloom train`` as a user calls it, and the programs compared with it.

``charloom`` is that of a checkout, by default the one that this file belongs to.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
PEERS = Path(__file__).with_name("peers")
REQUIREMENTS = PEERS / "keras-requirements.txt"
ENVIRONMENT = PEERS / ".venv"
SLOW_BLAS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Variables that choose kernels of OpenBLAS for another processor; programs start without them."""


class Failed(Exception):
    """A program failed; the message is one line."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """The results of one ``charloom train`` process."""

    wall: float
    """Seconds of the whole process."""
    reached: float | None
    """Seconds from the start of the process to the requested validation figure; None: never."""
    events: list[dict[str, Any]]
    config: dict[str, Any]

    @property
    def seconds(self) -> float:
        """Seconds of training."""
        return float(self.events[-1]["seconds"])

    @property
    def characters(self) -> int:
        """Characters of the training set, with one for each ``<eos>``."""
        return int(self.config["provenance"]["training_characters"])

    @property
    def figures(self) -> dict[str, float]:
        """Metrics of the saved weights, and the seconds of training until then."""
        figures: dict[str, float] = self.config["figures"]
        return figures


def charloom(
    source: Path | str,
    *options: Path | str | float,
    until: float | None = None,
    checkout: Path = CHECKOUT,
    keep: Path | None = None,
) -> Run:
    """Train from a source to a model folder, with an empty cache.

    The model folder is moved to ``keep``, or removed. The run is interrupted at the first
    validation with at most ``until`` bits per character. Raises Failed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "run")
        command = [sys.executable, "-m", "charloom", "train", source, "-o", folder, *options]
        environment = source_path(checkout) | {"CHARLOOM_CACHE": f"{name}/cache"}
        began = time.perf_counter()
        with started(command, Path(name), environment) as process:
            reached = None if until is None else _wait(process, folder / "metrics.jsonl", until)
            process.wait()
            wall = time.perf_counter() - began
        if process.returncode not in (0, 130):
            raise Failed(last_line((Path(name) / "errors").read_text("utf-8")))
        lines = (folder / "metrics.jsonl").read_text("utf-8").splitlines()
        config = json.loads((folder / "config.json").read_text("utf-8"))
        if keep is not None:
            shutil.move(folder, keep)
        return Run(
            wall=wall,
            reached=None if reached is None else reached - began,
            events=[json.loads(line) for line in lines],
            config=config,
        )


def checkout_path(parser: argparse.ArgumentParser, folder: Path) -> Path:
    """Return the path of a checkout; ends the program if ``folder`` is none."""
    if not (folder / "src" / "charloom").is_dir():
        parser.error(f"{folder} is no checkout of charloom: it has no folder src/charloom")
    return folder.resolve()


def source_path(checkout: Path) -> dict[str, str]:
    """Return the environment in which Python imports ``charloom`` from a checkout."""
    return {"PYTHONPATH": str(checkout / "src")}


@contextlib.contextmanager
def started(
    command: Sequence[object], folder: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program; its output goes to the files ``results`` and ``errors`` of ``folder``.

    A program that is still running at the end of the block is killed.
    """
    words = [str(word) for word in command]
    with (folder / "results").open("wb") as results, (folder / "errors").open("wb") as errors:
        inherited = {name: text for name, text in os.environ.items() if name not in SLOW_BLAS}
        process = subprocess.Popen(
            words, stdout=results, stderr=errors, env=inherited | dict(environment)
        )
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()


def _wait(process: subprocess.Popen[bytes], metrics: Path, until: float) -> float | None:
    """Interrupt ``process`` at a validation figure of at most ``until``; return the time."""
    while process.poll() is None:
        # The last line may be incomplete.
        lines = metrics.read_text("utf-8").split("\n")[:-1] if metrics.exists() else []
        validations = [event for event in map(json.loads, lines) if event["event"] == "validation"]
        if any(event["bits_per_character"] <= until for event in validations):
            now = time.perf_counter()
            process.send_signal(signal.SIGINT)
            return now
        time.sleep(0.02)
    return None


def program(
    python: Path | str,
    script: Path,
    *arguments: object,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Run a program whose last line is a JSON object; add the seconds of the process to it.

    Raises Failed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.perf_counter()
        with started([python, script, *arguments], folder, environment) as process:
            process.wait()
            wall = time.perf_counter() - began
        if process.returncode:
            raise Failed(last_line((folder / "errors").read_text("utf-8")))
        result = json.loads(last_line((folder / "results").read_text("utf-8")))
    return {**result, "wall": wall}


def keras_python() -> Path:
    """Return the interpreter of the Keras program; create its environment if necessary.

    Raises Failed if that is impossible: no wheels for this system or Python, or no network.
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
    """Return the last line that is not blank."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no message")
