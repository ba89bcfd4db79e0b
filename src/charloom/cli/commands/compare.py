"""``charloom compare``: several networks learn from the same text, and are set side by side."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charloom.cli.commands.train import default_output, settings_options
from charloom.cli.options import training as given
from charloom.cli.options.shared import (
    Columns,
    Encoding,
    Header,
    Json,
    LabelColumn,
    Sources,
    option,
    parse_count,
    parse_float,
)
from charloom.cli.terminal import output as terminal
from charloom.errors import SettingsError, TrainingError
from charloom.files import is_dir

if TYPE_CHECKING:
    from charloom.runs.compare import Comparison, Result, Trial

DEFAULT_MINUTES = 1.0
INTERRUPTED = 130
_GRID = "What differs"
_COMMAND_OPTIONS = (
    *("sources", "output", "cells", "layers", "hidden", "valid", "test", "json"),
    *("search", "storage"),
)

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
        default="as train would choose; with --search 64 to 512",
        group=_GRID,
        help="Numbers of hidden units.",
    ),
]

Minutes = Annotated[
    float | None,
    option(
        "--minutes",
        metavar="MINUTES",
        parser=parse_float,
        default=DEFAULT_MINUTES,
        group=given.BUDGET,
        help="Minutes of training, for each.",
    ),
]
SearchCount = Annotated[
    int | None,
    option(
        "--search",
        metavar="COUNT",
        parser=parse_count,
        group=_GRID,
        help="Runs of a search by Optuna, instead of every combination: it chooses from the lists, "
        "and learning rate and dropout unless they are given.",
    ),
]
Storage = Annotated[
    str | None,
    option(
        "--storage",
        metavar="URL",
        default="study.sqlite3 in the folder",
        group=_GRID,
        help="With --search: the database of the study, which is named as the folder is; machines "
        "that give the same URL and name of a folder share it.",
    ),
]


def compare(
    sources: Sources,
    *,
    output: Folder = None,
    cells: Cells = "rnn,gru,lstm",
    layers: Layers = "1",
    hidden: Hidden = None,
    search: SearchCount = None,
    storage: Storage = None,
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
    minutes: Minutes = None,
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

    One for each combination of the values in the lists, or as many as --search says, each with the
    same time (a minute unless a budget is given), seed and split, in a folder of its own. The same
    command goes on where it ended: what is finished is not done again. The pictures are in the
    folder's report.html.
    """
    if storage is not None and search is None:
        raise SettingsError("--storage was given without --search; add that.")
    options = settings_options(
        {name: value for name, value in dict(locals()).items() if name not in _COMMAND_OPTIONS}
    )
    if not {"minutes", "epochs", "steps"} & set(options):
        options["minutes"] = DEFAULT_MINUTES
    grid: dict[str, list[Any]] = {
        "cell": _split_list(cells),
        "layers": _parse_numbers("layers", layers),
    }
    if hidden is not None:
        grid["hidden"] = _parse_numbers("hidden", hidden)
    folder = output or default_output(sources).with_name(_default_name(sources))
    comparison = _prepare(sources, grid, output=folder, validation=valid, test=test, **options)
    results = _run_all(comparison, folder, grid, options, search, storage)
    _print_results(
        folder, sorted(results, key=lambda one: one.validation), search is not None, json
    )


def _prepare(sources: list[str], grid: dict[str, list[Any]], **given: Any) -> "Comparison":
    """Return what is to be compared, with all texts at hand."""
    from charloom.cli.terminal.downloads import fetch_corpora
    from charloom.runs.compare import Comparison

    comparison = Comparison(sources, grid, **given)
    fetch_corpora([*sources, *filter(None, [given["validation"], given["test"]])])
    return comparison


def _run_all(
    comparison: "Comparison",
    folder: Path,
    grid: dict[str, list[Any]],
    options: dict[str, Any],
    search: int | None,
    storage: str | None,
) -> "list[Result]":
    """Do all runs, of the grid or of a search; return their results."""
    if search is None:
        return [_run_trial(comparison, trial) for trial in comparison.trials]
    from charloom.progress.watch import choose_view
    from charloom.runs.search import Search, SearchSpace, check_optuna

    check_optuna()
    with choose_view() as view:
        fixed = {"options": options, "texts": comparison.fingerprint(view.on_read)}
    seed = options.get("seed", 0)
    study = Search(
        folder,
        SearchSpace.from_options(grid, options),
        fixed,
        count=search,
        storage=storage,
        seed=seed,
    )
    comparison.results = study.results()
    study.run(lambda trial: _run_trial(comparison, trial), on_failure=terminal.note)
    comparison.set_results([comparison.with_test_metric(one) for one in study.results()])
    if (others := study.running_count()) > 0:
        terminal.note(f"{others} more {'runs are' if others > 1 else 'run is'} not done elsewhere.")
    if not comparison.results:
        raise TrainingError(
            "no run of the search came to a figure; give a smaller --lr, or look at what was told "
            "of each, and begin anew with another --output."
        )
    return comparison.results


def _run_trial(comparison: "Comparison", trial: "Trial") -> "Result":
    """Do one run under the eyes of the user."""
    from charloom.progress.watch import choose_view
    from charloom.runs.compare import RunInterrupted

    terminal.note(f"{trial.name}, {trial.number} of {trial.count}")
    try:
        with choose_view() as view:
            return comparison.run(
                trial, listeners=[view], on_start=view.start, on_read=view.on_read
            )
    except RunInterrupted:
        terminal.note("all is kept; the same compare command goes on with this run and the others.")
        raise typer.Exit(INTERRUPTED) from None


def _print_results(folder: Path, results: list["Result"], searched: bool, json: bool) -> None:
    if json:
        terminal.write_json([one.to_json() for one in results])
    else:
        rows = _table_rows(results, searched)
        terminal.write_table(rows, right=range(1, len(rows[0])))
    if any(is_dir(folder / one.name) for one in results):
        _write_report(folder, results)


def _write_report(folder: Path, results: list["Result"]) -> None:
    from charloom.report.files import write_comparison_report

    path = write_comparison_report(
        folder, results, on_progress=lambda what: terminal.note(f"{what} ...")
    )
    terminal.note(f"report: {path}")


def _default_name(sources: list[str]) -> str:
    return f"{default_output(sources).name}-compared"


def _split_list(given: str) -> list[str]:
    return [word.strip() for word in given.split(",") if word.strip()]


def _parse_numbers(name: str, given: str) -> list[int]:
    words = _split_list(given)
    if not all(word.isdecimal() for word in words):
        raise SettingsError(
            f"{name} is {given!r}; allowed: whole numbers with commas between, such as 64,128."
        )
    return [int(word) for word in words]


def _table_rows(results: list["Result"], searched: bool) -> list[list[str]]:
    """Return the table; what a search chose besides the network stands last."""
    columns: dict[str, Callable[[Result], str]] = {
        "": lambda one: one.name,
        "parameters": lambda one: f"{one.parameters:,}",
        "validation": lambda one: f"{one.validation:.4f}",
        "test": lambda one: "" if one.test is None else f"{one.test:.4f}",
        "above training": lambda one: "" if one.gap is None else f"{one.gap:+.3f}",
        "learned/s": lambda one: "" if one.training_rate is None else f"{one.training_rate:,.0f}",
        "written/s": lambda one: f"{one.writing_rate:,.0f}",
        "best at": lambda one: f"{one.seconds:.0f} s",
    }
    if searched:
        columns["rate"] = lambda one: f"{one.learning_rate:.4f}"
        columns["dropout"] = lambda one: f"{one.dropout:.2f}"
    return [list(columns), *([cell(one) for cell in columns.values()] for one in results)]
