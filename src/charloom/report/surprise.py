"""Texts with the surprise of each of their symbols, chosen to be looked at."""

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
"""Of the held-out texts among which these are chosen, from the first on."""
CHUNK_SYMBOLS: Final = 400
"""Symbols that are shown of a text; a longer one gives several pieces."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surprise:
    """A text, or a piece of one, with the bits of each of its symbols."""

    bits_per_character: float
    symbols: tuple[tuple[str, float], ...]
    """In order; the boundary is the last one, unless ``ends`` is false."""
    given: bool
    """Whether the reader of the report chose it."""
    begins: bool
    """Whether it is the beginning of its text."""
    ends: bool
    """Whether it is the end of its text."""

    def to_json(self) -> dict[str, Any]:
        """Return the text as a JSON object."""
        return dataclasses.asdict(self)


def score_given(scorer: Scorer, texts: Sequence[str], settings: TextSettings) -> list[Surprise]:
    """Return texts that were given, cleaned as those of the model; long ones in pieces.

    Raises SettingsError for one of which nothing is left.
    """
    cleaned = [Document(text=clean_document(text, settings)) for text in texts]
    for text, document in zip(texts, cleaned, strict=True):
        if not document.text.strip():
            raise SettingsError(
                f"a text to show is {quote(text)}, of which cleaning leaves nothing; give at "
                "least one character."
            )
    return list(_score_chunks(scorer, cleaned, given=True))


def score_held_out(scorer: Scorer, documents: Iterable[Document]) -> list[Surprise]:
    """Return some of ``documents``, from the most expected to the most surprising."""
    chosen, is_cut = _first_documents(documents)
    pieces = list(_score_chunks(scorer, chosen, given=False))
    if is_cut:
        pieces.pop()  # it does not end where the text does
    pieces = [
        piece
        for piece in pieces
        # The rest of a long text may be a word.
        if piece.begins or len(piece.symbols) > CHUNK_SYMBOLS // 2
    ]
    pieces.sort(key=lambda piece: piece.bits_per_character)
    count = min(MAX_SHOWN, len(pieces))
    return [pieces[k * (len(pieces) - 1) // max(count - 1, 1)] for k in range(count)]


def _first_documents(documents: Iterable[Document]) -> tuple[list[Document], bool]:
    """Return the first documents, as far as they are looked at, and whether the last was cut."""
    chosen: list[Document] = []
    characters_left = MAX_CHARACTERS
    for document in itertools.islice(documents, MAX_DOCUMENTS):
        if len(document.text) > characters_left:
            return [
                *chosen,
                dataclasses.replace(document, text=document.text[:characters_left]),
            ], True
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
                piece, ends = (
                    symbols[first : first + CHUNK_SYMBOLS],
                    first + CHUNK_SYMBOLS >= len(symbols),
                )
                inside = piece[:-1] if ends else piece
                count = sum(count_characters(symbol, level) for symbol, _ in inside) + ends
                yield Surprise(
                    bits_per_character=sum(bits for _, bits in piece) / max(count, 1),
                    symbols=piece,
                    given=given,
                    begins=first == 0,
                    ends=ends,
                )
