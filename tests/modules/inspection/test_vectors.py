"""Vectors are last states; similar texts have the highest cosine."""

import math
import random
from itertools import product

import numpy as np
import pytest
from decoders import MakeDecoder, each_decoder
from networks import NETWORKS, network_id
from records import ALPHABET, record

from charloom.errors import SettingsError
from charloom.inspection.vectors import cosine_similarities, most_similar
from charloom.model import Model
from charloom.network.reference import Network
from charloom.settings import NetworkSettings

TEXTS = ["bad", "cab é", "", "a" * 40, "fed bad hid", "bad"]


def model(settings: NetworkSettings | None = None) -> Model:
    return Model(record(network=settings or NetworkSettings(cell="gru", hidden=5, layers=2)))


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_a_vector_is_the_last_state_of_the_reference(settings: NetworkSettings) -> None:
    one = model(settings)
    vectors_NH = one.vectors(TEXTS)
    assert vectors_NH.shape == (len(TEXTS), settings.hidden)
    assert vectors_NH.dtype == np.float32
    reference = Network(settings, one.record.tensors)
    for text, vector_H in zip(TEXTS, vectors_NH, strict=True):
        state = reference.initial_state(np.array([-1]))
        for index in [0, *one.record.vocabulary.encode(text).tolist()]:
            state = reference.advance(np.array([index]), state)
        np.testing.assert_allclose(vector_H, state.hidden[-1, 0], rtol=0, atol=1e-5)
        np.testing.assert_array_equal(vector_H, one.states(text).hidden[-1, -1])


@each_decoder
def test_a_vector_depends_neither_on_the_batch_nor_on_the_decoder(
    make_decoder: MakeDecoder,
) -> None:
    one = model()
    decoder = make_decoder(one.engine)
    one.generator.choose_decoder = lambda symbols: decoder
    generator = random.Random(0)
    texts = ["".join(generator.choices(ALPHABET, k=generator.randrange(30))) for _ in range(300)]
    together = one.vectors(texts)
    alone = np.concatenate([model().vectors([text]) for text in texts])
    np.testing.assert_array_equal(together, alone, strict=True)
    np.testing.assert_array_equal(one.vectors(texts[::-1])[::-1], alone, strict=True)


def test_texts_are_cleaned() -> None:
    one = model()
    np.testing.assert_array_equal(one.vectors([" a &amp; b "]), one.vectors(["a & b"]))


def test_similarities_are_cosines() -> None:
    one_H = np.array([1, 2], np.float32)
    others_NH = np.array([[2, 4], [2, -1], [-1, -2], [0, 0], [1, 0]], np.float32)
    assert cosine_similarities(one_H, others_NH).tolist() == pytest.approx(
        [1, 0, -1, 0, 1 / math.sqrt(5)]
    )
    assert cosine_similarities(0 * one_H, others_NH).tolist() == [0] * 5


def test_the_best_come_first_and_ties_by_index() -> None:
    vector_H = np.array([1, 0], np.float32)
    vectors_NH = np.array([[0, 1], [3, 0], [1, 1], [2, 0]], np.float32)
    found = most_similar(vector_H, vectors_NH, "abcd", 3)
    assert [(one.text, one.index) for one in found] == [("b", 1), ("d", 3), ("c", 2)]
    assert [one.similarity for one in found] == pytest.approx([1, 1, math.sqrt(0.5)])
    assert len(most_similar(vector_H, vectors_NH, "abcd", 9)) == 4
    assert most_similar(vector_H, vectors_NH[:0], "", 9) == ()


def test_similar_compares_all_texts() -> None:
    one = model()
    texts = ["".join(letters) for letters in product("abc", repeat=3)]
    found = one.similar("bad", ["bad", *texts, "bad"], n=50)
    assert [(each.text, each.index) for each in found[:2]] == [("bad", 0), ("bad", 28)]
    assert found[0].similarity == pytest.approx(1, abs=1e-12)
    assert sorted(each.index for each in found) == list(range(29))
    vectors_NH = one.vectors(["bad", *texts]).astype(float)
    norms_N = np.linalg.norm(vectors_NH, axis=1)
    cosines_N = vectors_NH[1:] @ vectors_NH[0] / (norms_N[1:] * norms_N[0])
    by_index = {each.index: each.similarity for each in found}
    assert [by_index[k + 1] for k in range(27)] == pytest.approx(cosines_N.tolist(), abs=1e-6)
    assert found[0].to_dict() == {"text": "bad", "index": 0, "similarity": found[0].similarity}
    assert len(one.similar("bad", texts)) == 10


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(SettingsError, match="^n is 0; it must be a whole number of at least 1"):
        model().similar("a", ["b"], n=0)
    for call in (model().vectors, lambda texts: model().similar("a", texts)):
        with pytest.raises(SettingsError, match="^one string was given"):
            call("ab")
    with pytest.raises(SettingsError) as error:
        model().similar(5, ["b"])  # type: ignore[arg-type]
    assert str(error.value) == "text is 5; it must be a text."
