"""``charloom score``: how surprising each line is to a model."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from charloom.cli import output
from charloom.cli.evaluate import known_labels, read_blocks
from charloom.cli.generate import check_format
from charloom.cli.options import (
    Columns,
    Header,
    LabelColumn,
    RecordedEncoding,
    Run,
    argument,
    option,
)
from charloom.display import visible

if TYPE_CHECKING:
    from charloom.evaluation.scorer import Score

OptionalSources = Annotated[
    list[str] | None,
    argument("[SOURCE]...", "Files, folders, globs; -, or nothing, for standard input."),
]
Format = Annotated[
    str,
    option("--format", metavar="text|jsonl", default="text", help="jsonl: an object a line."),
]


def score(
    run: Run,
    sources: OptionalSources = None,
    *,
    form: Format = "text",
    columns: Columns = None,
    label_column: LabelColumn = None,
    header: Header = None,
    encoding: RecordedEncoding = None,
) -> None:
    """Score lines by how surprising they are to a model.

    Writes the bits per character of each line, then the line. Lines are cleaned as those that the
    model learned from; blank ones are left out.
    """
    check_format(form)
    from charloom.model import Model

    model = Model.load(run)
    settings = replace(model.record.text, unit="line")
    texts = read_blocks(
        sources or ["-"], settings, columns, label_column, header, encoding, live=True
    )
    write = _text if form == "text" else _json
    for scored in model.scorer.score_blocks(known_labels(texts, model.record.labels)):
        for text, result in zip(scored.block.texts(), scored.scores(), strict=True):
            write(text, result)
        output.flush()


def _text(text: str, result: "Score") -> None:
    output.result(f"{result.bits_per_character:.3f}\t{visible(text)}")


def _json(text: str, result: "Score") -> None:
    output.record(
        {
            "text": text,
            "bits": result.bits,
            "characters": result.characters,
            "bits_per_character": result.bits_per_character,
            "unknown": result.unknown,
        }
    )
