"""Measure the quality of ``charloom train`` on three texts, beside published figures.

- titles: AG's news titles without cleaning; training on the first 7,000, validation on the last
  600; bits per character;
- lesson: the same with ``--preset lesson``, three epochs;
- tinyshakespeare: one stream; training on the first 90 % of the characters, validation on the last
  10 % with the state carried through; nats per character;
- names: first names; validation on the 1,000 that makemore holds out; nats per symbol, including
  the end of each name.

Each run is a ``charloom train`` process. Options after ``--`` are passed to all of them.

    python benchmarks/quality.py [--seeds 3] [--only titles names] [--data FOLDER]
    python benchmarks/quality.py --minutes tinyshakespeare=30 --only tinyshakespeare
    python benchmarks/quality.py --only titles -- --lr 0.004 --dropout 0.3
"""

import argparse
import dataclasses
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from commands import charloom
from texts import CUTS, DATA, FILES

from charloom.units import NATS_PER_BIT


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """A text, the options of its runs, and the targets."""

    text: str
    options: tuple[str | float, ...]
    unit: str
    targets: dict[float | None, float]
    """Target figure by minutes of training; None: the options set the budget."""
    usual: tuple[float | None, ...]
    """Minutes of the runs by default."""
    known: str


TITLES = ("--column", 1, "--no-clean")
TASKS = {
    "lesson": Task(
        text="titles",
        options=(*TITLES, "--preset", "lesson"),
        unit="bits/char",
        targets={None: 3.53},
        usual=(None,),
        known="Keras lesson, 3 epochs: 3.53",
    ),
    "titles": Task(
        text="titles",
        options=TITLES,
        unit="bits/char",
        targets={2: 2.30},
        usual=(2,),
        known="Keras lesson, 3 epochs: 3.53",
    ),
    "tinyshakespeare": Task(
        text="tinyshakespeare",
        options=("--unit", "stream"),
        unit="nats/char",
        targets={1.6: 1.4697, 3: 1.42, 30: 1.40},
        usual=(1.6, 3),
        known="nanoGPT: 1.886 on a CPU, 1.4697 on an A100",
    ),
    "names": Task(
        text="names",
        options=(),
        unit="nats/symbol",
        targets={1: 1.90},
        usual=(1,),
        known="makemore's transformer: 2.013",
    ),
}
"""The known figures are published by the projects. The lesson publishes none: its figure is from a
run of its program (benchmarks/peers/keras_lesson.py is a new implementation)."""

Row = dict[str, Any]


def measure(name: str, minutes: float | None, seed: int, data: Path, more: list[str]) -> Row:
    """Train once; return the figures."""
    task = TASKS[name]
    budget: tuple[str | float, ...] = () if minutes is None else ("--minutes", minutes)
    with tempfile.TemporaryDirectory() as folder:
        files = CUTS[task.text](data / FILES[task.text], Path(folder))
        run = charloom(*files, *task.options, *budget, "--seed", seed, *more)
    bits = run.figures["bits_per_character"]
    return {
        "task": name,
        "minutes": minutes,
        "seed": seed,
        "options": more,
        "figure": bits if task.unit == "bits/char" else bits * NATS_PER_BIT,
        "bits_per_character": bits,
        "validation_characters": run.figures["validation_characters"],
        "seconds_at_best": run.figures["seconds"],
        "seconds": run.seconds,
        "wall": run.wall,
    }


def table(rows: list[Row]) -> None:
    """Print median and range over the seeds, beside the target and the known figure."""
    print(
        f"\n{'':16} {'minutes':>7} {'unit':11} {'median':>7} {'min to max':>17} "
        f"{'target':>8} {'at':>6} {'wall':>6}  known"
    )
    for name, minutes in dict.fromkeys((row["task"], row["minutes"]) for row in rows):
        task = TASKS[name]
        own = [row for row in rows if (row["task"], row["minutes"]) == (name, minutes)]
        figures = [row["figure"] for row in own]
        spread = f"{min(figures):.4f} to {max(figures):.4f}" if len(own) > 1 else ""
        target = task.targets.get(minutes)
        at, wall = (
            statistics.median(row[key] for row in own) for key in ("seconds_at_best", "wall")
        )
        print(
            f"{name:16} {'' if minutes is None else format(minutes, 'g'):>7} {task.unit:11} "
            f"{statistics.median(figures):7.4f} {spread:>17} "
            f"{'' if target is None else format(target, '.4f'):>8} {at:5.0f}s {wall:5.0f}s  "
            f"{task.known}"
        )


def of_text(words: str) -> tuple[str, float]:
    """Parse TEXT=MINUTES."""
    name, _, minutes = words.partition("=")
    if name not in TASKS or None in TASKS[name].usual:
        raise argparse.ArgumentTypeError(
            f"{words!r} is not a text and its minutes, such as titles=2"
        )
    return name, float(minutes)


def arguments() -> tuple[argparse.Namespace, list[str]]:
    words = sys.argv[1:]
    cut = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=1, help="runs of each task")
    parser.add_argument(
        "--minutes", type=of_text, action="append", default=[], metavar="TEXT=MINUTES"
    )
    parser.add_argument("--only", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the texts")
    given = parser.parse_args(words[:cut])
    for name in given.only:
        source = given.data / FILES[TASKS[name].text]
        if not source.is_file():
            parser.error(f"{source} does not exist; name its folder with --data")
    return given, words[cut + 1 :]


def main() -> None:
    given, more = arguments()
    rows: list[Row] = []
    for name in given.only:
        asked = tuple(minutes for text, minutes in given.minutes if text == name)
        for minutes in asked or TASKS[name].usual:
            for seed in range(given.seeds):
                row = measure(name, minutes, seed, given.data, more)
                rows.append(row)
                print(
                    f"{name}, seed {seed}: {row['figure']:.4f} {TASKS[name].unit}, best at "
                    f"{row['seconds_at_best']:.0f} s of {row['seconds']:.0f}",
                    file=sys.stderr,
                    flush=True,
                )
    table(rows)
    results = Path(__file__).with_name("results")
    results.mkdir(exist_ok=True)
    (results / "quality.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
