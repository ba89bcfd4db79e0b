"""Quality on news titles: AG's test part, the first 7,000 titles against the last 600.

Measures the preset of the Keras lesson after its three epochs, and the default set-up after two
minutes, each on the text as it is and cleaned. The lesson's own program, in Keras 3, reached 3.53
bits per character on the text as it is after three epochs.

    python benchmarks/titles.py [--minutes 2] [--seeds 1] [--data ../shared/data/ag_news/test.csv]

Settings of the default set-up can be tried with ``--set hidden=384 --set dropout=0.3``.
"""

import argparse
import csv
import itertools
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from charloom import train

DATA = Path(__file__).parents[1] / ".." / "shared" / "data" / "ag_news" / "test.csv"
TARGETS = {"lesson": 3.53, "default": 2.60}
"""The figures to reach, in bits per character, on the text as it is."""


def parts(data: Path, folder: Path) -> tuple[Path, Path]:
    """Write the titles of the training and the validation part, as csv files of one column."""
    with data.open(encoding="utf-8", newline="") as file:
        titles = [row[1] for row in csv.reader(file)]
    paths = folder / "training.csv", folder / "validation.csv"
    for path, part in zip(paths, (titles[:7000], titles[-600:]), strict=True):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([title] for title in part)
    return paths


def measure(
    name: str, clean: bool, seed: int, options: dict[str, Any], data: Path
) -> dict[str, Any]:
    """Train once; return what was reached."""
    if name == "lesson":
        options = {"preset": "lesson"}
    with tempfile.TemporaryDirectory() as folder:
        training, validation = parts(data, Path(folder))
        began = time.perf_counter()
        model = train(
            training, validation=validation, columns=("1",), clean=clean, seed=seed, **options
        )
        wall = time.perf_counter() - began
    figures = model.record.figures
    return {
        "set_up": name,
        "clean": clean,
        "seed": seed,
        "options": options,
        "bits_per_character": figures["bits_per_character"],
        "target": None if clean else TARGETS[name],
        "seconds_at_best": figures["seconds"],
        "wall_seconds": wall,
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=2.0, help="budget of the default set-up")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each kind")
    parser.add_argument("--data", type=Path, default=DATA, help="AG's test.csv")
    parser.add_argument("--only", choices=list(TARGETS), help="measure one set-up")
    parser.add_argument("--set", action="append", default=[], help="a setting: NAME=VALUE")
    given = parser.parse_args()
    if not given.data.is_file():
        parser.error(f"there is no {given.data}; name AG's test.csv with --data")
    return given


def main() -> None:
    given = arguments()
    pairs = (setting.split("=", 1) for setting in given.set)
    options = {"minutes": given.minutes} | {name: json.loads(value) for name, value in pairs}
    names = [given.only] if given.only else list(TARGETS)
    print(
        f"{'set-up':8} {'text':8} {'seed':>4} {'bits/char':>9} {'target':>6} {'at':>6} {'wall':>6}"
    )
    rows = []
    for name, clean, seed in itertools.product(names, (False, True), range(given.seeds)):
        row = measure(name, clean, seed, options, given.data)
        rows.append(row)
        target = f"{row['target']:.2f}" if row["target"] else ""
        print(
            f"{name:8} {'cleaned' if clean else 'as it is':8} {seed:4} "
            f"{row['bits_per_character']:9.3f} {target:>6} {row['seconds_at_best']:5.0f}s "
            f"{row['wall_seconds']:5.0f}s",
            flush=True,
        )
    results = Path(__file__).with_name("results")
    results.mkdir(exist_ok=True)
    (results / "titles.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
