import pytest
from records import record

from charloom.exchange.rounding_cost import OWN_TEXTS, measure_rounding_cost
from charloom.exchange.stored_weights import round_model
from charloom.model import Model
from charloom.settings import TextSettings
from charloom.text.documents import Document, to_blocks

TEXTS = ["abc", "fade a bag", "hi"]


def test_the_cost_is_the_difference_of_two_evaluations() -> None:
    model = Model(record())
    rounded = Model(round_model(model.record, "int8"))
    cost = measure_rounding_cost(
        model, rounded.record, list(to_blocks(Document(text=text) for text in TEXTS))
    )
    assert cost.before == model.bits_per_character(TEXTS)
    assert cost.after == rounded.bits_per_character(TEXTS)
    assert cost.difference == cost.after - cost.before != 0
    assert not cost.own_texts


def test_without_texts_the_model_writes_some() -> None:
    model = Model(record(text=TextSettings(clean=False)))
    cost = measure_rounding_cost(model, round_model(model.record, "int8"))
    texts = model.generate(n=OWN_TEXTS, temperature=1.0, length=200)
    assert cost.before == pytest.approx(model.bits_per_character(texts))
    assert cost.own_texts


def test_equal_weights_cost_nothing() -> None:
    model = Model(record())
    assert measure_rounding_cost(model, model.record).difference == 0
