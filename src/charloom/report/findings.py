"""All that is told of one model: measured figures, samples, what it copied, where it comes from.

What belongs to a model is measured on the validation part of the texts that it learned from, which
are found again (see evaluation/origin.py).
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from charloom.data.corpus import Corpus
from charloom.errors import SettingsError
from charloom.evaluation.baselines import Documents, measure_baselines
from charloom.evaluation.classification import Classification, measure_classification
from charloom.evaluation.diversity import Diversity, measure_model_diversity
from charloom.evaluation.evaluate import Evaluation, evaluate
from charloom.evaluation.memorisation import Memorisation, measure_memorisation
from charloom.evaluation.sample_sets import draw_samples, matched_held_out
from charloom.evaluation.scorer import ScoredBlock
from charloom.evaluation.training_texts import iter_documents, iter_texts, recover_corpus
from charloom.formatting import quote
from charloom.model import Model
from charloom.model_folder.metrics import Curves, read_curves
from charloom.report.surprise import Surprise, score_given, score_held_out
from charloom.settings import SamplingSettings
from charloom.text.documents import to_blocks
from charloom.text.symbols import replace_surrogates

TEMPERATURES: Final = (0.0, 0.5, 0.8, 1.0, 1.3)
"""Of the samples; 0 is greedy."""
SAMPLES_PER_TEMPERATURE: Final = 4
"""At each temperature."""
MAX_LABELS: Final = 6
"""Samples are shown for no more of them."""
MEMORISATION_SAMPLES: Final = 500
"""Texts that are drawn for memorisation."""
DIVERSITY_SAMPLES: Final = 200
"""Texts that are drawn at each temperature for diversity."""
MIN_LENGTH: Final = 100
MAX_LENGTH: Final = 600
"""Symbols of what is drawn, at most; how many of them follows from the held-out texts."""
MAX_BASELINE_SYMBOLS: Final = 10_000_000
"""Of either text, for simpler models, which hold it in memory."""
MAX_CLASSIFIED_LABELS: Final = 50
"""Labels up to which it is told which one a text has: each of them reads all texts once more."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Samples:
    """Texts that a model wrote, by temperature."""

    label: str | None
    texts: Mapping[float, tuple[str, ...]]

    def to_json(self) -> dict[str, Any]:
        """Return the texts as a JSON object."""
        return {"label": self.label, "texts": {str(t): list(own) for t, own in self.texts.items()}}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Findings:
    """What is known of a model."""

    name: str
    model: Mapping[str, Any]
    """Cell, layers, hidden units, level, symbols, parameters."""
    curves: Curves
    figures: Evaluation
    baselines: Mapping[str, float] | None
    """Bits per character of others; None: the training text is too long for them."""
    classification: Classification | None
    """None: there are no labels."""
    samples: tuple[Samples, ...]
    diversity: tuple[Diversity, ...]
    memorisation: Memorisation
    surprise: tuple[Surprise, ...]
    settings: Mapping[str, Mapping[str, Any]]
    provenance: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return everything as a JSON object."""
        classes = self.classification
        return {
            "name": self.name,
            "model": dict(self.model),
            "curves": self.curves.to_json(),
            "figures": self.figures.to_json(),
            "baselines": None if self.baselines is None else dict(self.baselines),
            "classification": None if classes is None else classes.to_json(),
            "samples": [one.to_json() for one in self.samples],
            "diversity": [one.to_json() for one in self.diversity],
            "memorisation": self.memorisation.to_json(),
            "surprise": [one.to_json() for one in self.surprise],
            "settings": {name: dict(own) for name, own in self.settings.items()},
            "provenance": dict(self.provenance),
        }


def analyze(
    run: Path,
    *,
    training: Sequence[str] = (),
    chosen: Sequence[str] = (),
    seed: int = 0,
    on_progress: Callable[[str], None] = lambda what: None,
) -> Findings:
    """Measure the model in a folder.

    ``training`` are the texts that it learned from, if they are not where they were; ``chosen`` are
    texts whose surprise is shown; ``seed`` is that of the first sample; ``told`` hears what is done
    next. Raises ModelFolderError, CorpusError if the texts are not found, and SettingsError if a
    chosen text is blank.
    """
    if blank := [text for text in chosen if not text.strip()]:
        raise SettingsError(f"a text to show is {quote(blank[0])}; it must not be blank.")
    settings = SamplingSettings(seed=seed)
    model = Model.load(run)
    record = model.record
    on_progress("reading the texts that it learned from")
    corpus = recover_corpus(record, training)
    on_progress("scoring held-out texts")
    scorer, kept_back = model.scorer, corpus.validation

    def scored() -> Iterator[ScoredBlock]:
        return scorer.score_blocks(to_blocks(iter_documents(corpus, kept_back, record.labels)))

    figures = evaluate(scored())
    classification = (
        measure_classification(scorer, scored())
        if 2 <= len(record.labels) <= MAX_CLASSIFIED_LABELS
        else None
    )
    surprise = (
        *score_given(scorer, chosen, record.text),
        *score_held_out(scorer, iter_documents(corpus, kept_back, record.labels)),
    )
    on_progress("writing texts and looking for copies")
    settings = replace(settings, length=sample_length(figures))
    memorisation = _measure_memorisation(model, corpus, settings)
    on_progress("asking simpler models")
    return Findings(
        name=replace_surrogates(run.resolve().name),  # not every name of a folder is text
        model=_describe_model(model),
        curves=read_curves(run),
        figures=figures,
        baselines=_measure_baselines(model, corpus),
        classification=classification,
        samples=sample_at_temperatures(model, settings),
        diversity=tuple(
            measure_model_diversity(
                record, model.generator, scorer, corpus, settings, DIVERSITY_SAMPLES
            )
        ),
        memorisation=memorisation,
        surprise=surprise,
        settings={
            "text": record.text.to_json(),
            "network": record.network.to_json(),
            "training": record.training.to_json(),
        },
        provenance=record.provenance,
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


def sample_length(figures: Evaluation) -> int:
    """Return how long texts may get: longer than nearly all real ones, but within a screen."""
    return max(min(4 * figures.symbols // figures.documents, MAX_LENGTH), MIN_LENGTH)


def sample_at_temperatures(
    model: Model, settings: SamplingSettings, max_labels: int = MAX_LABELS
) -> tuple[Samples, ...]:
    """Return texts at each temperature: without a label, or for each of the first labels."""
    labels: list[str | None] = [None] if not model.record.labels else []
    labels += model.record.labels[:max_labels]
    count = SAMPLES_PER_TEMPERATURE if len(labels) == 1 else 2
    return tuple(
        Samples(
            label=label,
            texts={
                temperature: tuple(
                    one.text
                    for one in model.generator.texts(
                        "",
                        replace(settings, temperature=temperature, label=label),
                        count if temperature else 1,  # greedy texts are all the same
                    )
                )
                for temperature in TEMPERATURES
            },
        )
        for label in labels
    )


def _measure_memorisation(model: Model, corpus: Corpus, settings: SamplingSettings) -> Memorisation:
    settings = replace(settings, temperature=1.0)
    written = [
        one.text
        for one in draw_samples(
            model.generator, settings, MEMORISATION_SAMPLES, model.record.labels
        )
    ]
    return measure_memorisation(
        documents=iter_texts(corpus.training),
        samples=written,
        held_out=matched_held_out(corpus.validation, written, model.record.text.unit),
    )


def _measure_baselines(model: Model, corpus: Corpus) -> dict[str, float] | None:
    if max(corpus.training.total_symbols, corpus.validation.total_symbols) > MAX_BASELINE_SYMBOLS:
        return None
    vocabulary = model.record.vocabulary
    known, wanted = (
        Documents.from_texts(functools.partial(iter_texts, part), vocabulary)
        for part in (corpus.training, corpus.validation)
    )
    return measure_baselines(known, wanted, len(vocabulary)).bits_per_character
