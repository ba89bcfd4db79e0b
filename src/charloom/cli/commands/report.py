"""``charloom report``: all that is known of a model, as one page."""

from pathlib import Path
from typing import Annotated

from charloom.cli.options.shared import FirstSeed, Json, Run, Training, decode_argument, option
from charloom.cli.terminal import output as terminal

Folder = Annotated[
    Path | None,
    option(
        "--output",
        "-o",
        metavar="FOLDER",
        default="the model's own folder",
        help="Folder of report.html and report.json.",
    ),
]
Texts = Annotated[
    list[str] | None,
    option(
        "--text",
        metavar="TEXT",
        parser=decode_argument,
        help="A text whose surprise is shown by character; may be repeated.",
    ),
]


def report(
    run: Run,
    *,
    output: Folder = None,
    texts: Texts = None,
    training: Training = None,
    seed: FirstSeed = 0,
    json: Json = False,
) -> None:
    """Write all that is known of a model as one page: report.html.

    Learning curves, quality beside simpler models, samples by temperature, what was copied, which
    characters surprise, settings and origin. The page needs no network and runs no script; it holds
    parts of the texts that the model learned from. The same figures are written as report.json.
    """
    from charloom.report.files import write_report as write

    path, findings = write(
        run,
        output,
        training=training or (),
        chosen=texts or (),
        seed=seed,
        on_progress=lambda what: terminal.note(f"{what} ..."),
    )
    if json:
        terminal.write_json(findings.to_json())
    else:
        terminal.write_result(str(path))
