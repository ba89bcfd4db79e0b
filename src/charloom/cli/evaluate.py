"""``charloom evaluate``: how well a model predicts texts."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from charloom.cli import output
from charloom.cli.options import (
    Columns,
    Header,
    Json,
    LabelColumn,
    RecordedEncoding,
    Run,
    Sources,
    split_columns,
)
from charloom.display import quoted, some
from charloom.settings import TextSettings

if TYPE_CHECKING:
    from charloom.evaluation.summary import Evaluation
    from charloom.text.blocks import Block


def evaluate(
    run: Run,
    sources: Sources,
    *,
    columns: Columns = None,
    label_column: LabelColumn = None,
    header: Header = None,
    encoding: RecordedEncoding = None,
    json: Json = False,
) -> None:
    """Measure how well a model predicts texts.

    Lower bits per character are better. The texts are read and cleaned as those that the model
    learned from, unless an option says otherwise.
    """
    from charloom.evaluation.summary import evaluate as measure
    from charloom.model import Model

    model = Model.load(run)
    texts = read_blocks(sources, model.record.text, columns, label_column, header, encoding)
    known = known_labels(texts, model.record.labels)
    figures = measure(model.scorer.score_blocks(known))
    if json:
        output.record(figures.to_json())
        return
    output.table(_rows(figures), right=(1,))
    if figures.labels:
        output.result("")
        output.table(_label_rows(figures), right=(1, 2, 3))


def read_blocks(
    sources: list[str],
    recorded: TextSettings,
    columns: list[str] | None,
    label_column: str | None,
    header: bool | None,
    encoding: str | None,
    *,
    live: bool = False,
) -> Iterator["Block"]:
    """Return the documents of the sources, read and cleaned as the model's own text was.

    Its columns concern tables only: they are asked for again where a table is among the sources.
    With ``live``, lines of standard input come as soon as they are there.
    """
    from charloom.cli.downloads import fetch
    from charloom.text.sources import read_blocks, resolve

    given: dict[str, Any] = {
        "columns": split_columns(columns) or (),
        "label_column": label_column,
        "header": header,
        "encoding": encoding or recorded.encoding,
    }
    fetch(sources)
    plain = replace(recorded, **given)
    files = resolve(sources, plain, live=live)
    if all(file.format == "text" for file in files):
        return read_blocks(files, plain)
    asked = {name: value for name, value in given.items() if value not in (None, ())}
    return read_blocks(files, replace(recorded, **asked))


def known_labels(blocks: Iterable["Block"], labels: Collection[str]) -> Iterator["Block"]:
    """Yield the blocks, texts with a label not among ``labels`` without it, as training does.

    At the end, tell once which labels those were.
    """
    strange: dict[str, None] = {}
    for block in blocks:
        own = block.labels or ()
        others = dict.fromkeys(x for x in own if x is not None and x not in labels)
        strange |= others
        left = [None if x in others else x for x in own]
        yield replace(block, labels=left) if others else block
    if strange:
        output.note(f"labels that the model does not know count as none: {some(strange)}.")


def _rows(figures: "Evaluation") -> list[tuple[str, str]]:
    """Return name and value of each figure of the whole text."""
    values = {
        name: value
        for name, value in figures.to_json().items()
        if name not in ("labels", "interval")
    }
    rows = [(name.replace("_", " "), _shown(value)) for name, value in values.items()]
    interval = figures.interval
    told = "too short a text" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"
    return [rows[0], ("95 % of samples", told), *rows[1:]]


def _label_rows(figures: "Evaluation") -> list[tuple[str, ...]]:
    """Return a header, and the figures of each label."""
    return [
        ("label", "bits per character", "accuracy", "documents"),
        *(
            (
                quoted(label) if label else "none",
                _shown(own.bits_per_character),
                _shown(own.accuracy),
                _shown(own.documents),
            )
            for label, own in figures.labels.items()
        ),
    ]


def _shown(figure: float | int) -> str:
    if isinstance(figure, int):
        return f"{figure:,}"
    return f"{figure:.4f}" if figure < 1000 else f"{figure:,.1f}"
