"""Train on few texts from a model of many related ones, and from nothing, for the same time.

- titles: AG's titles on sports, from a model of the other three classes;
- plays: the lines of one speaker of the Shakespeare plays, from a model of all others;
- names: first names that end in "o" or "us", from a model of all others;
- molecules: made strings in the grammar of SMILES with two bromines, from a model of those with
  none.

Prints bits per character on held-out texts of the few, and what the model has forgotten: bits on
held-out texts of the many, before and after. With --freeze, one model for each of its values is
trained from the same base, and the optimizer steps of each are printed, with the seconds that they
take and those of validations.

    python benchmarks/fine_tuning.py [--texts 300] [--base-minutes 1] [--minutes 0.25]
        [--only titles plays names molecules] [--data FOLDER] [--layers 1] [--steps COUNT]
        [--freeze none embedding 1 2] [-- options of all runs from models]
"""

import argparse
import csv
import json
import random
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from commands import CHECKOUT, Run, charloom
from texts import DATA, FILES

import charloom as library

sys.path.append(str(CHECKOUT / "docs"))
from example_texts import molecule

Texts = tuple[list[str], list[str]]
"""The many texts of the base, and the few."""

HELD_OUT: Final = 300
"""Texts of each kind on which models are measured, at most."""
SPEAKER: Final = "GLOUCESTER"


def titles(data: Path) -> Texts:
    with (data / FILES["titles"]).open(encoding="utf-8", newline="") as file:
        rows = [(row[0], row[1]) for row in csv.reader(file)]
    return [t for c, t in rows if c != "2"], [t for c, t in rows if c == "2"]


def plays(data: Path) -> Texts:
    many: list[str] = []
    few: list[str] = []
    for speech in (data / FILES["tinyshakespeare"]).read_text("utf-8").split("\n\n"):
        speaker, _, lines = speech.partition(":\n")
        (few if speaker == SPEAKER else many).extend(lines.splitlines())
    return many, few


def names(data: Path) -> Texts:
    everyone = (data / FILES["names"]).read_text("utf-8").split()
    ending = re.compile(r"(o|us)$")
    return [n for n in everyone if not ending.search(n)], [n for n in everyone if ending.search(n)]


def molecules(data: Path) -> Texts:
    chance = random.Random(0)
    strings = list(dict.fromkeys(molecule(chance) for _ in range(60_000)))
    return (
        [s for s in strings if "Br" not in s][:8000],
        [s for s in strings if s.count("Br") == 2],
    )


TEXTS: Final[Mapping[str, Callable[[Path], Texts]]] = {
    "titles": titles,
    "plays": plays,
    "names": names,
    "molecules": molecules,
}


def measure(name: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Train the base, models from it and one from nothing; return the figures of each."""
    parts = TEXTS[name](given.data)
    for part in parts:
        random.Random(1).shuffle(part)
    (many, many_held_out), (few, few_held_out) = (
        (part[HELD_OUT:], part[:HELD_OUT]) for part in parts
    )
    few = few[: given.texts]
    with tempfile.TemporaryDirectory() as folder:
        paths = {kind: Path(folder, f"{kind}.txt") for kind in ("many", "few")}
        for path, texts in zip(paths.values(), (many, few), strict=True):
            path.write_text("\n".join(texts), "utf-8")
        runs = Path(folder, "base"), Path(folder, "alone")
        layers = ("--layers", given.layers)
        budget = ("--minutes", given.minutes) if given.steps is None else ("--steps", given.steps)
        train(paths["many"], runs[0], "--minutes", given.base_minutes, *layers)
        train(paths["few"], runs[1], *budget, *layers)
        base, alone = map(library.load, runs)
        figures = {
            "name": name,
            "texts": len(few),
            "base": base.bits_per_character(few_held_out),
            "alone": alone.bits_per_character(few_held_out),
            "many before": base.bits_per_character(many_held_out),
        }
        rows = []
        for freeze in given.freeze:
            output, frozen = Path(folder, f"tuned-{freeze}"), ("--freeze", freeze)
            run = train(paths["few"], output, "--from", runs[0], *budget, *frozen, *given.options)
            tuned = library.load(output)
            own = {
                "freeze": freeze,
                "steps": run.events[-1]["step"],
                "seconds": run.seconds,
                "tuned": tuned.bits_per_character(few_held_out),
                "many after": tuned.bits_per_character(many_held_out),
            }
            rows.append(figures | own)
        return rows


def train(source: Path, output: Path, *options: Any) -> Run:
    """Run ``charloom train``; its model folder is moved to ``output``."""
    return charloom(source, *options, keep=output)


def main() -> None:
    words = sys.argv[1:]
    cut = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--texts", type=int, default=300, help="texts of the few")
    parser.add_argument("--base-minutes", type=float, default=1)
    parser.add_argument("--minutes", type=float, default=0.25, help="of the runs on few texts")
    parser.add_argument("--layers", type=int, default=1, help="of all networks")
    parser.add_argument("--freeze", nargs="+", default=["none"], help="values to compare")
    parser.add_argument("--steps", type=int, help="of the runs on few texts, instead of minutes")
    parser.add_argument("--only", nargs="+", choices=list(TEXTS), default=list(TEXTS))
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the texts")
    given = parser.parse_args(words[:cut])
    given.options = words[cut + 1 :]
    columns = ("base", "alone", "tuned", "many before", "many after")
    print(
        f"{'bits/char':10} {'texts':>6} {'freeze':>10} {'steps':>6} {'s':>5} "
        + " ".join(f"{name:>11}" for name in columns)
    )
    rows = []
    for name in given.only:
        for row in measure(name, given):
            rows.append(row)
            figures = " ".join(f"{row[column]:11.3f}" for column in columns)
            run = f"{row['texts']:6,} {row['freeze']:>10} {row['steps']:6,} {row['seconds']:5.1f}"
            print(f"{name:10} {run} {figures}", flush=True)
    results = Path(__file__).with_name("results")
    results.mkdir(exist_ok=True)
    (results / "fine_tuning.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
