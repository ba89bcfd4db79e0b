import math
from fractions import Fraction

import numpy as np
import pytest

from charloom.errors import CorpusError
from charloom.evaluation.baselines import Baselines, Documents, measure_baselines
from charloom.evaluation.compressors import xz_bits, zstd_bits
from charloom.evaluation.ngram import surprisals
from charloom.evaluation.targets import Targets

TRAINING = ["abca", "", "cab", "bé"]
TEST = ["abx", "c"]
LETTERS = "abcé"
SIZE = len(LETTERS) + 2


def ids(text: str) -> np.ndarray:
    return np.array([LETTERS.find(letter) + 2 if letter in LETTERS else 1 for letter in text])


def documents(texts: list[str]) -> Documents:
    """Return documents that can be read only once."""
    return Documents(ids=(ids(text) for text in texts), texts=iter(texts))


def measured() -> Baselines:
    return measure_baselines(documents(TRAINING), documents(TEST), SIZE)


def test_uniform_and_unigram_nats_are_those_computed_by_hand() -> None:
    """Of 13 training targets, 4 are boundaries, 3 a, 3 b and 2 c; the unknown symbol is none."""
    counts = {"a": 3, "b": 3, "x": 0, "c": 2, "\n": 4}
    probability = math.prod(
        (Fraction(counts[letter]) + Fraction(1, 2)) / (13 + Fraction(SIZE, 2))
        for letter in "abx\nc\n"
    )
    result = measured()
    assert result.characters == 6
    assert result.uniform == pytest.approx(6 * math.log(SIZE), rel=1e-14)
    assert result.unigram == pytest.approx(-math.log(probability), rel=1e-14)


def test_ngram_and_compressors_get_the_same_texts() -> None:
    training, test = (
        Targets.from_documents(map(ids, TRAINING)),
        Targets.from_documents(map(ids, TEST)),
    )
    texts = "abca\n\ncab\nbé\n".encode(), b"abx\nc\n"
    result = measured()
    assert result.ngram == pytest.approx(surprisals(training, test, SIZE).sum(), rel=1e-14)
    assert result.xz == pytest.approx(xz_bits(*texts) * math.log(2), rel=1e-14)
    assert result.zstd == pytest.approx(zstd_bits(*texts) * math.log(2), rel=1e-14)


def test_json_has_the_documented_keys() -> None:
    result = Baselines(
        characters=4, uniform=8 * math.log(2), unigram=7.0, ngram=6.0, xz=5.0, zstd=4.0
    )
    record = result.to_json()
    assert set(record) == {"characters", "bits_per_character"}
    assert list(record["bits_per_character"]) == ["uniform", "unigram", "ngram", "xz", "zstd"]
    assert record["bits_per_character"]["uniform"] == pytest.approx(2.0)
    assert record["bits_per_character"]["zstd"] == pytest.approx(1 / math.log(2))


def test_results_are_deterministic() -> None:
    assert measured() == measured()


@pytest.mark.parametrize(
    ("training", "test", "purpose"), [([], TEST, "train on"), (TRAINING, [], "evaluate")]
)
def test_empty_texts_are_refused(training: list[str], test: list[str], purpose: str) -> None:
    with pytest.raises(CorpusError) as error:
        measure_baselines(documents(training), documents(test), SIZE)
    assert str(error.value) == f"there is no document to {purpose}; give at least one line of text."
