"""Measure whole training processes, beside the Keras lesson's program and a plain PyTorch loop.

Every program is a separate process on the same news titles. All run in sequence, in rounds; ratios
are computed within a round. The measurements:

- speed: characters per second of networks of 128 units, in steady state (without the first half of
  charloom's steps, and without the first epoch of the other programs) and of the whole process;
- reach: the time in which charloom reaches the final figure of the Keras program.

The Keras program has its own environment, created in benchmarks/peers/.venv when first needed. If
that fails, a message is printed and the other programs are measured.

    python benchmarks/lesson.py [--rounds 3] [--only reach] [--cells lstm] [--data FOLDER]
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from commands import PEERS, Failed, Run, charloom, keras_python, program
from texts import DATA, FILES, Files, titles

from charloom.settings import TrainingSettings
from charloom.training.device import choose_device

PARTS = ("speed", "reach")
CELLS = ("lstm", "gru", "rnn")
TITLES = ("--column", 1, "--no-clean")
LESSON = 3.53
"""Bits per character of the lesson after three epochs, if its program cannot be run."""
REACH = 25
"""Target of the speedup over the Keras program."""
WAYS: dict[str, tuple[str | float, ...]] = {"default": (), "--minutes 0.1": ("--minutes", 0.1)}
"""Budgets for ``reach``: the default, which is longer than needed, and a short one."""

KERAS, TORCH, OURS = "Keras lesson", "PyTorch loop", "charloom"

Row = dict[str, Any]


def peer(python: Path | str, script: str, files: Files, cell: str, epochs: int) -> Row:
    """Train with another program; return its figures."""
    row = program(python, PEERS / script, *files, "--cell", cell, "--epochs", epochs)
    first, last = row["epochs"][0]["seconds"], row["seconds"]
    steady = row["characters"] / last
    if epochs > 1:
        steady = row["characters"] * (epochs - 1) / epochs / (last - first)
    return row | {
        "cell": cell,
        "steady": steady,
        "whole": row["characters"] / row["wall"],
        "bits_per_character": row["epochs"][-1]["bits_per_character"],
    }


def train(files: Files, *options: str | float, until: float | None = None) -> Run:
    training, validation = files
    return charloom(training, "--valid", validation, *TITLES, *options, until=until)


def ours(files: Files, cell: str, epochs: int, *options: str | float) -> Row:
    """Train with charloom; return its figures."""
    run = train(files, "--cell", cell, "--epochs", epochs, *options)
    characters = epochs * run.characters
    return {
        "cell": cell,
        "steady": steady_rate(run, characters),
        "whole": characters / run.wall,
        "characters": characters,
        "bits_per_character": run.figures["bits_per_character"],
        "seconds": run.seconds,
        "wall": run.wall,
    }


def steady_rate(run: Run, characters: int) -> float:
    """Return characters per second in the second half of the run, from its step events."""
    steps = [event for event in run.events if event["event"] == "step"]
    late = [event for event in steps if event["progress"] >= 0.5]
    if len(late) < 2:
        return characters / run.seconds
    done = characters * (late[-1]["progress"] - late[0]["progress"])
    return float(done / (late[-1]["seconds"] - late[0]["seconds"]))


def programs(
    files: Files, keras: Path | None, cell: str, epochs: int
) -> dict[str, Callable[[], Row]]:
    """Return the programs that train a cell, by name."""
    chosen: dict[str, Callable[[], Row]] = {}
    if keras is not None:
        lesson_epochs = 3 if cell == "lstm" else 2
        chosen[KERAS] = lambda: peer(keras, "keras_lesson.py", files, cell, lesson_epochs)
    chosen[TORCH] = lambda: peer(sys.executable, "torch_loop.py", files, cell, 3)
    if cell == "lstm":
        chosen["charloom --preset lesson"] = lambda: ours(files, cell, 3, "--preset", "lesson")
    chosen[OURS] = lambda: ours(files, cell, epochs, "--hidden", 128)
    if choose_device(TrainingSettings()).bf16:
        exact = ("--precision", "fp32")
        chosen[" ".join((OURS, *exact))] = lambda: ours(
            files, cell, epochs, "--hidden", 128, *exact
        )
    return chosen


def speed(
    files: Files, keras: Path | None, cells: Sequence[str], epochs: int, only: str = ""
) -> list[Row]:
    """Train each cell with each program, or with ``only``; a program that fails is left out."""
    rows = []
    for cell in cells:
        for name, run in programs(files, keras, cell, epochs).items():
            if only not in ("", name):
                continue
            try:
                row = run()
            except Failed as reason:
                print(f"{name} is left out for {cell}: {reason}")
                continue
            rows.append(row | {"program": name})
            tell(
                f"{name:24} {cell:4} {row['steady']:9,.0f} characters/s, "
                f"{row['whole']:9,.0f} in the whole process of {row['wall']:.1f} s; "
                f"{row['bits_per_character']:.3f} bits/char"
            )
    return rows


def reach(files: Files, lesson: Row | None) -> list[Row]:
    """Train until the final figure of ``lesson``, or LESSON without it, is reached."""
    figure = LESSON if lesson is None else lesson["bits_per_character"]
    rows = []
    for way, options in WAYS.items():
        run = train(files, "--sample-every", 0.5, *options, until=figure)
        row: Row = {"way": way, "figure": figure, "wall": run.reached, "lesson": lesson}
        if run.reached is not None:
            validations = [event for event in run.events if event["event"] == "validation"]
            first = next(event for event in validations if event["bits_per_character"] <= figure)
            row |= {"seconds": first["seconds"], "told": first["bits_per_character"]}
        rows.append(row)
        tell(f"reach, {way}: {seconds(row)} to {figure:.3f} bits/char")
    return rows


def seconds(row: Row) -> str:
    if row["wall"] is None:
        return "not reached"
    return f"{row['seconds']:.1f} s of training, {row['wall']:.1f} s of the process"


def tell(line: str) -> None:
    """Print progress to standard error; the tables follow at the end."""
    print(line, file=sys.stderr, flush=True)


def spread(values: Sequence[float], form: str) -> str:
    """Return the median with the minimum and the maximum."""
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def chosen(rows: list[Row], **values: object) -> list[Row]:
    return [row for row in rows if all(row[name] == value for name, value in values.items())]


def speed_table(rows: list[Row]) -> None:
    print("\n128 units, characters/s: median (min to max)")
    for cell in CELLS:
        for name in dict.fromkeys(row["program"] for row in chosen(rows, cell=cell)):
            own = chosen(rows, cell=cell, program=name)
            steady = spread([row["steady"] for row in own], ",.0f")
            whole = spread([row["whole"] for row in own], ",.0f")
            print(f"  {cell:4} {name:24} steady {steady:34} whole process {whole}")
    print("\ncharloom against the peers, ratios within a round: median (min to max)")
    for cell in CELLS:
        for name in (KERAS, TORCH):
            pairs = [
                (own, other)
                for own in chosen(rows, cell=cell, program=OURS)
                for other in chosen(rows, cell=cell, program=name, round=own["round"])
            ]
            if pairs:
                steady = spread([own["steady"] / other["steady"] for own, other in pairs], ".1f")
                whole = spread([own["whole"] / other["whole"] for own, other in pairs], ".1f")
                print(f"  {cell:4} {name:24} steady {steady:34} whole process {whole}")


def reach_table(rows: list[Row]) -> None:
    print(f"\nspeedup to the final figure of the Keras program (target: {REACH})")
    for way in WAYS:
        for row in chosen(rows, way=way):
            line = f"  {way:14} {row['figure']:.3f} bits/char: {seconds(row)}"
            if row["lesson"] is not None and row["wall"] is not None:
                lesson = row["lesson"]
                line += (
                    f"; Keras {lesson['seconds']:.1f} and {lesson['wall']:.1f} s: "
                    f"{lesson['seconds'] / row['seconds']:.1f} and "
                    f"{lesson['wall'] / row['wall']:.1f} times"
                )
            print(line)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=PARTS, help="run one measurement only")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--epochs", type=int, default=6, help="epochs of charloom for speed")
    parser.add_argument(
        "--titles",
        type=int,
        default=7000,
        help="training titles; use fewer only to try the benchmark",
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the texts")
    given = parser.parse_args()
    if not (given.data / FILES["titles"]).is_file():
        parser.error(f"{given.data / FILES['titles']} does not exist; name its folder with --data")
    return given


def keras_or_none() -> Path | None:
    """Return the interpreter of the Keras program; print the reason if there is none."""
    try:
        return keras_python()
    except Failed as reason:
        print(f"the Keras program is left out: {reason}")
        return None


def measure(files: Files, given: argparse.Namespace) -> dict[str, list[Row]]:
    """Run all measurements once per round."""
    parts = [given.only] if given.only else PARTS
    keras = keras_or_none()
    rows: dict[str, list[Row]] = {part: [] for part in parts}
    for cell in given.cells:  # compiles the kernels, which is not measured
        train(files, "--cell", cell, "--steps", 2)
    for number in range(1, given.rounds + 1):
        tell(f"round {number} of {given.rounds}")
        lesson: Row | None = None
        if "speed" in parts:
            done = speed(files, keras, given.cells, given.epochs)
            rows["speed"] += [row | {"round": number} for row in done]
            lesson = next(iter(chosen(done, cell="lstm", program=KERAS)), None)
        if "reach" in parts:
            if "speed" not in parts:
                lesson = next(iter(speed(files, keras, ["lstm"], 0, only=KERAS)), None)
            rows["reach"] += reach(files, lesson)
    return rows


def main() -> None:
    given = arguments()
    with tempfile.TemporaryDirectory() as name:
        files = titles(given.data / FILES["titles"], Path(name), given.titles)
        rows = measure(files, given)
    tables = {"speed": speed_table, "reach": reach_table}
    for part, found in rows.items():
        tables[part](found)
    results = Path(__file__).with_name("results")
    results.mkdir(exist_ok=True)
    (results / "lesson.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
