"""NumPy and compiled code give the same texts, bit for bit; both are close to the reference.

So a text depends on model, prompt, seed and settings alone: not on the engine, the batch, the
number of threads or the process.
"""

import dataclasses
import sys

import numpy as np
import pytest
from networks import NETWORKS, name, random_tensors, vocabulary_of

from charloom.generation import generator as generator_module
from charloom.generation import growth, kernels
from charloom.generation.engine import Engine
from charloom.generation.generator import Generator
from charloom.generation.reference import Network
from charloom.generation.texts import Generated
from charloom.settings import NetworkSettings, SamplingSettings

LETTERS = "abcdefghijk"
LABELS = ("x", "y")
networks = pytest.mark.parametrize("settings", NETWORKS, ids=name)


def generator(settings: NetworkSettings) -> Generator:
    tensors = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=4, scale=0.8)
    tensors["output.bias"][0] -= 1
    return Generator(Engine(settings, tensors), vocabulary_of(LETTERS), LABELS)


def drawn(
    settings: NetworkSettings, sampling: SamplingSettings, prompt: str, n: int
) -> list[Generated]:
    return generator(settings).generate(prompt, sampling, n)


@networks
@pytest.mark.parametrize("temperature", [0.0, 0.7, 2.0])
def test_numpy_equals_compiled(
    settings: NetworkSettings, temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling = SamplingSettings(
        temperature=temperature, seed=3, length=150, label="y", stop=("ab",)
    )
    compiled = drawn(settings, sampling, "abé", 37)
    monkeypatch.setattr(growth, "compiled", lambda engine, symbols: None)
    monkeypatch.setattr(generator_module, "compiled", lambda engine, symbols: None)
    plain = drawn(settings, sampling, "abé", 37)
    for one, other in zip(compiled, plain, strict=True):
        assert dataclasses.replace(one, bits=0.0) == dataclasses.replace(other, bits=0.0)
        # The logarithm at the end is the C library's: its last bit may differ.
        assert one.bits == pytest.approx(other.bits, rel=1e-12)
    if temperature == 2.0:
        assert {one.stopped for one in compiled} >= {"eos"}
        assert len({one.symbols for one in compiled}) > 3


@networks
def test_compiled_batches_equal_single_texts(settings: NetworkSettings) -> None:
    assert kernels.__name__ in sys.modules, "loaded, so these texts are compiled ones"
    sampling = SamplingSettings(temperature=1.0, seed=50, length=130)
    together = drawn(settings, sampling, "a", 41)
    for k in (0, 15, 16, 40):
        alone = dataclasses.replace(sampling, seed=50 + k)
        assert together[k] == drawn(settings, alone, "a", 1)[0]
        pieces = generator(settings).stream("a", alone)
        assert together[k].text == "a" + "".join(pieces)


@networks
def test_logits_are_those_of_the_reference(settings: NetworkSettings) -> None:
    """Over 300 symbols of a text, within the rounding of float32."""
    tensors = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=4, scale=0.3)
    engine, reference = Engine(settings, tensors), Network(settings, tensors)
    labels = np.array([1, -1])
    state, exact = engine.start(labels), reference.start(labels)
    for ids in np.random.default_rng(0).integers(0, len(LETTERS) + 2, (300, 2)):
        logits, state = engine.step(ids, state)
        expected, exact = reference.step(ids, exact)
        assert np.abs(logits - expected).max() < 1e-4 * np.abs(expected).max()


def test_greedy_texts_are_those_of_the_reference() -> None:
    """Ten thousand symbols of an endless text."""
    settings = NetworkSettings(hidden=32, input="one-hot", layers=2)
    tensors = random_tensors(settings, len(LETTERS) + 2, seed=8, scale=0.4)
    tensors["output.bias"][0] = -1000
    sampling = SamplingSettings(temperature=0.0, length=10_000)
    text = (
        Generator(Engine(settings, tensors), vocabulary_of(LETTERS)).generate("", sampling)[0].text
    )
    reference, ids, last = Network(settings, tensors), [], np.array([0])
    state = reference.start(np.array([-1]))
    for _ in range(10_000):
        logits, state = reference.step(last, state)
        logits[:, 1] = -np.inf
        last = logits.argmax(axis=1)
        ids.append(int(last[0]))
    assert text == vocabulary_of(LETTERS).decode(ids)


def test_compiled_code_is_loaded_only_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few short texts, as a person asks for them, wait for no compiler; many do."""
    asked: list[int] = []
    monkeypatch.setattr(generator_module, "compiled", lambda engine, symbols: asked.append(symbols))
    settings = NetworkSettings(hidden=5, input=3)
    for n in (1, 8, 1000):
        drawn(settings, SamplingSettings(length=20), "", n)
    assert asked == [20, 20, 63 * 20]
    monkeypatch.delitem(sys.modules, kernels.__name__)
    large = Engine(
        NetworkSettings(hidden=256, input=3),
        random_tensors(NetworkSettings(hidden=256, input=3), 20),
    )
    assert growth.compiled(large, 500) is None
