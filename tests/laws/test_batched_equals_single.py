"""Side by side or one at a time: the same texts, given seeds, and the same scores."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from networks import NETWORKS, make_vocabulary, network_id, random_tensors
from numpy.typing import NDArray
from steerings import SAMPLING_CASES

from charloom.data.sources import Document
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.generation import compiled_decode, decode_loop
from charloom.generation import generator as generator_module
from charloom.generation.generator import Generator
from charloom.network.engine import Engine
from charloom.settings import NetworkSettings, SamplingSettings

LETTERS = "abcdefgh"
LABELS = ("x", "y")

networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def tensors(settings: NetworkSettings) -> dict[str, NDArray[np.float32]]:
    result = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=1, scale=0.8)
    result["output.bias"][0] -= 1  # so that texts are of some length, and of many lengths
    return result


@networks
@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("prompt", ["", "abé"])
def test_texts(settings: NetworkSettings, temperature: float, prompt: str) -> None:
    engine = Engine(settings, tensors(settings))
    generator = Generator(engine, make_vocabulary(LETTERS), LABELS)
    sampling = SamplingSettings(
        temperature=temperature, seed=11, length=40, label="y", stop=("abc", "hh")
    )
    together = generator.generate(prompt, sampling, n=12)
    for k, drawn in enumerate(together):
        alone = generator.generate(prompt, dataclasses.replace(sampling, seed=11 + k))[0]
        assert drawn == alone, "to the last bit"
    if temperature == 1.0:
        assert len({drawn.symbols for drawn in together}) > 1


@pytest.mark.parametrize("plain", [True, False], ids=["numpy", "compiled"])
@pytest.mark.parametrize("settings", NETWORKS[1::4], ids=network_id)
@pytest.mark.parametrize("options", SAMPLING_CASES.values(), ids=SAMPLING_CASES)
def test_steered_texts(
    settings: NetworkSettings,
    options: dict[str, Any],
    plain: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole and streamed, any number of symbols at a time, more texts than a batch has room for."""
    for module in (generator_module, decode_loop):
        monkeypatch.setattr(module, "compiled", lambda *_: None if plain else compiled_decode)
    generator = Generator(Engine(settings, tensors(settings)), make_vocabulary(LETTERS), LABELS)
    sampling = SamplingSettings(seed=11, length=40, label="y", **options)
    together = generator.generate("abé", sampling, n=19)
    for k in (0, 7, 16, 18):
        one = dataclasses.replace(sampling, seed=11 + k)
        assert together[k] == generator.generate("abé", one)[0], "to the last bit"
        for block in (1, 1 + k):
            pieces = list(generator.stream("abé", one, block))
            assert together[k].text == "abé" + "".join(pieces)
            assert all(pieces), "none is empty"


@networks
def test_scores(settings: NetworkSettings) -> None:
    scorer = Scorer(SymbolScorer(settings, tensors(settings)), make_vocabulary(LETTERS), LABELS)
    documents = [
        Document(text=("hgfedcbaé" * 12)[: (37 * k) % 101], label=[None, "x", "y"][k % 3])
        for k in range(90)
    ]
    alone = [next(scorer.score([document])) for document in documents]
    for one, other in zip(scorer.score(documents), alone, strict=True):
        assert one == other, "to the last bit"
