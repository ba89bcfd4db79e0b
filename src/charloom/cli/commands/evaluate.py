"""``charloom evaluate``: measure how well a model predicts texts."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from charloom.cli.options.declared import SettingOptions, takes_options
from charloom.cli.options.mixture import MixtureOptions
from charloom.cli.options.shared import Json, Run, Sources, Training, Validation, option
from charloom.cli.options.tables import TABLE_SETTINGS
from charloom.cli.terminal import output
from charloom.cli.terminal.inputs import TableOptions, drop_unknown_labels, read_blocks
from charloom.errors import SettingsError
from charloom.formatting import BASELINE_NAMES, format_metric, quote

if TYPE_CHECKING:
    from charloom.data.corpus import Corpus
    from charloom.evaluation.baselines import Baselines
    from charloom.evaluation.evaluate import Evaluation
    from charloom.mixture import MixturePart
    from charloom.model import Model
    from charloom.text.documents import Block


BaselinesOption = Annotated[
    bool,
    option(
        "--baselines",
        help="Also measure simpler models and compressors with access to the training texts.",
    ),
]


@takes_options(mixture=MixtureOptions, options=TABLE_SETTINGS)
def evaluate(
    run: Run,
    sources: Sources,
    *,
    mixture: MixtureOptions,
    options: SettingOptions,
    baselines: BaselinesOption = False,
    training: Training = None,
    valid: Validation = None,
    json: Json = False,
) -> None:
    """Measure how well a model predicts texts.

    Lower bits per character are better. The texts are read and cleaned as the training texts were,
    unless an option changes that. With --mix, the last table has each model alone.
    """
    for name, given in (("--training", training), ("--valid", valid)):
        if given and not baselines:
            raise SettingsError(f"{name} was given without --baselines; add that.")
    if baselines and mixture.mix:
        raise SettingsError("--baselines and --mix contradict each other; give one of them.")
    from charloom.evaluation.evaluate import evaluate as measure
    from charloom.evaluation.training_texts import recover_corpus

    model = mixture.load(run)
    blocks = read_blocks(sources, model.record.text, TableOptions(**options))
    corpus = recover_corpus(model.record, training or (), valid) if baselines else None
    blocks = drop_unknown_labels(blocks, model.record.labels)
    recorded: list[Block] = []
    if corpus is not None or mixture.mix:
        blocks = _record_blocks(blocks, recorded)
    evaluation = measure(model.scorer.score_blocks(blocks))
    others = None if corpus is None else _measure_baselines(model, corpus, recorded)
    parts = _measure_parts(model, [run, *mixture.folders], recorded) if mixture.mix else ()
    if json:
        extra: dict[str, Any] = {}
        if others is not None:
            extra["baselines"] = others.bits_per_character
        if parts:
            extra["models"] = [part.to_dict() for part in parts]
        output.write_json(evaluation.to_json() | extra)
        return
    output.write_table(evaluation.rows(), right=(1,))
    if others is not None:
        output.write_result("")
        output.write_table(_baseline_rows(evaluation, others), right=(1,))
    if evaluation.labels:
        output.write_result("")
        output.write_table(_label_rows(evaluation), right=(1, 2, 3))
    if parts:
        output.write_result("")
        output.write_table(_part_rows(evaluation, parts), right=(1, 2, 3))


def _record_blocks(blocks: Iterable["Block"], recorded: list["Block"]) -> Iterator["Block"]:
    """Yield the blocks, and append each to ``recorded`` for the baselines."""
    for block in blocks:
        recorded.append(block)
        yield block


def _measure_parts(
    model: "Model", runs: Sequence[Path], blocks: list["Block"]
) -> tuple["MixturePart", ...]:
    """Measure each model of a mixture alone."""
    from charloom.mixture import Mixture
    from charloom.model_folder.hub import run_name

    assert isinstance(model, Mixture)
    return model.measure_parts(blocks, [run_name(run) for run in runs])


def _part_rows(evaluation: "Evaluation", parts: Sequence["MixturePart"]) -> list[tuple[str, ...]]:
    """Return a header, the mixture, and each of its models."""
    return [
        ("", "weight", "bits per character", "unknown"),
        ("mixture", "", format_metric(evaluation.bits_per_character), f"{evaluation.unknown:,}"),
        *(
            (
                f"{part.model} alone",
                f"{part.weight:g}",
                format_metric(part.bits_per_character),
                f"{part.unknown:,}",
            )
            for part in parts
        ),
    ]


def _measure_baselines(model: "Model", corpus: "Corpus", blocks: list["Block"]) -> "Baselines":
    """Return the bits per character of simpler models and compressors on the blocks."""
    from charloom.evaluation.baselines import Documents, measure_baselines
    from charloom.evaluation.training_texts import iter_texts
    from charloom.text.documents import to_documents

    vocabulary = model.record.vocabulary
    return measure_baselines(
        Documents.from_texts(lambda: iter_texts(corpus.training), vocabulary),
        Documents.from_texts(
            lambda: (document.text for document in to_documents(blocks)), vocabulary
        ),
        len(vocabulary),
    )


def _baseline_rows(evaluation: "Evaluation", others: "Baselines") -> list[tuple[str, str]]:
    """Return a header, and the bits per character of model and baselines, best first."""
    bits = {BASELINE_NAMES[name]: value for name, value in others.bits_per_character.items()}
    bits["this model"] = evaluation.bits_per_character
    rows = sorted(bits.items(), key=lambda row: row[1])
    return [("", "bits per character"), *((name, format_metric(value)) for name, value in rows)]


def _label_rows(evaluation: "Evaluation") -> list[tuple[str, ...]]:
    """Return a header, and the metrics of each label."""
    return [
        ("label", "bits per character", "accuracy", "documents"),
        *(
            (
                quote(label) if label else "none",
                format_metric(metrics.bits_per_character),
                format_metric(metrics.accuracy),
                format_metric(metrics.documents),
            )
            for label, metrics in evaluation.labels.items()
        ),
    ]
