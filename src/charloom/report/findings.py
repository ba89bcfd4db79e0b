"""The content of a report as data: measurements, samples, settings, provenance."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from charloom.evaluation.classification import Classification
from charloom.evaluation.diversity import Diversity
from charloom.evaluation.evaluate import Evaluation
from charloom.evaluation.memorisation import Memorisation
from charloom.model_folder.metrics import Curves
from charloom.report.surprise import Surprise


@dataclasses.dataclass(frozen=True, kw_only=True)
class Samples:
    """Generated texts by temperature."""

    label: str | None
    texts: Mapping[float, tuple[str, ...]]

    def to_json(self) -> dict[str, Any]:
        """Return the texts as a JSON object."""
        texts = {str(temperature): list(texts) for temperature, texts in self.texts.items()}
        return {"label": self.label, "texts": texts}


@dataclasses.dataclass(frozen=True, kw_only=True)
class BasicFindings:
    """The report of a model whose texts are missing."""

    name: str
    """The name of the model folder."""
    missing: str | None = None
    """The texts that are missing, and how to name them. None if they were read."""
    model: Mapping[str, Any]
    """Cell, layers, hidden units, level, symbols, labels, parameters, metrics of the run."""
    curves: Curves
    samples: tuple[Samples, ...]
    """One element for each label that is shown, or one for a model without labels."""
    surprise: tuple[Surprise, ...]
    """Chosen texts, then held-out ones."""
    settings: Mapping[str, Mapping[str, Any]]
    """Text, network and training settings."""
    provenance: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return everything as a JSON object."""
        return {
            "name": self.name,
            "missing": self.missing,
            "model": dict(self.model),
            "curves": self.curves.to_json(),
            "samples": [samples.to_json() for samples in self.samples],
            "surprise": [text.to_json() for text in self.surprise],
            "settings": {group: dict(settings) for group, settings in self.settings.items()},
            "provenance": dict(self.provenance),
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Findings(BasicFindings):
    """Everything in the report of one model."""

    evaluation: Evaluation
    """On the held-out texts."""
    baselines: Mapping[str, float] | None
    """Bits per character by baseline; None if the texts are too long for them."""
    classification: Classification | None
    """None if there are no labels, or too many."""
    diversity: tuple[Diversity, ...]
    memorisation: Memorisation

    def to_json(self) -> dict[str, Any]:
        """Return everything as a JSON object."""
        classification = self.classification
        return super().to_json() | {
            "figures": self.evaluation.to_json(),
            "baselines": None if self.baselines is None else dict(self.baselines),
            "classification": None if classification is None else classification.to_json(),
            "diversity": [row.to_json() for row in self.diversity],
            "memorisation": self.memorisation.to_json(),
        }
