"""Texts with the surprise of each of their symbols, to be shown in the report."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from charloom.errors import SettingsError
from charloom.evaluation.score_lines import score_lines
from charloom.evaluation.scorer import Scorer
from charloom.formatting import quote
from charloom.settings import TextSettings
from charloom.text.cleaning import clean_document
from charloom.text.documents import Document, to_blocks
from charloom.text.symbols import count_characters

MAX_SHOWN: Final = 9
"""Held-out texts that are shown."""
MAX_DOCUMENTS: Final = 2000
MAX_CHARACTERS: Final = 200_000
"""The texts shown are selected from this many of the first held-out texts."""
CHUNK_SYMBOLS: Final = 400
"""Longer texts are shown in chunks of this length."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surprise:
    """A text, or a chunk of one, with the surprise of each symbol in bits."""

    bits_per_character: float
    symbols: tuple[tuple[str, float], ...]
    """In order; the last one is the boundary, unless ``ends`` is false."""
    given: bool
    """Whether the user chose the text."""
    begins: bool
    """Whether it is the beginning of its text."""
    ends: bool
    """Whether it is the end of its text."""

    def to_json(self) -> dict[str, Any]:
        """Return the text as a JSON object."""
        return dataclasses.asdict(self)


def score_given(scorer: Scorer, texts: Sequence[str], settings: TextSettings) -> list[Surprise]:
    """Return texts that the user chose, cleaned by ``settings``, long ones in chunks.

    Raises SettingsError if cleaning leaves nothing of a text.
    """
    cleaned = [Document(text=clean_document(text, settings)) for text in texts]
    for text, document in zip(texts, cleaned, strict=True):
        if not document.text.strip():
            raise SettingsError(
                f"--text is {quote(text)}, of which cleaning leaves nothing; give a text with at "
                "least one other character."
            )
    return list(_score_chunks(scorer, cleaned, given=True))


def score_held_out(scorer: Scorer, documents: Iterable[Document]) -> list[Surprise]:
    """Return texts evenly spaced in the ranking from least to most surprising."""
    chosen, is_cut = _first_documents(documents)
    chunks = list(_score_chunks(scorer, chosen, given=False))
    if is_cut:
        chunks.pop()  # it does not end where its text does
    chunks = [
        chunk
        for chunk in chunks
        # The last chunk of a long text may be a single word.
        if chunk.begins or len(chunk.symbols) > CHUNK_SYMBOLS // 2
    ]
    chunks.sort(key=lambda chunk: chunk.bits_per_character)
    count = min(MAX_SHOWN, len(chunks))
    return [chunks[k * (len(chunks) - 1) // max(count - 1, 1)] for k in range(count)]


def _first_documents(documents: Iterable[Document]) -> tuple[list[Document], bool]:
    """Return the first documents within the limits, and whether the last one was cut."""
    chosen: list[Document] = []
    characters_left = MAX_CHARACTERS
    for document in itertools.islice(documents, MAX_DOCUMENTS):
        if len(document.text) > characters_left:
            cut = dataclasses.replace(document, text=document.text[:characters_left])
            return [*chosen, cut], True
        chosen.append(document)
        characters_left -= len(document.text)
    return chosen, False


def _score_chunks(
    scorer: Scorer, documents: Iterable[Document], *, given: bool
) -> Iterator[Surprise]:
    level = scorer.vocabulary.level
    for lines in score_lines(scorer, to_blocks(documents), per_symbol=True):
        for line in lines:
            symbols = tuple(line.symbols or ())
            for first in range(0, len(symbols), CHUNK_SYMBOLS):
                chunk = symbols[first : first + CHUNK_SYMBOLS]
                ends = first + CHUNK_SYMBOLS >= len(symbols)
                inside = chunk[:-1] if ends else chunk  # the boundary counts as one character
                count = sum(count_characters(symbol, level) for symbol, _ in inside) + ends
                yield Surprise(
                    bits_per_character=sum(bits for _, bits in chunk) / max(count, 1),
                    symbols=chunk,
                    given=given,
                    begins=first == 0,
                    ends=ends,
                )
