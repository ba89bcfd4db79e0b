"""The cost of rounded weights: bits per character before and after."""

import dataclasses
from collections.abc import Sequence
from typing import Final

from charloom.evaluation.evaluate import evaluate
from charloom.evaluation.model_parts import ModelParts
from charloom.model_folder.format import ModelRecord
from charloom.records import Record
from charloom.settings import SamplingSettings
from charloom.text.documents import Block, Document, to_blocks

OWN_TEXTS: Final = 200
"""Texts that the model writes where none are given, at temperature 1."""
_OWN_LENGTH: Final = 200
_SEED: Final = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoundingCost(Record):
    """Bits per character of a model and of the same model with rounded weights."""

    before: float
    after: float
    own_texts: bool
    """Whether the texts were written by the model itself, for lack of others."""

    @property
    def difference(self) -> float:
        """The bits per character that rounding costs."""
        return self.after - self.before


def measure_rounding_cost(
    model: ModelParts, rounded: ModelRecord, texts: Sequence[Block] = ()
) -> RoundingCost:
    """Measure both models on texts; on texts that the model writes if there are none."""
    blocks = list(texts) or _write_texts(model)
    before, after = (
        evaluate(parts.scorer.score_blocks(blocks)).bits_per_character
        for parts in (model, ModelParts(rounded))
    )
    return RoundingCost(before=before, after=after, own_texts=not texts)


def _write_texts(model: ModelParts) -> list[Block]:
    settings = SamplingSettings(temperature=1.0, length=_OWN_LENGTH, seed=_SEED)
    texts = model.generator.generate("", settings, OWN_TEXTS)
    return list(to_blocks(Document(text=text.text) for text in texts))
