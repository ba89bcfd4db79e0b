"""Raw ids number the symbols at their first appearance, at every level and in any blocks."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.data.encoder import make_encoder
from charloom.settings import Level
from charloom.text.documents import Document, to_blocks
from charloom.text.symbols import split

LEVELS: tuple[Level, ...] = ("char", "byte", "grapheme", "word", "closed-word")
TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1)


def numbered(texts: Iterable[str], level: Level) -> tuple[list[list[int]], list[str]]:
    """Return the raw ids of texts and the symbols, by a plain dictionary."""
    numbers: dict[str, int] = {}
    ids = [[numbers.setdefault(s, len(numbers)) for s in split(text, level)] for text in texts]
    return ids, list(numbers)


@pytest.mark.parametrize("level", LEVELS)
@given(blocks=st.lists(TEXTS, min_size=1, max_size=3))
def test_ids_and_symbols_agree_with_a_dictionary(level: Level, blocks: list[list[str]]) -> None:
    encoder = make_encoder(level)
    ids: list[list[int]] = []
    for texts in blocks:
        (block,) = to_blocks(Document(text=text) for text in texts)
        raw, lengths = encoder.encode(block)
        ids += [part.tolist() for part in np.split(raw, np.cumsum(lengths)[:-1])]
    expected_ids, expected_symbols = numbered((text for texts in blocks for text in texts), level)
    assert ids == expected_ids
    assert list(encoder.symbols) == expected_symbols


@pytest.mark.parametrize("level", LEVELS)
def test_a_new_encoder_has_no_symbols(level: Level) -> None:
    assert list(make_encoder(level).symbols) == []
