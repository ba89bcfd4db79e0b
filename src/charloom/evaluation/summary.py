"""How well a model predicts a body of text: sums over documents, divided once at the end."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from charloom import units
from charloom.errors import CorpusError
from charloom.evaluation.scorer import Score


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The figures of a model on a body of text; boundaries are counted, one a document."""

    bits_per_character: float
    """Bits per character of the original text, whatever the level of the model."""
    nats_per_symbol: float
    perplexity: float
    """Of a symbol: exp(nats_per_symbol)."""
    characters: int
    symbols: int
    documents: int
    unknown: int
    """Symbols that the vocabulary lacks; each was scored as ``<unk>``, so the figures flatter."""

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return dataclasses.asdict(self)


def evaluate(scores: Iterable[Score]) -> Evaluation:
    """Return the figures of all documents together; raises CorpusError if there are none."""
    nats, symbols, characters, unknown, documents = 0.0, 0, 0, 0, 0
    for score in scores:
        nats += score.nats
        symbols += score.symbols
        characters += score.characters
        unknown += score.unknown
        documents += 1
    if documents == 0:
        raise CorpusError("there is no document to evaluate; give at least one line of text.")
    return Evaluation(
        bits_per_character=units.bits_per_character(nats, characters),
        nats_per_symbol=nats / symbols,
        perplexity=units.perplexity(nats, symbols),
        characters=characters,
        symbols=symbols,
        documents=documents,
        unknown=unknown,
    )
