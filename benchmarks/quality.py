"""Measure the quality of ``charloom train`` on four texts, beside published figures.

- titles: AG's news titles without cleaning; training on the first 7,000, validation on the last
  600; bits per character;
- lesson: the same with ``--preset lesson``, three epochs;
- tinyshakespeare: one stream; training on the first 90 % of the characters, validation on the last
  10 % with the state carried through; nats per character;
- names: first names; validation on the 1,000 that makemore holds out; nats per symbol, including
  the end of each name;
- facts: the corpus that is part of charloom, with its own validation texts; bits per character.

Each run is a ``charloom train`` process. Options after ``--`` are passed to all of them. With
``--base``, each run is followed by one of an older charloom with the same seed and the same time.

    python benchmarks/quality.py [--seeds 3] [--only titles names] [--data FOLDER]
    python benchmarks/quality.py --minutes tinyshakespeare=30 --only tinyshakespeare
    python benchmarks/quality.py --base CHECKOUT --seeds 3 --only titles tinyshakespeare names facts
    python benchmarks/quality.py --only titles -- --lr 0.004 --dropout 0.3
"""

import argparse
import dataclasses
import itertools
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from commands import CHECKOUT, charloom, checkout_path
from texts import CUTS, DATA, FILES

from charloom.units import NATS_PER_BIT


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """A text, the options of its runs, and the targets."""

    text: str | None
    """A text of ``texts``; None for the corpus of facts."""
    options: tuple[str | float, ...] = ()
    unit: str
    targets: dict[float | None, float]
    """Target figure by minutes of training; None: the options set the budget."""
    usual: tuple[float | None, ...]
    """Minutes of the runs by default."""
    gain: float = 0.0
    """Target of ``--base``: by how much the figure of the older version is to be lowered."""
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
        gain=0.02,
        known="Keras lesson, 3 epochs: 3.53",
    ),
    "tinyshakespeare": Task(
        text="tinyshakespeare",
        options=("--unit", "stream"),
        unit="nats/char",
        targets={1.6: 1.4697, 3: 1.42, 30: 1.40},
        usual=(1.6,),
        gain=0.015,
        known="nanoGPT: 1.886 on a CPU, 1.4697 on an A100",
    ),
    "names": Task(
        text="names",
        unit="nats/symbol",
        targets={1: 1.90},
        usual=(1,),
        gain=0.015,
        known="makemore's transformer: 2.013",
    ),
    "facts": Task(
        text=None,
        unit="bits/char",
        targets={},
        usual=(1,),
        gain=0.05,
        known="",
    ),
}
"""The known figures are published by the projects. The lesson publishes none: its figure is from a
run of its program (benchmarks/peers/keras_lesson.py is a new implementation)."""

Row = dict[str, Any]


def measure(
    name: str, minutes: float | None, seed: int, given: argparse.Namespace, checkout: Path
) -> Row:
    """Train once; return the figures."""
    task = TASKS[name]
    options = [*task.options, "--seed", seed, *given.options]
    if minutes is not None:
        options += ["--minutes", minutes]
    with tempfile.TemporaryDirectory() as folder:
        source: Path | str = "facts"
        if task.text is not None:
            source, validation = CUTS[task.text](given.data / FILES[task.text], Path(folder))
            options += ["--valid", validation]
        run = charloom(source, *options, checkout=checkout)
    bits = run.figures["bits_per_character"]
    return {
        "task": name,
        "program": "charloom" if checkout == CHECKOUT else "base",
        "minutes": minutes,
        "seed": seed,
        "options": given.options,
        "figure": bits if task.unit == "bits/char" else bits * NATS_PER_BIT,
        "bits_per_character": bits,
        "validation_characters": run.figures["validation_characters"],
        "seconds_at_best": run.figures["seconds"],
        "seconds": run.seconds,
        "wall": run.wall,
    }


def chosen(rows: list[Row], **values: object) -> list[Row]:
    return [row for row in rows if all(row[name] == value for name, value in values.items())]


def table(rows: list[Row]) -> None:
    """Print median and range over the seeds, beside the target and the known figure."""
    print(
        f"\n{'':16} {'minutes':>7} {'unit':11} {'median':>7} {'min to max':>17} "
        f"{'target':>8} {'at':>6} {'wall':>6}  known"
    )
    for name, minutes in dict.fromkeys((row["task"], row["minutes"]) for row in rows):
        task = TASKS[name]
        own = chosen(rows, task=name, minutes=minutes, program="charloom")
        target = task.targets.get(minutes)
        at, wall = (
            statistics.median(row[key] for row in own) for key in ("seconds_at_best", "wall")
        )
        print(
            f"{name:16} {'' if minutes is None else format(minutes, 'g'):>7} {task.unit:11} "
            f"{spread(own):25} {'' if target is None else format(target, '.4f'):>8} {at:5.0f}s "
            f"{wall:5.0f}s  {task.known}"
        )


def base_table(rows: list[Row]) -> None:
    """Print both versions beside each other, with the median of the differences by seed."""
    print(
        f"\n{'':16} {'minutes':>7} {'unit':11} {'charloom':25} {'base':25} {'lower by':>8} "
        f"{'target':>8}"
    )
    for name, minutes in dict.fromkeys((row["task"], row["minutes"]) for row in rows):
        task = TASKS[name]
        own, base = (
            chosen(rows, task=name, minutes=minutes, program=program)
            for program in ("charloom", "base")
        )
        pairs = zip(own, base, strict=True)
        gain = statistics.median(other["figure"] - row["figure"] for row, other in pairs)
        print(
            f"{name:16} {'' if minutes is None else format(minutes, 'g'):>7} {task.unit:11} "
            f"{spread(own):25} {spread(base):25} {gain:8.4f} {task.gain:8.4f}"
        )


def spread(rows: list[Row]) -> str:
    """Return the median figure, and the range of several."""
    figures = [row["figure"] for row in rows]
    several = f"{min(figures):.4f} to {max(figures):.4f}" if len(rows) > 1 else ""
    return f"{statistics.median(figures):7.4f} {several:>17}"


def of_text(words: str) -> tuple[str, float]:
    """Parse TEXT=MINUTES."""
    name, _, minutes = words.partition("=")
    if name not in TASKS or None in TASKS[name].usual:
        raise argparse.ArgumentTypeError(
            f"{words!r} is not a text and its minutes, such as titles=2"
        )
    return name, float(minutes)


def arguments() -> argparse.Namespace:
    words = sys.argv[1:]
    cut = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=1, help="runs of each task")
    parser.add_argument(
        "--minutes", type=of_text, action="append", default=[], metavar="TEXT=MINUTES"
    )
    parser.add_argument("--only", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the texts")
    parser.add_argument("--base", type=Path, help="checkout of the version to compare with")
    given = parser.parse_args(words[:cut])
    for text in filter(None, (TASKS[name].text for name in given.only)):
        source = given.data / FILES[text]
        if not source.is_file():
            parser.error(f"{source} does not exist; name its folder with --data")
    if given.base is not None:
        given.base = checkout_path(parser, given.base)
    given.options = words[cut + 1 :]
    return given


def measure_all(given: argparse.Namespace) -> list[Row]:
    """Run all tasks for each seed; the versions alternate."""
    rows: list[Row] = []
    checkouts = [CHECKOUT] if given.base is None else [CHECKOUT, given.base]
    for name in given.only:
        asked = tuple(minutes for text, minutes in given.minutes if text == name)
        for minutes, seed, checkout in itertools.product(
            asked or TASKS[name].usual, range(given.seeds), checkouts
        ):
            row = measure(name, minutes, seed, given, checkout)
            rows.append(row)
            print(
                f"{name}, {row['program']}, seed {seed}: {row['figure']:.4f} {TASKS[name].unit}, "
                f"best at {row['seconds_at_best']:.0f} s of {row['seconds']:.0f}, "
                f"process {row['wall']:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    return rows


def main() -> None:
    given = arguments()
    rows = measure_all(given)
    table(rows)
    if given.base is not None:
        base_table(rows)
    results = Path(__file__).with_name("results")
    results.mkdir(exist_ok=True)
    (results / "quality.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
