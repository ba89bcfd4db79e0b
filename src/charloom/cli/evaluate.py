"""``charloom evaluate``: how well a model predicts texts."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, replace
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
from charloom.display import some
from charloom.settings import TextSettings

if TYPE_CHECKING:
    from charloom.text.sources import Document


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
    texts = documents(sources, model.record.text, columns, label_column, header, encoding)
    known = known_labels(texts, model.record.labels)
    figures = asdict(measure(model.scorer.score(known)))
    if json:
        output.record(figures)
        return
    output.table(((name.replace("_", " "), _shown(figures[name])) for name in figures), right=(1,))


def documents(
    sources: list[str],
    recorded: TextSettings,
    columns: list[str] | None,
    label_column: str | None,
    header: bool | None,
    encoding: str | None,
) -> Iterator["Document"]:
    """Return the documents of the sources, read and cleaned as the model's own text was.

    Its columns concern tables only: they are asked for again where a table is among the sources.
    """
    from charloom.cli.downloads import fetch
    from charloom.text.sources import read, resolve

    given: dict[str, Any] = {
        "columns": split_columns(columns) or (),
        "label_column": label_column,
        "header": header,
        "encoding": encoding or recorded.encoding,
    }
    fetch(sources)
    plain = replace(recorded, **given)
    files = resolve(sources, plain)
    if all(file.format == "text" for file in files):
        return read(files, plain)
    asked = {name: value for name, value in given.items() if value not in (None, ())}
    return read(files, replace(recorded, **asked))


def known_labels(texts: Iterable["Document"], labels: Collection[str]) -> Iterator["Document"]:
    """Yield the documents, those with a label not among ``labels`` without it, as training does.

    At the end, tell once which labels those were.
    """
    strange: dict[str, None] = {}
    for document in texts:
        if document.label is None or document.label in labels:
            yield document
        else:
            strange[document.label] = None
            yield replace(document, label=None)
    if strange:
        output.note(f"labels that the model does not know count as none: {some(strange)}.")


def _shown(figure: float | int) -> str:
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:.4f}"
