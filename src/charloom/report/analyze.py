"""The measurements of a report: a model on the held-out texts of its corpus."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from charloom.data.corpus import Corpus
from charloom.data.source_file import Sources
from charloom.errors import CorpusError, SettingsError
from charloom.evaluation.baselines import Documents, measure_baselines
from charloom.evaluation.classification import measure_classification
from charloom.evaluation.diversity import measure_model_diversity
from charloom.evaluation.evaluate import Evaluation, evaluate
from charloom.evaluation.memorisation import measure_model_memorisation
from charloom.evaluation.model_parts import ModelParts
from charloom.evaluation.scorer import ScoredBlock
from charloom.evaluation.training_texts import iter_documents, iter_texts, recover_corpus
from charloom.formatting import quote
from charloom.generation.checker import Checker
from charloom.report.findings import BasicFindings, Findings, Samples
from charloom.report.surprise import score_given, score_held_out
from charloom.settings import SamplingSettings
from charloom.text.documents import Document, to_blocks
from charloom.text.symbols import replace_surrogates

TEMPERATURES: Final = (0.0, 0.5, 0.8, 1.0, 1.3)
"""Temperatures of the samples; 0 is greedy."""
SAMPLES_PER_TEMPERATURE: Final = 4
SAMPLES_PER_LABEL: Final = 2
"""Samples at each temperature if there are several labels."""
UNSAVED: Final = "a model in memory"
"""The name of a model without a folder."""
MAX_LABELS: Final = 6
"""Labels that samples are shown of."""
MEMORISATION_SAMPLES: Final = 500
DIVERSITY_SAMPLES: Final = 200
"""Samples at each temperature."""
MIN_LENGTH: Final = 100
MAX_LENGTH: Final = 600
"""Range of the maximum length of samples in symbols; it depends on the held-out texts."""
MAX_BASELINE_SYMBOLS: Final = 10_000_000
"""Longer training or held-out texts have no baselines, which hold both in memory."""
MAX_CLASSIFIED_LABELS: Final = 50
"""More labels are not predicted: each one scores all held-out texts once more."""


def analyze(
    model: ModelParts,
    *,
    training: Sources = (),
    validation: str | Path | None = None,
    chosen: Sequence[str] = (),
    seed: int = 0,
    checker: Checker | None = None,
    on_progress: Callable[[str], None] = lambda message: None,
) -> BasicFindings:
    """Measure a model; its learning curves are those of its run.

    ``training`` and ``validation`` name the sources of its texts if they have moved. The result is
    ``Findings`` unless texts are missing. The surprise of the texts ``chosen`` is shown besides
    that of held-out texts. The first sample has the seed ``seed``. ``on_progress`` is called with
    the name of each stage. ``checker`` judges the samples.

    Raises CheckerError, the errors of reading texts that were named, ModelFolderError if the curves
    are damaged, and SettingsError if a chosen text is blank.
    """
    if blank := [text for text in chosen if not text.strip()]:
        raise SettingsError(f"--text is {quote(blank[0])}; it must not be blank.")
    record, folder = model.record, model.folder
    on_progress("reading the training texts")
    corpus, missing = None, None
    try:
        corpus = recover_corpus(record, training, validation)
    except CorpusError as error:
        if training or validation:
            raise
        missing = str(error)
    surprise = tuple(score_given(model.scorer, chosen, record.text))
    measured: dict[str, Any] = {}
    length = MAX_LENGTH
    if corpus is not None:
        measured, length = _measure_on_texts(model, corpus, seed, checker, on_progress)
        held_out = iter_documents(corpus, corpus.validation, record.labels)
        surprise += tuple(score_held_out(model.scorer, held_out))
    findings = BasicFindings(
        # Folder names may not be valid Unicode.
        name=UNSAVED if folder is None else replace_surrogates(folder.resolve().name),
        missing=missing,
        model=_describe_model(model),
        curves=model.history.curves,
        samples=sample_at_temperatures(model, SamplingSettings(seed=seed, length=length)),
        surprise=surprise,
        settings={
            "text": record.text.to_json(),
            "network": record.network.to_json(),
            "training": record.training.to_json(),
        },
        provenance=record.provenance,
    )
    return Findings(**vars(findings), **measured) if measured else findings


def _measure_on_texts(
    model: ModelParts,
    corpus: Corpus,
    seed: int,
    checker: Checker | None,
    on_progress: Callable[[str], None],
) -> tuple[dict[str, Any], int]:
    """Return the fields of ``Findings`` that need texts, and the length of samples."""
    record, scorer = model.record, model.scorer
    on_progress("scoring held-out texts")

    def held_out() -> Iterator[Document]:
        return iter_documents(corpus, corpus.validation, record.labels)

    def scored() -> Iterator[ScoredBlock]:
        return scorer.score_blocks(to_blocks(held_out()))

    evaluation = evaluate(scored())
    classify = 2 <= len(record.labels) <= MAX_CLASSIFIED_LABELS
    classification = measure_classification(scorer, scored()) if classify else None
    on_progress("generating texts and searching for copies")
    settings = SamplingSettings(seed=seed, length=sample_length(evaluation))
    memorisation = measure_model_memorisation(
        model, corpus, replace(settings, temperature=1.0), MEMORISATION_SAMPLES
    )
    diversity = measure_model_diversity(model, corpus, settings, DIVERSITY_SAMPLES, checker=checker)
    on_progress("computing baselines")
    measured = {
        "evaluation": evaluation,
        "baselines": _measure_baselines(model, corpus),
        "classification": classification,
        "diversity": tuple(diversity),
        "memorisation": memorisation,
    }
    return measured, settings.length


def sample_length(evaluation: Evaluation) -> int:
    """Return the maximum length of samples in symbols.

    It is four times the mean length of held-out texts, within limits: nearly all real texts are
    shorter, and a sample fits on a screen.
    """
    return max(min(4 * evaluation.symbols // evaluation.documents, MAX_LENGTH), MIN_LENGTH)


def sample_at_temperatures(
    model: ModelParts, settings: SamplingSettings, max_labels: int = MAX_LABELS
) -> tuple[Samples, ...]:
    """Generate texts at each temperature, and for each of the first labels if any."""
    labels: Sequence[str | None] = model.record.labels[:max_labels] or (None,)
    count = SAMPLES_PER_TEMPERATURE if len(labels) == 1 else SAMPLES_PER_LABEL

    def generate(label: str | None, temperature: float) -> tuple[str, ...]:
        chosen = replace(settings, temperature=temperature, label=label)
        # Greedy texts are all the same.
        generated = model.generator.texts("", chosen, count if temperature else 1)
        return tuple(text.text for text in generated)

    return tuple(
        Samples(
            label=label,
            texts={temperature: generate(label, temperature) for temperature in TEMPERATURES},
        )
        for label in labels
    )


def _describe_model(model: ModelParts) -> dict[str, Any]:
    network, record = model.record.network, model.record
    return {
        "cell": network.cell,
        "layers": network.layers,
        "hidden": network.hidden,
        "level": record.vocabulary.level,
        "symbols": len(record.vocabulary),
        "labels": list(record.labels),
        "parameters": sum(tensor.size for tensor in record.tensors.values()),
        "reached": dict(record.metrics),
    }


def _measure_baselines(model: ModelParts, corpus: Corpus) -> dict[str, float] | None:
    datasets = (corpus.training, corpus.validation)
    if max(dataset.total_symbols for dataset in datasets) > MAX_BASELINE_SYMBOLS:
        return None
    vocabulary = model.record.vocabulary
    training, validation = (
        Documents.from_texts(functools.partial(iter_texts, dataset), vocabulary)
        for dataset in datasets
    )
    return measure_baselines(training, validation, len(vocabulary)).bits_per_character
