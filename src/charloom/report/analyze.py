"""The measurements of a report: a model on the held-out texts of its corpus."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from charloom.data.corpus import Corpus
from charloom.errors import CorpusError, SettingsError
from charloom.evaluation.baselines import Documents, measure_baselines
from charloom.evaluation.classification import measure_classification
from charloom.evaluation.diversity import measure_model_diversity
from charloom.evaluation.evaluate import Evaluation, evaluate
from charloom.evaluation.memorisation import Memorisation, measure_memorisation
from charloom.evaluation.sample_sets import draw_samples, matched_held_out
from charloom.evaluation.scorer import ScoredBlock
from charloom.evaluation.training_texts import iter_documents, iter_texts, recover_corpus
from charloom.formatting import quote
from charloom.generation.checker import Checker
from charloom.model import Model
from charloom.model_folder.metrics import read_curves
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
    run: Path,
    *,
    training: Sequence[str] = (),
    validation: str | None = None,
    chosen: Sequence[str] = (),
    seed: int = 0,
    checker: Checker | None = None,
    on_progress: Callable[[str], None] = lambda message: None,
) -> BasicFindings:
    """Measure the model in the folder ``run``.

    ``training`` and ``validation`` name the sources of its texts if they have moved. The result is
    ``Findings`` unless texts are missing. The surprise of the texts ``chosen`` is shown besides
    that of held-out texts. The first sample has the seed ``seed``. ``on_progress`` is called with
    the name of each stage. ``checker`` judges the samples.

    Raises ModelFolderError, CheckerError, the errors of reading texts that were named, and
    SettingsError if a chosen text is blank.
    """
    if blank := [text for text in chosen if not text.strip()]:
        raise SettingsError(f"--text is {quote(blank[0])}; it must not be blank.")
    model = Model.load(run)
    record = model.record
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
        name=replace_surrogates(run.resolve().name),  # folder names may not be valid Unicode
        missing=missing,
        model=_describe_model(model),
        curves=read_curves(run),
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
    model: Model,
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
    memorisation = _measure_memorisation(model, corpus, settings)
    diversity = measure_model_diversity(
        record, model.generator, scorer, corpus, settings, DIVERSITY_SAMPLES, checker
    )
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
    model: Model, settings: SamplingSettings, max_labels: int = MAX_LABELS
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


def _describe_model(model: Model) -> dict[str, Any]:
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


def _measure_memorisation(model: Model, corpus: Corpus, settings: SamplingSettings) -> Memorisation:
    """Compare samples at temperature 1, and held-out texts, with training texts."""
    generated = draw_samples(
        model.generator,
        replace(settings, temperature=1.0),
        MEMORISATION_SAMPLES,
        model.record.labels,
    )
    samples = [text.text for text in generated]
    return measure_memorisation(
        documents=iter_texts(corpus.training),
        samples=samples,
        held_out=matched_held_out(corpus.validation, samples, model.record.text.document_unit),
    )


def _measure_baselines(model: Model, corpus: Corpus) -> dict[str, float] | None:
    datasets = (corpus.training, corpus.validation)
    if max(dataset.total_symbols for dataset in datasets) > MAX_BASELINE_SYMBOLS:
        return None
    vocabulary = model.record.vocabulary
    training, validation = (
        Documents.from_texts(functools.partial(iter_texts, dataset), vocabulary)
        for dataset in datasets
    )
    return measure_baselines(training, validation, len(vocabulary)).bits_per_character
