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
class Findings:
    """Everything in the report of one model."""

    name: str
    """The name of the model folder."""
    model: Mapping[str, Any]
    """Cell, layers, hidden units, level, symbols, labels, parameters, metrics of the run."""
    curves: Curves
    evaluation: Evaluation
    """On the held-out texts."""
    baselines: Mapping[str, float] | None
    """Bits per character by baseline; None if the texts are too long for them."""
    classification: Classification | None
    """None if there are no labels, or too many."""
    samples: tuple[Samples, ...]
    """One element for each label that is shown, or one for a model without labels."""
    diversity: tuple[Diversity, ...]
    memorisation: Memorisation
    surprise: tuple[Surprise, ...]
    settings: Mapping[str, Mapping[str, Any]]
    """Text, network and training settings."""
    provenance: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return everything as a JSON object."""
        classification = self.classification
        return {
            "name": self.name,
            "model": dict(self.model),
            "curves": self.curves.to_json(),
            "figures": self.evaluation.to_json(),
            "baselines": None if self.baselines is None else dict(self.baselines),
            "classification": None if classification is None else classification.to_json(),
            "samples": [samples.to_json() for samples in self.samples],
            "diversity": [row.to_json() for row in self.diversity],
            "memorisation": self.memorisation.to_json(),
            "surprise": [text.to_json() for text in self.surprise],
            "settings": {group: dict(settings) for group, settings in self.settings.items()},
            "provenance": dict(self.provenance),
        }
