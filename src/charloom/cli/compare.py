"""``charloom compare``: several networks learn from the same text, and are set side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charloom.cli import output as terminal
from charloom.cli import train_options as given
from charloom.cli.options import (
    Columns,
    Encoding,
    Header,
    Json,
    LabelColumn,
    Sources,
    option,
)
from charloom.cli.train import default_output, settings
from charloom.errors import SettingsError

if TYPE_CHECKING:
    from charloom.comparison import Comparison, Result, Trial

MINUTES = 1.0
INTERRUPTED = 130
_GRID = "What differs"
_OWN = ("sources", "output", "cells", "layers", "hidden", "valid", "test", "json")

Folder = Annotated[
    Path | None,
    option(
        "--output",
        "-o",
        metavar="FOLDER",
        default="runs/ and the name of the source, -compared",
        help="Folder of the models' folders, comparison.json and report.html.",
    ),
]
Test = Annotated[
    str | None,
    option("--test", metavar="FILE", group="Text", help="Texts to measure on in the end, once."),
]
Cells = Annotated[
    str, option("--cell", metavar="LIST", default="rnn,gru,lstm", group=_GRID, help="Cells.")
]
Layers = Annotated[
    str, option("--layers", metavar="LIST", default="1", group=_GRID, help="Numbers of layers.")
]
Hidden = Annotated[
    str | None,
    option(
        "--hidden",
        metavar="LIST",
        default="as train would choose",
        group=_GRID,
        help="Numbers of hidden units.",
    ),
]


def compare(
    sources: Sources,
    *,
    output: Folder = None,
    cells: Cells = "rnn,gru,lstm",
    layers: Layers = "1",
    hidden: Hidden = None,
    level: given.LevelName = None,
    unit: given.UnitName = None,
    columns: Columns = None,
    label_column: LabelColumn = None,
    header: Header = None,
    encoding: Encoding = None,
    clean: given.Clean = None,
    min_count: given.MinCount = None,
    valid: given.Valid = None,
    valid_fraction: given.ValidFraction = None,
    test: Test = None,
    input: given.Input = None,
    dropout: given.Dropout = None,
    minutes: given.Minutes = None,
    epochs: given.Epochs = None,
    steps: given.Steps = None,
    batch_size: given.BatchSize = None,
    window: given.Window = None,
    learning_rate: given.LearningRate = None,
    optimizer: given.OptimizerName = None,
    seed: given.TrainingSeed = None,
    device: given.Device = None,
    json: Json = False,
) -> None:
    """Train several networks on the same text, and set them side by side.

    One for each combination of the values in the lists, each with the same time (a minute unless a
    budget is given), seed and split, in a folder of its own. The same command goes on where it
    ended: what is finished is not done again.
    """
    options = settings({name: value for name, value in dict(locals()).items() if name not in _OWN})
    if not {"minutes", "epochs", "steps"} & set(options):
        options["minutes"] = MINUTES
    grid: dict[str, list[Any]] = {"cell": _words(cells), "layers": _numbers("layers", layers)}
    if hidden is not None:
        grid["hidden"] = _numbers("hidden", hidden)
    folder = output or default_output(sources).with_name(_default(sources))
    results = _compared(sources, grid, output=folder, validation=valid, test=test, **options)
    if json:
        terminal.record([one.to_json() for one in results])
    else:
        terminal.table(_rows(results), right=range(1, 8))
    _report(folder, results)


def _compared(sources: list[str], grid: dict[str, list[Any]], **given: Any) -> list["Result"]:
    """Do all runs; return their results, the best first."""
    from charloom.cli.downloads import fetch
    from charloom.comparison import Comparison, Interrupted

    comparison = Comparison(sources, grid, **given)
    fetch([*sources, *filter(None, [given["validation"], given["test"]])])
    for trial in comparison.trials:
        try:
            _run(comparison, trial)
        except Interrupted:
            raise typer.Exit(INTERRUPTED) from None
    return sorted(comparison.results, key=lambda one: one.validation)


def _report(folder: Path, results: list["Result"]) -> None:
    from charloom.report.files import report_all

    path = report_all(folder, results, told=lambda what: terminal.note(f"{what} ..."))
    terminal.note(f"report: {path}")


def _run(comparison: "Comparison", trial: "Trial") -> None:
    """Do one run under the eyes of the user."""
    from charloom.watch import watch

    terminal.note(f"{trial.name}, {trial.number} of {trial.count}")
    with watch() as view:
        comparison.run(trial, listeners=[view], on_start=view.start, on_read=view.reading)


def _default(sources: list[str]) -> str:
    return f"{default_output(sources).name}-compared"


def _words(given: str) -> list[str]:
    return [word.strip() for word in given.split(",") if word.strip()]


def _numbers(name: str, given: str) -> list[int]:
    words = _words(given)
    if not all(word.isdecimal() for word in words):
        raise SettingsError(
            f"{name} is {given!r}; allowed: whole numbers with commas between, such as 64,128."
        )
    return [int(word) for word in words]


def _rows(results: list["Result"]) -> list[tuple[str, ...]]:
    header = (
        "",
        "parameters",
        "validation",
        "test",
        "above training",
        "learned/s",
        "written/s",
        "best at",
    )
    return [
        header,
        *(
            (
                one.name,
                f"{one.parameters:,}",
                f"{one.validation:.4f}",
                "" if one.test is None else f"{one.test:.4f}",
                "" if one.gap is None else f"{one.gap:+.3f}",
                "" if one.training_rate is None else f"{one.training_rate:,.0f}",
                f"{one.writing_rate:,.0f}",
                f"{one.seconds:.0f} s",
            )
            for one in results
        ),
    ]
