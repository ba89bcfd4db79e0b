"""``charloom compare``: train several networks on the same texts and compare them."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from charloom.cli.exit_codes import INTERRUPTED
from charloom.cli.options.checker import CheckerOptions
from charloom.cli.options.declared import SettingOptions, select, takes_options
from charloom.cli.options.parsers import parse_count
from charloom.cli.options.run import Valid
from charloom.cli.options.shared import Json, SettingsFile, Sources, option
from charloom.cli.terminal import output as terminal
from charloom.cli.terminal.inputs import default_output, run_settings
from charloom.errors import SettingsError, TrainingError
from charloom.files import is_dir
from charloom.settings import Cell, NetworkSettings, TextSettings, TrainingSettings
from charloom.settings.presets import BUDGETS

if TYPE_CHECKING:
    from charloom.evaluation.run_result import RunResult
    from charloom.generation.checker import Checker
    from charloom.runs.compare import Comparison, Trial

DEFAULT_MINUTES = 1.0
DEFAULT_CELLS = ("rnn", "gru", "lstm")
DEFAULT_LAYERS = (1,)
_TRAINING = (
    *("minutes", "epochs", "steps", "batch_size", "window", "learning_rate", "optimizer"),
    *("seed", "device", "checked_texts", "keep_best"),
)
_GRID = "Compared networks"

Folder = Annotated[
    Path | None,
    option(
        "--output",
        "-o",
        metavar="FOLDER",
        default="runs/ and the name of the source, -compared",
        help="Folder of the model folders, comparison.json and report.html.",
    ),
]
Test = Annotated[
    str | None,
    option(
        "--test", metavar="FILE", group="Text", help="Texts for one measurement after training."
    ),
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class GridOptions:
    """The compared networks: all combinations of some lists, or a search among them."""

    cells: Annotated[
        str | None,
        option(
            "--cell",
            metavar="LIST",
            default=",".join(DEFAULT_CELLS),
            group=_GRID,
            help="Recurrent cells.",
            values=get_args(Cell),
            separator=",",
        ),
    ] = None
    layers: Annotated[
        str | None,
        option(
            "--layers",
            metavar="LIST",
            default=",".join(map(str, DEFAULT_LAYERS)),
            group=_GRID,
            help="Numbers of layers.",
        ),
    ] = None
    hidden: Annotated[
        str | None,
        option(
            "--hidden",
            metavar="LIST",
            default="as train chooses; with --search 64 to 512",
            group=_GRID,
            help="Numbers of hidden units.",
        ),
    ] = None
    search: Annotated[
        int | None,
        option(
            "--search",
            metavar="COUNT",
            parser=parse_count,
            group=_GRID,
            help="Runs of a search by Optuna in place of all combinations. It chooses from the "
            "lists, and learning rate and dropout unless they are given.",
        ),
    ] = None
    storage: Annotated[
        str | None,
        option(
            "--storage",
            metavar="URL",
            default="study.sqlite3 in the folder",
            group=_GRID,
            help="Database of the search. Machines with the same URL and folder name share a "
            "search.",
        ),
    ] = None


@takes_options(
    grid_options=GridOptions,
    checker_options=CheckerOptions,
    options=[
        *select(TextSettings),
        *select(NetworkSettings, ("input", "dropout")),
        *select(
            TrainingSettings,
            _TRAINING,
            minutes={"help": "Minutes of training for each network.", "default": DEFAULT_MINUTES},
        ),
    ],
)
def compare(
    sources: Sources,
    *,
    output: Folder = None,
    settings_file: SettingsFile = None,
    grid_options: GridOptions,
    checker_options: CheckerOptions,
    options: SettingOptions,
    valid: Valid = None,
    test: Test = None,
    json: Json = False,
) -> None:
    """Train several networks on the same texts and compare them.

    One network for each combination of the values in the lists, or as many as --search says. Each
    has the same budget (a minute by default), seed and split, and a model folder. The same command
    resumes an interrupted comparison; finished runs are not repeated. report.html in the folder
    holds the charts. Lists that are left out come from the settings file. With --checker, 1,000
    texts of each network are judged after training.
    """
    if grid_options.storage is not None and grid_options.search is None:
        raise SettingsError("--storage was given without --search; add that.")
    settings = run_settings(settings_file, options)
    if not set(BUDGETS) & set(settings):
        settings["minutes"] = DEFAULT_MINUTES
    grid = _grid(grid_options, settings)
    folder = output or default_output(sources).with_name(_default_name(sources))
    checker = checker_options.make()
    others = {"validation": valid, "test": test, "checker": checker}
    comparison = _prepare(sources, grid, output=folder, **others, **settings)
    if grid_options.search is None:
        results = [_run_trial(comparison, trial) for trial in comparison.trials]
    else:
        results = _search(
            comparison,
            folder,
            grid,
            settings,
            count=grid_options.search,
            storage=grid_options.storage,
        )
    results = sorted(results, key=lambda result: result.validation)
    _print_results(results, grid_options.search is not None, json)
    if any(is_dir(folder / result.name) for result in results):
        _write_report(folder, results, checker)


def _grid(grid_options: GridOptions, settings: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the values of each axis, and remove the axes from ``settings``.

    The command line takes precedence over the settings file, the file over the default.
    """
    axes: tuple[str, ...] = ("cell", "layers", "hidden")
    file = {name: [settings.pop(name)] for name in axes if name in settings}
    grid: dict[str, list[Any]] = {"cell": [*DEFAULT_CELLS], "layers": [*DEFAULT_LAYERS], **file}
    if grid_options.cells is not None:
        grid["cell"] = _split_list(grid_options.cells)
    for name, text in (("layers", grid_options.layers), ("hidden", grid_options.hidden)):
        if text is not None:
            grid[name] = _parse_numbers(name, text)
    return grid


def _prepare(sources: list[str], grid: dict[str, list[Any]], **options: Any) -> "Comparison":
    """Check the settings, download the corpora and return the comparison."""
    from charloom.cli.terminal.downloads import fetch_corpora
    from charloom.runs.compare import Comparison

    comparison = Comparison(sources, grid, **options)
    fetch_corpora([*sources, *filter(None, [options["validation"], options["test"]])])
    return comparison


def _search(
    comparison: "Comparison",
    folder: Path,
    grid: dict[str, list[Any]],
    settings: dict[str, Any],
    *,
    count: int,
    storage: str | None,
) -> "list[RunResult]":
    """Run ``count`` trials that Optuna suggests; return the results of all processes."""
    from charloom.progress.live_view import choose_view
    from charloom.runs.search import Search, SearchSpace
    from charloom.runs.study import check_optuna

    check_optuna()
    with choose_view() as view:
        fixed = {"options": settings, "texts": comparison.fingerprint(view.on_read)}
    seed = settings.get("seed", 0)
    space = SearchSpace.from_options(grid, settings)
    with Search(folder, space, fixed, count=count, storage=storage, seed=seed) as study:
        comparison.results = study.results()
        study.run(lambda trial: _run_trial(comparison, trial), on_failure=terminal.note)
        comparison.set_results([comparison.with_test_metric(result) for result in study.results()])
        others = study.running_count()
    if others > 0:
        terminal.note(
            f"{others} more {'runs are' if others > 1 else 'run is'} unfinished elsewhere."
        )
    if not comparison.results:
        raise TrainingError(
            "no run of the search reached a result; give a smaller --lr, or read the message of "
            "each run, and start again with another --output."
        )
    return comparison.results


def _run_trial(comparison: "Comparison", trial: "Trial") -> "RunResult":
    """Train one network, with a view of the run on the terminal."""
    from charloom.progress.live_view import choose_view
    from charloom.runs.compare import RunInterrupted

    terminal.note(f"{trial.name}, {trial.number} of {trial.count}")
    try:
        with choose_view() as view:
            return comparison.run(
                trial, listeners=[view], on_start=view.start, on_read=view.on_read
            )
    except RunInterrupted:
        terminal.note("everything is saved; the same compare command resumes this run.")
        raise typer.Exit(INTERRUPTED) from None


def _print_results(results: list["RunResult"], searched: bool, json: bool) -> None:
    if json:
        terminal.write_json([result.to_json() for result in results])
    else:
        rows = _table_rows(results, searched)
        terminal.write_table(rows, right=range(1, len(rows[0])))


def _write_report(folder: Path, results: list["RunResult"], checker: "Checker | None") -> None:
    from charloom.report.files import write_comparison_report

    path = write_comparison_report(
        folder,
        results,
        on_progress=lambda step: terminal.note(f"{step} ..."),
        checker=checker,
    )
    terminal.note(f"report: {path}")


def _default_name(sources: list[str]) -> str:
    return f"{default_output(sources).name}-compared"


def _split_list(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _parse_numbers(name: str, text: str) -> list[int]:
    words = _split_list(text)
    if not all(word.isdecimal() for word in words):
        raise SettingsError(
            f"{name} is {text!r}; allowed: whole numbers with commas between, such as 64,128."
        )
    return [int(word) for word in words]


def _table_rows(results: list["RunResult"], searched: bool) -> list[list[str]]:
    """Return a header and a row for each result.

    For a search, the last columns are the learning rate and the dropout.
    """
    columns: dict[str, Callable[[RunResult], str]] = {
        "": lambda result: result.name,
        "parameters": lambda result: f"{result.parameters:,}",
        "validation": lambda result: f"{result.validation:.4f}",
        "test": lambda result: _format(result.test, ".4f"),
        "above training": lambda result: _format(result.gap, "+.3f"),
        "learned/s": lambda result: _format(result.training_rate, ",.0f"),
        "written/s": lambda result: f"{result.writing_rate:,.0f}",
        "best at": lambda result: f"{result.seconds:.0f} s",
    }
    if any(result.accepted is not None for result in results):
        columns["accepted"] = lambda result: _format(result.accepted, ".1%")
    if searched:
        columns["rate"] = lambda result: f"{result.learning_rate:.4f}"
        columns["dropout"] = lambda result: f"{result.dropout:.2f}"
    return [list(columns), *([cell(result) for cell in columns.values()] for result in results)]


def _format(value: float | None, spec: str) -> str:
    return "" if value is None else format(value, spec)
