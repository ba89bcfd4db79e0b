"""Surprisals sum to the score, and are shown as escaped text."""

import math
import re

import numpy as np
import pytest
from networks import NETWORKS, make_vocabulary, markov_tensors, network_id
from records import record

from charloom.data.sources import Document
from charloom.errors import LabelError, SettingsError
from charloom.inspection.surprisals import MAX_SHOWN, TextSurprisals
from charloom.model import Model
from charloom.network.reference import Network
from charloom.settings import NetworkSettings

TEXT = "bad cab é xyz"


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
@pytest.mark.parametrize("label", [None, "y"])
def test_the_sum_is_the_score(settings: NetworkSettings, label: str | None) -> None:
    one = Model(record(("x", "y"), network=settings))
    found = one.surprisals(TEXT, label)
    [score] = one.scorer.score([Document(text=TEXT, label=label)])
    assert found.total == pytest.approx(score.bits, rel=1e-9)
    assert found.bits_per_character == pytest.approx(score.bits_per_character, rel=1e-9)
    assert found.characters == score.characters == len(TEXT) + 1
    assert found.symbols == (*TEXT, "<eos>")
    assert len(found.bits) == score.symbols
    if label is None:
        assert one.score([TEXT]) == pytest.approx([found.bits_per_character], rel=1e-9)


def test_bits_are_those_of_a_markov_chain() -> None:
    chances = np.random.default_rng(0).dirichlet([1.0] * 4, size=4)
    settings, tensors = markov_tensors(chances)
    one = Model(
        record(
            network=settings,
            vocabulary=make_vocabulary("ab"),
            tensors={name: tensor.astype(np.float32) for name, tensor in tensors.items()},
        )
    )
    ids = [0, 2, 3, 3, 0]
    expected = [-math.log2(chances[a, b]) for a, b in zip(ids, ids[1:], strict=False)]
    assert one.surprisals("abb").bits == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_a_mixture_begins_with_the_mean_of_the_start_states(settings: NetworkSettings) -> None:
    """In float32: about 20 sums of terms of size 1, each off by 2**-24 or less."""
    one = Model(record(("x", "y"), network=settings))
    found = one.surprisals(TEXT, {"y": 3, "x": 1})
    tensors = {name: tensor.astype(float) for name, tensor in one.record.tensors.items()}
    for name in ("labels.hidden", "labels.cell"):
        if name in tensors:
            tensors[name][0] = tensors[name][0] / 4 + tensors[name][1] * 3 / 4
    reference = Network(settings, tensors)
    state, bits = reference.initial_state(np.array([0])), []
    ids = [0, *one.record.vocabulary.encode(TEXT).tolist(), 0]
    for last, this in zip(ids, ids[1:], strict=False):
        logits_BV, state = reference.step(np.array([last]), state)
        bits.append((np.log(np.exp(logits_BV[0]).sum()) - logits_BV[0, this]) / math.log(2))
    assert found.bits == pytest.approx(bits, abs=1e-4)
    assert one.surprisals(TEXT, {"y": 1}).bits == one.surprisals(TEXT, "y").bits


def test_texts_are_cleaned_and_spelled() -> None:
    one = Model(record())
    found = one.surprisals(" a &amp; b ")
    assert (found.text, found.symbols[:3]) == ("a & b", ("a", " ", "&"))
    assert found.to_dict() == {
        "text": "a & b",
        "label": None,
        "symbols": [*"a & b", "<eos>"],
        "bits": list(found.bits),
        "characters": 6,
    }
    assert one.surprisals("").symbols == ("<eos>",)


def test_a_notebook_shows_escaped_text_without_other_resources() -> None:
    page = Model(record())  # characters that the model lacks are shown as they are
    shown = page.surprisals("<script>alert(1)</script> & 'b'")._repr_html_()
    assert "<script" not in shown
    assert "&lt;" in shown and "&amp;" in shown
    assert not re.search(r"https?:|url\(|@import|src=|href=", shown)
    assert "prefers-color-scheme: dark" in shown
    assert len(re.findall(r'<b class="h\d', shown)) == 31 + 1, "each symbol and the end"
    assert shown.count(' bits">') == 32


def test_a_long_text_is_shown_in_part() -> None:
    bits = (1.0,) * (MAX_SHOWN + 1)
    found = TextSurprisals(
        text="a" * MAX_SHOWN,
        label=None,
        symbols=(*"a" * MAX_SHOWN, "<eos>"),
        bits=bits,
        characters=MAX_SHOWN + 1,
    )
    shown = found._repr_html_()
    assert shown.count('title="1.00 bits"') == MAX_SHOWN
    assert " …</div>" in shown and "■" not in shown


def test_wrong_arguments_are_refused() -> None:
    one = Model(record(("x", "y")))
    with pytest.raises(LabelError, match="^label 'z' is not known to this model"):
        one.surprisals("a", {"x": 0.5, "z": 0.5})
    with pytest.raises(SettingsError) as error:
        one.surprisals(5)  # type: ignore[arg-type]
    assert str(error.value) == "text is 5; it must be a text."
