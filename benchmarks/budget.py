"""Measure how long ``charloom train --minutes M`` takes as a whole process.

The process imports, reads the text, benchmarks the machine, trains, validates, writes samples and
saves. The limit is 1.1 M and 3 seconds.

    python benchmarks/budget.py
    python benchmarks/budget.py --only tinyshakespeare --minutes 1.6 -- --cell gru
"""

import argparse
import sys
import tempfile
from pathlib import Path

from commands import Run, charloom
from texts import CUTS, DATA, FILES

OPTIONS: dict[str, tuple[str | float, ...]] = {
    "tinyshakespeare": ("--unit", "stream"),
    "titles": ("--column", 1, "--no-clean"),
}
FACTOR, SECONDS = 1.1, 3.0
"""The limit of a process in multiples of its budget, and seconds besides."""


def measure(text: str, budget: tuple[str | float, ...], given: argparse.Namespace) -> Run:
    """Train once; ``budget`` is an option with its value."""
    with tempfile.TemporaryDirectory() as folder:
        source, validation = CUTS[text](given.data / FILES[text], Path(folder))
        options = (*OPTIONS[text], *budget, *given.options)
        return charloom(source, "--valid", validation, *options)


def line(text: str, minutes: float, run: Run) -> str:
    """Return a line of the table."""
    limit = FACTOR * 60 * minutes + SECONDS
    last_step = max(event["seconds"] for event in run.events if event["event"] == "step")
    validations = sum(event["event"] == "validation" for event in run.events)
    return (
        f"{text:16} {60 * minutes:7.1f} {run.wall:7.1f} {limit:7.1f} {last_step:7.1f} "
        f"{run.seconds:7.1f} {validations:11} {run.figures['bits_per_character']:10.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", choices=OPTIONS, default=list(OPTIONS))
    parser.add_argument("--minutes", nargs="+", type=float, default=[0.5, 1.6])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the texts")
    words = sys.argv[1:]
    cut = words.index("--") if "--" in words else len(words)
    given = parser.parse_args(words[:cut])
    given.options = words[cut + 1 :]
    print(
        f"{'seconds':16} {'budget':>7} {'process':>7} {'limit':>7} {'at step':>7} {'at end':>7} "
        f"{'validations':>11} {'bits/char':>10}"
    )
    for text in given.only:
        measure(text, ("--steps", 2), given)  # compiles kernels on a machine's first run
        for minutes in given.minutes:
            print(line(text, minutes, measure(text, ("--minutes", minutes), given)), flush=True)


if __name__ == "__main__":
    main()
