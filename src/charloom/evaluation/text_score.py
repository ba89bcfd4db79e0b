"""The score of a text as a flat record, for tables."""

import dataclasses
from typing import Self

from charloom.evaluation.scorer import Score
from charloom.records import Record


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextScore(Record):
    """The score of one text; ``charloom score --format jsonl`` has the same figures."""

    text: str
    """The text before cleaning."""
    label: str | None
    """The label under which it was scored."""
    bits: float
    """Sum over its symbols and the boundary that ends it."""
    characters: int
    """Code points of the cleaned text, plus one for the boundary."""
    bits_per_character: float
    symbols: int
    """Symbols of the cleaned text, plus one for the boundary."""
    unknown: int
    """Symbols that are not in the vocabulary; each was scored as ``<unk>``."""

    @classmethod
    def from_score(cls, text: str, label: str | None, score: Score) -> Self:
        """Return the record of a text and its score."""
        return cls(
            text=text,
            label=label,
            bits=score.bits,
            characters=score.characters,
            bits_per_character=score.bits_per_character,
            symbols=score.symbols,
            unknown=score.unknown,
        )
