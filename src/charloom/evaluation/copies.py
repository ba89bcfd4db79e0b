"""Find the longest spans that texts share with documents, character by character.

A suffix automaton of the texts scans the documents once, in order. Memory grows with the texts,
and by 8 bytes for each document.

Axes: N characters of all texts, T symbols of all texts with a separator after each, D documents,
Q states of the automaton.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.records import Record
from charloom.text.documents import Document, to_blocks
from charloom.text.symbols import code_units, replace_surrogates

CODE_POINTS = 0x110000


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CopiedSpan(Record):
    """A span of a text that a document contains. Positions count code points from 0."""

    text: str
    start: int
    """Position of the span in the text."""
    document: int
    """Number of the first document that contains it, counted from 0."""
    place: int
    """Position of its first occurrence in that document."""

    @property
    def characters(self) -> int:
        """Length in code points."""
        return len(self.text)

    def to_json(self) -> dict[str, Any]:
        """Return the span as a JSON object."""
        return {"characters": self.characters, **self.to_dict()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Matches:
    """Spans that some texts share with documents."""

    whole_count: int
    """Texts equal to a document; empty texts do not count."""
    spans: tuple[CopiedSpan | None, ...]
    """The first longest copied span of each text; None if no document has any of its characters."""
    lengths: NDArray[np.int64]
    """Characters of each text."""
    match_lengths_N: NDArray[np.int32]
    """Length of the longest copied span that ends at each character."""


class MatchFinder:
    """Compares texts with documents, which are not kept.

    Call ``scan`` once, then ``matches``. Lone surrogates are replaced by U+FFFD, as in the store.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        from charloom.evaluation.suffix_automaton import NOTHING, build_automaton

        self._texts = [replace_surrogates(text) for text in texts]
        self._distinct_texts = {text for text in self._texts if text}
        self._matched_texts: set[str] = set()
        self._document_starts = [np.zeros(1, np.int64)]
        codes_N, stops = _concatenated_codes(self._texts)
        self._bounds = np.concatenate([[0], stops])
        alphabet = np.unique(codes_N)
        self._symbol_of_code = np.full(CODE_POINTS, NOTHING, np.int32)
        self._symbol_of_code[alphabet] = np.arange(1, len(alphabet) + 1)
        # No document contains the separator 0, so no match extends over two texts.
        symbols_T = np.insert(self._symbol_of_code[codes_N], stops, 0)
        self._is_character_T = symbols_T > 0
        self._automaton = build_automaton(symbols_T, len(alphabet) + 1)

    def scan(self, documents: Iterable[str]) -> int:
        """Search all documents once and return their number. No match extends over two."""
        from charloom.evaluation.suffix_automaton import propagate_matches, scan

        characters = count = 0
        for block in to_blocks(self._note_whole_matches(documents)):
            stops_D = np.cumsum(block.lengths)
            scan(self._automaton, self._symbol_of_code[block.codes], stops_D, characters)
            self._document_starts.append(characters + stops_D)
            characters += int(stops_D[-1])
            count += len(stops_D)
        propagate_matches(self._automaton)
        return count

    def matches(self, start: int, stop: int) -> Matches:
        """Return the matches of the texts from number ``start`` to before ``stop``."""
        texts, bounds = self._texts[start:stop], self._bounds[start : stop + 1]
        span = slice(bounds[0], bounds[-1])
        lengths_N = self._per_character(self._automaton.match_length_Q)[span]
        ends_N = self._per_character(self._automaton.match_end_Q)[span]
        return Matches(
            whole_count=sum(text in self._matched_texts for text in texts),
            spans=tuple(self._longest_spans(texts, bounds - bounds[0], lengths_N, ends_N)),
            lengths=np.diff(bounds),
            match_lengths_N=lengths_N,
        )

    def _note_whole_matches(self, documents: Iterable[str]) -> Iterator[Document]:
        for document in documents:
            text = replace_surrogates(document)
            if text in self._distinct_texts:
                self._matched_texts.add(text)
            yield Document(text=text)

    def _per_character(self, values_Q: NDArray[Any]) -> NDArray[Any]:
        """Return the values, (N,), of the states after each character of the texts."""
        return values_Q[1 : len(self._is_character_T) + 1][self._is_character_T]

    def _longest_spans(
        self,
        texts: Sequence[str],
        bounds: NDArray[np.int64],
        lengths_N: NDArray[np.int32],
        ends_N: NDArray[np.int64],
    ) -> Iterator[CopiedSpan | None]:
        document_starts = np.concatenate(self._document_starts)
        for text, first, stop in zip(texts, bounds[:-1], bounds[1:], strict=True):
            last = int(lengths_N[first:stop].argmax()) if text else 0
            length = int(lengths_N[first + last]) if text else 0
            if length == 0:
                yield None
                continue
            position = int(ends_N[first + last]) + 1 - length
            # Several documents may start at a position: all but the last of them are empty.
            document = int(np.searchsorted(document_starts, position, side="right")) - 1
            start = last + 1 - length
            yield CopiedSpan(
                text=text[start : start + length],
                start=start,
                document=document,
                place=position - int(document_starts[document]),
            )


def _concatenated_codes(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the code points of all texts and the index after each text."""
    stops = np.cumsum([len(text) for text in texts], dtype=np.int64)
    return code_units("".join(texts), "char"), stops
