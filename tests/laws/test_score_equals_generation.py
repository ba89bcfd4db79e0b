"""The bits of a generated text equal its score.

The generator and the scorer compute in float32 with different kernels, so they agree to 1e-5.
"""

import math

import pytest
from networks import NETWORKS, make_vocabulary, network_id, random_tensors

from charloom.data.sources import Document
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.generation.generator import Generator
from charloom.network.engine import Engine
from charloom.settings import Level, NetworkSettings, SamplingSettings
from charloom.text.symbols import BYTES

LABELS = ("x", "y")


@pytest.mark.parametrize("label", [None, "y"])
@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_bits_of_a_generated_text_equal_its_score(
    settings: NetworkSettings, label: str | None
) -> None:
    symbols: dict[Level, list[str]] = {"char": list("ab é🙂"), "byte": list(BYTES[97:102])}
    for level, known in symbols.items():
        vocabulary = make_vocabulary(known, level)
        tensors = random_tensors(settings, len(vocabulary), len(LABELS), seed=6, scale=0.8)
        engine, reader = Engine(settings, tensors), SymbolScorer(settings, tensors)
        sampling = SamplingSettings(temperature=0.9, length=300, label=label)
        generated = Generator(engine, vocabulary, LABELS).generate("", sampling, n=30)
        ended = [one for one in generated if one.stopped == "eos"]
        assert len(ended) > 5
        documents = [Document(text=one.text, label=label) for one in ended]
        scores = Scorer(reader, vocabulary, LABELS).score(documents)
        for one, score in zip(ended, scores, strict=True):
            assert score.bits == pytest.approx(one.bits, rel=1e-5)
            assert score.symbols == one.symbols
            assert score.unknown == 0


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_bits_of_a_continuation_equal_the_score_without_the_prompt(
    settings: NetworkSettings,
) -> None:
    """The bits of a text are those of its prompt, without a boundary, and of the rest."""
    vocabulary = make_vocabulary("abc")
    tensors = random_tensors(settings, len(vocabulary), seed=6, scale=0.8)
    generator = Generator(Engine(settings, tensors), vocabulary)
    scorer = Scorer(SymbolScorer(settings, tensors), vocabulary)
    generated = generator.generate("cab", SamplingSettings(temperature=0.9), n=10)
    ended = [one for one in generated if one.stopped == "eos"]
    assert ended
    boundary = -math.log2(dict(generator.next("cab"))["<eos>"])
    prompt = next(scorer.score([Document(text="cab")])).bits - boundary
    for one in ended:
        whole = next(scorer.score([Document(text=one.text)])).bits
        assert whole == pytest.approx(prompt + one.bits, rel=1e-5)
