"""Side by side or one at a time: the same texts, given seeds, and the same scores."""

import dataclasses

import numpy as np
import pytest
from networks import NETWORKS, name, random_tensors, vocabulary_of
from numpy.typing import NDArray

from charloom.evaluation.scorer import Scorer
from charloom.generation.engine import Engine
from charloom.generation.generator import Generator
from charloom.generation.reference import Network
from charloom.settings import NetworkSettings, SamplingSettings
from charloom.text.sources import Document

LETTERS = "abcdefgh"
LABELS = ("x", "y")

networks = pytest.mark.parametrize("settings", NETWORKS, ids=name)


def tensors(settings: NetworkSettings) -> dict[str, NDArray[np.float32]]:
    result = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=1, scale=0.8)
    result["output.bias"][0] -= 1  # so that texts are of some length, and of many lengths
    return result


@networks
@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("prompt", ["", "abé"])
def test_texts(settings: NetworkSettings, temperature: float, prompt: str) -> None:
    engine = Engine(settings, tensors(settings))
    generator = Generator(engine, vocabulary_of(LETTERS), LABELS)
    sampling = SamplingSettings(
        temperature=temperature, seed=11, length=40, label="y", stop=("abc", "hh")
    )
    together = generator.generate(prompt, sampling, n=12)
    for k, drawn in enumerate(together):
        alone = generator.generate(prompt, dataclasses.replace(sampling, seed=11 + k))[0]
        assert drawn == alone, "to the last bit"
    if temperature == 1.0:
        assert len({drawn.symbols for drawn in together}) > 1


@networks
def test_scores(settings: NetworkSettings) -> None:
    scorer = Scorer(Network(settings, tensors(settings)), vocabulary_of(LETTERS), LABELS)
    documents = [
        Document(text=("hgfedcbaé" * 12)[: (37 * k) % 101], label=[None, "x", "y"][k % 3])
        for k in range(90)
    ]
    alone = [next(scorer.score([document])) for document in documents]
    for one, other in zip(scorer.score(documents), alone, strict=True):
        assert one.nats == pytest.approx(other.nats, rel=1e-12)
        assert dataclasses.replace(one, nats=0.0) == dataclasses.replace(other, nats=0.0)
