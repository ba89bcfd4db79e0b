"""A batch gives the same texts and the same scores as one call per text."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from decoders import MakeDecoder, each_decoder, generator_with
from networks import NETWORKS, make_vocabulary, network_id, random_tensors
from numpy.typing import NDArray
from sampling_cases import SAMPLING_CASES

from charloom.data.sources import Document
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.generation.generator import Generator
from charloom.network.engine import Engine
from charloom.settings import NetworkSettings, SamplingSettings

LETTERS = "abcdefgh"
LABELS = ("x", "y")

networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def tensors(settings: NetworkSettings) -> dict[str, NDArray[np.float32]]:
    result = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=1, scale=0.8)
    result["output.bias"][0] -= 1  # so that texts have many lengths
    return result


@networks
@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("prompt", ["", "abé"])
def test_batched_texts_equal_single_texts(
    settings: NetworkSettings, temperature: float, prompt: str
) -> None:
    engine = Engine(settings, tensors(settings))
    generator = Generator(engine, make_vocabulary(LETTERS), LABELS)
    sampling = SamplingSettings(
        temperature=temperature, seed=11, length=40, label="y", stop=("abc", "hh")
    )
    together = generator.generate(prompt, sampling, n=12)
    for k, generated in enumerate(together):
        alone = generator.generate(prompt, dataclasses.replace(sampling, seed=11 + k))[0]
        assert generated == alone, "to the last bit"
    if temperature == 1.0:
        assert len({generated.symbols for generated in together}) > 1


@each_decoder
@pytest.mark.parametrize("settings", NETWORKS[1::4], ids=network_id)
@pytest.mark.parametrize("options", SAMPLING_CASES.values(), ids=SAMPLING_CASES)
def test_batched_and_streamed_texts_equal_single_texts_with_all_options(
    settings: NetworkSettings, options: dict[str, Any], make_decoder: MakeDecoder
) -> None:
    """Streams of several block sizes, and more texts than a batch of the compiled decoder."""
    engine = Engine(settings, tensors(settings))
    generator = generator_with(make_decoder, engine, make_vocabulary(LETTERS), LABELS)
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
def test_batched_scores_equal_single_scores(settings: NetworkSettings) -> None:
    scorer = Scorer(SymbolScorer(settings, tensors(settings)), make_vocabulary(LETTERS), LABELS)
    documents = [
        Document(text=("hgfedcbaé" * 12)[: (37 * k) % 101], label=[None, "x", "y"][k % 3])
        for k in range(90)
    ]
    alone = [next(scorer.score([document])) for document in documents]
    for one, other in zip(scorer.score(documents), alone, strict=True):
        assert one == other, "to the last bit"
