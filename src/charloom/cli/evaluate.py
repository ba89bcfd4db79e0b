"""``charloom evaluate``: how well a model predicts texts."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from charloom.cli import output
from charloom.cli.options import (
    Columns,
    Encoding,
    Header,
    Json,
    LabelColumn,
    Run,
    Sources,
    split_columns,
)
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
    encoding: Encoding = None,
    json: Json = False,
) -> None:
    """Measure how well a model predicts texts.

    Lower bits per character are better. The texts are read and cleaned as those that the model
    learned from, unless an option says otherwise.
    """
    from charloom.evaluation.summary import evaluate as measure
    from charloom.model import Model

    model = Model.load(run)
    settings = reading(model.record.text, columns, label_column, header, encoding)
    figures = asdict(measure(model.scorer.score(documents(sources, settings))))
    if json:
        output.record(figures)
        return
    output.table(((name.replace("_", " "), _shown(figures[name])) for name in figures), right=(1,))


def reading(
    recorded: TextSettings,
    columns: list[str] | None,
    label_column: str | None,
    header: bool | None,
    encoding: str | None,
) -> TextSettings:
    """Return how a model's text is read, changed by the options that were given."""
    given = {
        "columns": split_columns(columns),
        "label_column": label_column,
        "header": header,
        "encoding": encoding,
    }
    return replace(recorded, **{name: v for name, v in given.items() if v is not None})  # type: ignore[arg-type]


def documents(sources: list[str], settings: TextSettings) -> Iterator["Document"]:
    """Return the documents of the sources, one after another."""
    from charloom.cli.downloads import fetch
    from charloom.text.sources import read, resolve

    fetch(sources)
    return read(resolve(sources, settings), settings)


def _shown(figure: float | int) -> str:
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:.4f}"
