"""``charloom report``: write a page about a model."""

from pathlib import Path
from typing import Annotated

from charloom.cli.options.checker import CheckerOptions
from charloom.cli.options.declared import takes_options
from charloom.cli.options.parsers import decode_argument
from charloom.cli.options.sampling import DEFAULTS, FirstSeed
from charloom.cli.options.shared import Json, Run, Training, Validation, option
from charloom.cli.terminal import output as terminal

Folder = Annotated[
    Path | None,
    option(
        "--output",
        "-o",
        metavar="FOLDER",
        default="the folder of the model",
        help="Folder of report.html and report.json.",
    ),
]
Texts = Annotated[
    list[str] | None,
    option(
        "--text",
        metavar="TEXT",
        parser=decode_argument,
        help="Text to show the surprise of each character of. May be repeated.",
    ),
]


@takes_options(checker_options=CheckerOptions)
def report(
    run: Run,
    *,
    output: Folder = None,
    texts: Texts = None,
    training: Training = None,
    valid: Validation = None,
    seed: FirstSeed = DEFAULTS.seed,
    checker_options: CheckerOptions,
    json: Json = False,
) -> None:
    """Write a page about a model: report.html.

    It has learning curves, quality beside simpler models, samples by temperature, copied spans,
    surprise by character, settings and origin. The page needs no network and runs no script; it
    contains parts of the training texts. The same figures are written to report.json. If the
    texts are missing, the page has all that needs none of them. With --checker, it also has the
    fraction of texts that are accepted at each temperature.
    """
    from charloom.model import Model
    from charloom.model_folder.hub import local_path
    from charloom.report.files import write_report as write

    report = write(
        Model.load(run),
        output or local_path(run),
        training=training or (),
        validation=valid,
        chosen=texts or (),
        seed=seed,
        checker=checker_options.make(),
        on_progress=lambda step: terminal.note(f"{step} ..."),
    )
    if report.figures["missing"] is not None:
        missing = report.figures["missing"]
        terminal.note(f"the report has no measurements on texts: {missing}")
    if json:
        terminal.write_json(report.figures)
    else:
        terminal.write_result(str(report.page))
