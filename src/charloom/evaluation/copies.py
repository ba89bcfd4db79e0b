"""What texts have in common with documents, letter for letter and within one document.

The texts become an automaton, and the documents are read through it, once and in order: memory
grows with the texts, and with 8 bytes for each document, whatever the documents hold.

Axes: N characters of all texts, T symbols of all texts, with a separator after each text.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.text.documents import Document, to_blocks
from charloom.text.symbols import code_units, replace_surrogates

CODE_POINTS = 0x110000


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CopiedSpan:
    """A span of a text that stands in a document; places are code points from the beginning."""

    text: str
    start: int
    """Where it begins in the text."""
    document: int
    """The first document that it stands in, counted from 0."""
    place: int
    """Where it begins in that document, for the first time."""

    @property
    def characters(self) -> int:
        """Its code points."""
        return len(self.text)

    def to_json(self) -> dict[str, Any]:
        """Return the span as a JSON object."""
        return {"characters": self.characters, **dataclasses.asdict(self)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Matches:
    """What some texts have in common with documents."""

    whole_count: int
    """Texts that are a document; an empty one is none."""
    spans: tuple[CopiedSpan | None, ...]
    """The longest copied span of each text, the first of several; None: it shares no character."""
    lengths: NDArray[np.int64]
    """Characters of each text."""
    match_lengths_N: NDArray[np.int32]
    """Of each character of the texts: how long the longest copied span is that ends there."""


class MatchFinder:
    """Holds texts against documents; no document is kept.

    Lone surrogates are read as U+FFFD, as everywhere.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        from charloom.evaluation.suffix_automaton import NOTHING, build_automaton

        self._texts = [replace_surrogates(text) for text in texts]
        self._distinct_texts = {text for text in self._texts if text}
        self._matched_texts: set[str] = set()
        self._starts = [np.zeros(1, np.int64)]
        symbols, self._stops = _concatenated_codes(self._texts)
        different = np.unique(symbols)
        self._symbol_of = np.full(CODE_POINTS, NOTHING, np.int32)
        self._symbol_of[different] = np.arange(1, len(different) + 1)
        # No document has the separator, so that no span reaches over two texts.
        separated = np.insert(self._symbol_of[symbols], self._stops, 0)
        self._is_character_T = separated > 0
        self._automaton = build_automaton(separated, len(different) + 1)

    def scan(self, documents: Iterable[str]) -> int:
        """Read documents, each apart from its neighbours; return how many. To be called once."""
        from charloom.evaluation.suffix_automaton import propagate_matches, scan

        characters = count = 0
        for block in to_blocks(self._note_whole_matches(documents)):
            stops = np.cumsum(block.lengths)
            scan(self._automaton, self._symbol_of[block.codes], stops, characters)
            self._starts.append(characters + stops)
            characters += int(stops[-1])
            count += len(stops)
        propagate_matches(self._automaton)
        return count

    def matches(self, start: int, stop: int) -> Matches:
        """Return what was found of some of the texts."""
        bounds = np.concatenate([[0], self._stops])[start : stop + 1]
        texts, here = self._texts[start:stop], slice(bounds[0], bounds[-1])
        copied_N = self._per_character(self._automaton.length_Q)[here]
        place_N = self._per_character(self._automaton.place_Q)[here]
        return Matches(
            whole_count=sum(text in self._matched_texts for text in texts),
            spans=tuple(self._spans(texts, bounds - bounds[0], copied_N, place_N)),
            lengths=np.diff(bounds),
            match_lengths_N=copied_N,
        )

    def _note_whole_matches(self, documents: Iterable[str]) -> Iterator[Document]:
        for document in documents:
            text = replace_surrogates(document)
            if text in self._distinct_texts:
                self._matched_texts.add(text)
            yield Document(text=text)

    def _per_character(self, values_Q: NDArray[Any]) -> NDArray[Any]:
        """Return the values of the states that the text's beginnings lead to: (N,)."""
        return values_Q[1 : len(self._is_character_T) + 1][self._is_character_T]

    def _spans(
        self,
        texts: Sequence[str],
        bounds: NDArray[np.int64],
        copied_N: NDArray[np.int32],
        place_N: NDArray[np.int64],
    ) -> Iterator[CopiedSpan | None]:
        starts = np.concatenate(self._starts)
        for text, first, stop in zip(texts, bounds[:-1], bounds[1:], strict=True):
            last = int(copied_N[first:stop].argmax()) if text else 0
            length = int(copied_N[first + last]) if text else 0
            if length == 0:
                yield None
                continue
            begins = int(place_N[first + last]) + 1 - length
            # Of documents that begin at the same place all but the last are empty.
            document = int(np.searchsorted(starts, begins, side="right")) - 1
            start = last + 1 - length
            yield CopiedSpan(
                text=text[start : start + length],
                start=start,
                document=document,
                place=begins - int(starts[document]),
            )


def _concatenated_codes(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the code points of all texts, and where each text ends among them."""
    stops = np.cumsum([len(text) for text in texts], dtype=np.int64)
    return code_units("".join(texts), "char"), stops
