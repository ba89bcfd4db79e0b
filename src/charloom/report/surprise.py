"""Texts with the surprise of each of their symbols, chosen to be looked at."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from charloom.errors import SettingsError
from charloom.evaluation.score_lines import score_lines
from charloom.evaluation.scorer import Scorer
from charloom.formatting import quoted
from charloom.settings import TextSettings
from charloom.text.cleaning import clean_document
from charloom.text.documents import Document, gather
from charloom.text.symbols import characters

SHOWN: Final = 9
"""Held-out texts that are shown."""
MOST_DOCUMENTS: Final = 2000
MOST_CHARACTERS: Final = 200_000
"""Of the held-out texts among which these are chosen, from the first on."""
PIECE: Final = 400
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


def given(scorer: Scorer, texts: Sequence[str], settings: TextSettings) -> list[Surprise]:
    """Return texts that were given, cleaned as those of the model; long ones in pieces.

    Raises SettingsError for one of which nothing is left.
    """
    cleaned = [Document(text=clean_document(text, settings)) for text in texts]
    for text, document in zip(texts, cleaned, strict=True):
        if not document.text.strip():
            raise SettingsError(
                f"a text to show is {quoted(text)}, of which cleaning leaves nothing; give at "
                "least one character."
            )
    return list(_pieces(scorer, cleaned, given=True))


def held_out(scorer: Scorer, documents: Iterable[Document]) -> list[Surprise]:
    """Return some of ``documents``, from the most expected to the most surprising."""
    chosen, is_cut = _first(documents)
    pieces = list(_pieces(scorer, chosen, given=False))
    if is_cut:
        pieces.pop()  # it does not end where the text does
    pieces = [
        piece
        for piece in pieces
        # The rest of a long text may be a word.
        if piece.begins or len(piece.symbols) > PIECE // 2
    ]
    pieces.sort(key=lambda piece: piece.bits_per_character)
    count = min(SHOWN, len(pieces))
    return [pieces[k * (len(pieces) - 1) // max(count - 1, 1)] for k in range(count)]


def _first(documents: Iterable[Document]) -> tuple[list[Document], bool]:
    """Return the first documents, as far as they are looked at, and whether the last was cut."""
    chosen: list[Document] = []
    room = MOST_CHARACTERS
    for document in itertools.islice(documents, MOST_DOCUMENTS):
        if len(document.text) > room:
            return [*chosen, dataclasses.replace(document, text=document.text[:room])], True
        chosen.append(document)
        room -= len(document.text)
    return chosen, False


def _pieces(scorer: Scorer, documents: Iterable[Document], *, given: bool) -> Iterator[Surprise]:
    level = scorer.vocabulary.level
    for lines in score_lines(scorer, gather(documents), per_symbol=True):
        for line in lines:
            symbols = tuple(line.symbols or ())
            for first in range(0, len(symbols), PIECE):
                piece, ends = symbols[first : first + PIECE], first + PIECE >= len(symbols)
                inside = piece[:-1] if ends else piece
                count = sum(characters(symbol, level) for symbol, _ in inside) + ends
                yield Surprise(
                    bits_per_character=sum(bits for _, bits in piece) / max(count, 1),
                    symbols=piece,
                    given=given,
                    begins=first == 0,
                    ends=ends,
                )
