"""A mixture of labels is the weighted mean of their start states, in every way to generate."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from decoders import MakeDecoder, each_decoder, generator_with
from networks import NETWORKS, make_vocabulary, network_id, random_tensors

from charloom.errors import LabelError
from charloom.generation.compiled_decode import CompiledDecoder
from charloom.generation.decode_loop import NumpyDecoder
from charloom.generation.generator import Generator
from charloom.network.engine import Engine
from charloom.settings import Label, NetworkSettings, SamplingSettings

LETTERS, LABELS = "abcdefgh", ("x", "y", "z")
WAYS: list[dict[str, Any]] = [{}, {"temperature": 0.0}, {"match": "[a-h]*"}, {"beam": 5}]
networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def generator(settings: NetworkSettings, make_decoder: MakeDecoder, **changes: Any) -> Generator:
    tensors = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=4, scale=0.8)
    tensors["output.bias"][0] -= 1
    return generator_with(
        make_decoder, Engine(settings, tensors | changes), make_vocabulary(LETTERS), LABELS
    )


def texts(one: Generator, label: Label, **options: Any) -> list[Any]:
    """Return all fields of the texts except their labels, and the texts of a session and stream."""
    sampling = SamplingSettings(label=label, seed=3, length=40, **options)
    found: list[Any] = [
        dataclasses.replace(text, label=None) for text in one.generate("ab", sampling, 5)
    ]
    if "beam" not in options:
        session = one.session("ab", sampling)
        found += ["".join(session.generate()), "".join(one.stream("ab", sampling))]
        found.append(one.next("ab", label))
    return found


@networks
@each_decoder
@pytest.mark.parametrize("options", WAYS, ids=str)
def test_one_label_of_any_weight_is_the_label(
    settings: NetworkSettings, make_decoder: MakeDecoder, options: dict[str, Any]
) -> None:
    one = generator(settings, make_decoder)
    for weight in (1, 0.3):
        assert texts(one, {"y": weight}, **options) == texts(one, "y", **options)


@networks
@each_decoder
def test_a_mixture_is_a_label_with_the_mean_state(
    settings: NetworkSettings, make_decoder: MakeDecoder
) -> None:
    """Of numbers with the precision of float16, both ways to the mean are rounded once."""
    tensors = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=4, scale=0.8)
    means = {
        name: tensor.astype(np.float16).astype(np.float32)
        for name, tensor in tensors.items()
        if name.startswith("labels.")
    }
    averaged = {
        name: np.concatenate([0.25 * t[:1] + 0.75 * t[2:], t[1:]]) for name, t in means.items()
    }
    one = generator(settings, make_decoder, **means)
    mean = generator(settings, make_decoder, **averaged)
    assert texts(one, {"x": 1, "z": 3}) == texts(mean, "x")
    assert texts(one, {"z": 3, "x": 1}) == texts(mean, "x"), "the order has no influence"
    assert texts(one, {"x": 1, "z": 3}) != texts(one, "x")


@networks
def test_both_decoders_return_the_same_texts(settings: NetworkSettings) -> None:
    label = {"x": 0.2, "z": 0.5, "y": 0.7}
    sampling = SamplingSettings(label=label, seed=9, length=60)
    compiled, numpy = (
        generator(settings, make_decoder).generate("ab", sampling, 20)
        for make_decoder in (CompiledDecoder, NumpyDecoder)
    )
    assert [text.text for text in compiled] == [text.text for text in numpy]
    assert {str(text.label) for text in compiled} == {str(sampling.label)}


def test_an_unknown_label_of_a_mixture_is_refused() -> None:
    one = generator(NETWORKS[0], NumpyDecoder)
    with pytest.raises(LabelError) as error:
        one.generate("", SamplingSettings(label={"x": 1, "q": 1}))
    assert str(error.value) == "label 'q' is not known to this model; known labels: x, y, z."
