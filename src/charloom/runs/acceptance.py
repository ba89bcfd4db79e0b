"""The share of texts that a checker accepts, during a run."""

import dataclasses
from typing import Final

from charloom.data.dataset import Dataset
from charloom.evaluation.sample_sets import draw_samples
from charloom.formatting import format_count
from charloom.generation.checker import Checker, accepted_share
from charloom.generation.generator import Generator
from charloom.model_folder.format import ModelRecord
from charloom.network.engine import Engine
from charloom.runs.listeners import Weights
from charloom.settings import SamplingSettings

_LENGTH: Final = 500
"""Length limit of checked texts in symbols, that of generated texts by default."""
_LOW_SHARE: Final = 0.5
"""A smaller share of accepted training texts is a sign of a checker that is not for them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Acceptance:
    """Judges texts of the network of a run.

    They are sampled at temperature 1, with the seed of the run.
    """

    checker: Checker
    record: ModelRecord
    weights: Weights

    def share(self) -> float:
        """Return the fraction of accepted texts with the current weights.

        Raises CheckerError.
        """
        record = self.record
        generator = Generator(
            Engine(record.network, self.weights()),
            record.vocabulary,
            record.labels,
            endless=record.is_one_stream,
        )
        settings = SamplingSettings(temperature=1.0, length=_LENGTH, seed=record.training.seed)
        samples = draw_samples(generator, settings, record.training.checked_texts, record.labels)
        return accepted_share(self.checker, [sample.text for sample in samples])

    def try_on(self, training_set: Dataset) -> str:
        """Return a sentence on the training texts that are accepted.

        So a checker that fails does so before the first step. Raises CheckerError.
        """
        count = min(len(training_set), self.record.training.checked_texts)
        # Texts are sampled up to this length too; a stream is one text of all sources.
        places = (k * len(training_set) // count for k in range(count))
        texts = [training_set.text(place)[:_LENGTH] for place in places]
        share = accepted_share(self.checker, texts)
        note = f"the checker accepts {share:.0%} of {format_count(count, 'training text')}"
        return note + ("; is it made for them?" if share < _LOW_SHARE else ".")
