"""The selection of validation documents agrees with a plain sort of all distinct texts."""

import math
from hashlib import blake2b

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from charloom.data.split import select_last, select_validation
from charloom.randomness import splitmix64


def hashes_of(texts: list[str]) -> NDArray[np.uint64]:
    digests = b"".join(blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, dtype="<u8")


def select(texts: list[str], fraction: float, seed: int, limit: int) -> tuple[list[bool], bool]:
    lengths = np.array(list(map(len, texts)))
    mask, limited = select_validation(
        hashes_of(texts),
        lambda documents: lengths[documents],
        len(set(texts)),
        fraction=fraction,
        seed=seed,
        limit=limit,
    )
    return mask.tolist(), limited


def expected(texts: list[str], fraction: float, seed: int, limit: int) -> tuple[list[bool], bool]:
    """Rank all texts, those above the limit last by size, and take them while they fit."""
    salt = splitmix64(np.array([seed], dtype=np.uint64))
    ranks = dict(zip(texts, splitmix64(hashes_of(texts) ^ salt).tolist(), strict=True))
    sizes = {text: len(text) * texts.count(text) for text in texts}
    wanted = min(math.ceil(fraction * len(ranks)), len(ranks) - 1)
    small = sorted((text for text in ranks if sizes[text] <= limit), key=ranks.__getitem__)
    selected: list[str] = []
    for text in small[:wanted]:
        if sum(sizes[other] for other in selected) + sizes[text] > limit:
            break
        selected.append(text)
    if not selected:
        selected = [min(ranks, key=lambda text: (sizes[text], ranks[text]))]
    return [text in selected for text in texts], len(selected) < wanted


TEXTS = st.lists(st.text("ab", min_size=1, max_size=8), min_size=2, max_size=30).filter(
    lambda texts: len(set(texts)) > 1
)


@given(
    texts=TEXTS,
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**63 - 1),
    limit=st.integers(1, 60),
)
def test_the_mask_agrees_with_a_plain_sort(
    texts: list[str], fraction: float, seed: int, limit: int
) -> None:
    assert select(texts, fraction, seed, limit) == expected(texts, fraction, seed, limit)


def test_more_candidates_are_ranked_when_the_first_are_too_long() -> None:
    # All but ten of 5,000 texts are above the limit: the first candidates do not suffice.
    texts = [f"{number:05}" + "x" * (0 if number < 10 else 100) for number in range(5000)]
    mask, limited = select(texts, 0.001, seed=3, limit=30)
    assert (mask, limited) == expected(texts, 0.001, seed=3, limit=30)
    assert sum(mask) == 5
    assert not any(mask[10:])


@given(
    st.lists(st.integers(1, 9), min_size=2),
    st.floats(0.01, 0.99),
    st.integers(1, 40),
)
def test_the_last_documents_are_selected(lengths: list[int], fraction: float, limit: int) -> None:
    offsets = np.cumsum([0, *lengths])
    mask, limited = select_last(offsets, fraction=fraction, limit=limit)
    count = int(mask.sum())
    wanted = min(math.ceil(fraction * len(lengths)), len(lengths) - 1)
    assert mask.tolist() == [False] * (len(lengths) - count) + [True] * count
    assert 1 <= count <= wanted
    assert limited == (count < wanted)
    assert count == 1 or sum(lengths[-count:]) <= limit
    if limited:
        assert sum(lengths[-count - 1 :]) > limit
