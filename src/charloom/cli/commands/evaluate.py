"""``charloom evaluate``: how well a model predicts texts."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from charloom.cli.options.shared import (
    Columns,
    Header,
    Json,
    LabelColumn,
    RecordedEncoding,
    Run,
    Sources,
    Training,
    option,
    split_columns,
)
from charloom.cli.terminal import output
from charloom.errors import SettingsError
from charloom.formatting import BASELINE_NAMES, format_metric, quote, summarize
from charloom.settings import TextSettings

if TYPE_CHECKING:
    from charloom.data.corpus import Corpus
    from charloom.evaluation.baselines import Baselines
    from charloom.evaluation.evaluate import Evaluation
    from charloom.model import Model
    from charloom.text.documents import Block


BaselinesOption = Annotated[
    bool,
    option(
        "--baselines",
        help="Also tell what simpler models and compressors that know the training text need.",
    ),
]


def evaluate(
    run: Run,
    sources: Sources,
    *,
    columns: Columns = None,
    label_column: LabelColumn = None,
    header: Header = None,
    encoding: RecordedEncoding = None,
    baselines: BaselinesOption = False,
    training: Training = None,
    json: Json = False,
) -> None:
    """Measure how well a model predicts texts.

    Lower bits per character are better. The texts are read and cleaned as those that the model
    learned from, unless an option says otherwise.
    """
    if training and not baselines:
        raise SettingsError("--training was given without --baselines; add that.")
    from charloom.evaluation.evaluate import evaluate as measure
    from charloom.evaluation.training_texts import recover_corpus
    from charloom.model import Model

    model = Model.load(run)
    texts = read_blocks(sources, model.record.text, columns, label_column, header, encoding)
    corpus = recover_corpus(model.record, training or ()) if baselines else None
    known = drop_unknown_labels(texts, model.record.labels)
    kept: list[Block] = []
    figures = measure(model.scorer.score_blocks(_record_blocks(known, kept) if corpus else known))
    others = None if corpus is None else _measure_baselines(model, corpus, kept)
    if json:
        beside = {} if others is None else {"baselines": others.bits_per_character}
        output.write_json(figures.to_json() | beside)
        return
    output.write_table(_metric_rows(figures), right=(1,))
    if others is not None:
        output.write_result("")
        output.write_table(_baseline_rows(figures, others), right=(1,))
    if figures.labels:
        output.write_result("")
        output.write_table(_label_rows(figures), right=(1, 2, 3))


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
    from charloom.cli.terminal.downloads import fetch_corpora
    from charloom.data.sources import read_blocks, resolve_sources

    given: dict[str, Any] = {
        "columns": split_columns(columns) or (),
        "label_column": label_column,
        "header": header,
        "encoding": encoding or recorded.encoding,
    }
    fetch_corpora(sources)
    plain = replace(recorded, **given)
    files = resolve_sources(sources, plain, live=live)
    if all(file.format == "text" for file in files):
        return read_blocks(files, plain)
    asked = {name: value for name, value in given.items() if value not in (None, ())}
    return read_blocks(files, replace(recorded, **asked))


def drop_unknown_labels(blocks: Iterable["Block"], labels: Collection[str]) -> Iterator["Block"]:
    """Yield the blocks, texts with a label not among ``labels`` without it, as training does.

    At the end, tell once which labels those were.
    """
    from charloom.text.documents import keep_labels

    strange: dict[str, None] = {}
    yield from keep_labels(blocks, labels, strange)
    if strange:
        output.note(f"labels that the model does not know count as none: {summarize(strange)}.")


def _record_blocks(blocks: Iterable["Block"], kept: list["Block"]) -> Iterator["Block"]:
    """Yield the blocks, and keep them for those who read the same texts after the model has."""
    for block in blocks:
        kept.append(block)
        yield block


def _measure_baselines(model: "Model", corpus: "Corpus", kept: list["Block"]) -> "Baselines":
    """Return what simpler models and compressors need for the texts of the blocks."""
    from charloom.evaluation.baselines import Documents, measure_baselines
    from charloom.evaluation.training_texts import iter_texts
    from charloom.text.documents import to_documents

    vocabulary = model.record.vocabulary
    return measure_baselines(
        Documents.from_texts(lambda: iter_texts(corpus.training), vocabulary),
        Documents.from_texts(
            lambda: (document.text for document in to_documents(kept)), vocabulary
        ),
        len(vocabulary),
    )


def _baseline_rows(figures: "Evaluation", others: "Baselines") -> list[tuple[str, str]]:
    """Return a header, and the bits per character of the model and of the others, best first."""
    named = {BASELINE_NAMES[name]: bits for name, bits in others.bits_per_character.items()}
    named["this model"] = figures.bits_per_character
    rows = sorted(named.items(), key=lambda row: row[1])
    return [("", "bits per character"), *((name, format_metric(bits)) for name, bits in rows)]


def _metric_rows(figures: "Evaluation") -> list[tuple[str, str]]:
    """Return name and value of each figure of the whole text."""
    values = {
        name: value
        for name, value in figures.to_json().items()
        if name not in ("labels", "interval")
    }
    rows = [(name.replace("_", " "), format_metric(value)) for name, value in values.items()]
    interval = figures.interval
    told = "too short a text" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"
    return [rows[0], ("95 % of samples", told), *rows[1:]]


def _label_rows(figures: "Evaluation") -> list[tuple[str, ...]]:
    """Return a header, and the figures of each label."""
    return [
        ("label", "bits per character", "accuracy", "documents"),
        *(
            (
                quote(label) if label else "none",
                format_metric(own.bits_per_character),
                format_metric(own.accuracy),
                format_metric(own.documents),
            )
            for label, own in figures.labels.items()
        ),
    ]
