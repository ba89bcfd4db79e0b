"""``charloom score``: how surprising each line is to a model."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from charloom.cli import output
from charloom.cli.evaluate import documents, known_labels
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
    from charloom.evaluation.scorer import Score, Scorer
    from charloom.text.sources import Document

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
    read = documents(sources or ["-"], settings, columns, label_column, header, encoding)
    lines = known_labels(read, model.record.labels)
    write = _text if form == "text" else _json
    for document, result in _paired(model.scorer, lines):
        write(document, result)


def _paired(scorer: "Scorer", lines: Iterable["Document"]) -> Iterator[tuple["Document", "Score"]]:
    """Yield each line with its score; holds only those lines that the scorer has in hand."""
    waiting: deque[Document] = deque()

    def remembered() -> Iterator["Document"]:
        for line in lines:
            waiting.append(line)
            yield line

    for result in scorer.score(remembered()):
        yield waiting.popleft(), result


def _text(document: "Document", result: "Score") -> None:
    output.result(f"{result.bits_per_character:.3f}\t{visible(document.text)}")


def _json(document: "Document", result: "Score") -> None:
    output.record(
        {
            "text": document.text,
            "bits": result.bits,
            "characters": result.characters,
            "bits_per_character": result.bits_per_character,
            "unknown": result.unknown,
        }
    )
