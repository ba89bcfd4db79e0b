"""Mixtures of models: probabilities are weighted sums, in generation and in scores alike.

The oracle is ``next`` of each model alone.
"""

import dataclasses
import functools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import make_vocabulary, random_tensors
from records import document_index, record

import charloom
from charloom.errors import LabelError, SettingsError
from charloom.generation.compiled_decode import CompiledDecoder
from charloom.generation.decode_loop import Decoder, NumpyDecoder
from charloom.generation.generator import Generator
from charloom.generation.mixture_decoder import MixtureDecoderChoice
from charloom.model import Model
from charloom.settings import NetworkSettings, SamplingSettings, TrainingSettings


def make_model(symbols: str, cell: Any, seed: int, **changes: Any) -> Model:
    vocabulary = make_vocabulary(symbols)
    network = NetworkSettings(cell=cell, hidden=7, layers=2, input=3, dropout=0.0)
    labels = changes.pop("labels", ())
    tensors = random_tensors(network, len(vocabulary), len(labels), seed=seed)
    return Model(record(labels, vocabulary=vocabulary, network=network, tensors=tensors, **changes))


ABC = make_model("abc", "lstm", 1, labels=("x", "y"))
CBD = make_model("cbd", "gru", 2, labels=("y", "z"))
EA = make_model("ea", "rnn", 3)
MIXTURE = charloom.mix([ABC, CBD, EA], [5, 3, 2])
WEIGHTS = (0.5, 0.3, 0.2)
TEXTS = st.text("abcdef", max_size=6)


def mixed_next(text: str, label: str | None = None) -> dict[str, float]:
    """Return the probabilities of the next symbols by those of each model."""
    total: dict[str, float] = {}
    for weight, model in zip(WEIGHTS, MIXTURE.models, strict=True):
        own = label if label in model.record.labels else None
        for symbol, probability in model.next(text, own):
            total[symbol] = total.get(symbol, 0) + weight * probability
    return total


@given(TEXTS, st.sampled_from([None, "x", "y", "z"]))
def test_the_next_symbols_are_weighted_sums(text: str, label: str | None) -> None:
    expected, found = mixed_next(text, label), dict(MIXTURE.next(text, label))
    assert found.keys() == expected.keys() == {"<eos>", *"abcde"}
    for symbol, probability in found.items():
        assert probability == pytest.approx(expected[symbol], rel=1e-5)


@given(st.text("abcde", max_size=6))
def test_a_score_is_that_of_the_next_symbols(text: str) -> None:
    bits = 0.0
    for position, symbol in enumerate([*text, "<eos>"]):
        bits -= math.log2(mixed_next(text[:position])[symbol])
    [score] = MIXTURE.score([text])
    assert score == pytest.approx(bits / (len(text) + 1), rel=1e-4)
    assert sum(MIXTURE.surprisals(text).bits) == pytest.approx(bits, rel=1e-4)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.sampled_from(["", "ab", "eda"]), st.sampled_from([0.0, 0.7, 1.3]))
def test_the_bits_of_a_generated_text_are_its_score(
    seed: int, prompt: str, temperature: float
) -> None:
    sampling = SamplingSettings(seed=seed, temperature=temperature, length=12)
    [generated] = MIXTURE.generator.generate(prompt, sampling)
    scored = MIXTURE.surprisals(generated.text)
    assert generated.bits == pytest.approx(
        sum(scored.bits[len(prompt) : len(prompt) + generated.symbols]), rel=1e-4
    )


def returning(decoder: Decoder, symbols: int) -> Decoder:
    return decoder


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([{}, {"top_k": 3}, {"repetition_penalty": 1.4}]))
def test_a_batch_a_single_text_a_stream_and_all_decoders_agree(
    seed: int, options: dict[str, Any]
) -> None:
    texts = MIXTURE.generate("a", n=9, seed=seed, length=20, **options)
    engine = MIXTURE.generator.engine
    for kind in (NumpyDecoder, CompiledDecoder):
        decoders = [kind(model.engine) for model in MIXTURE.models]
        choices = [functools.partial(returning, decoder) for decoder in decoders]
        generator = Generator(
            engine,
            MIXTURE.record.vocabulary,
            MIXTURE.record.labels,
            choose_decoder=MixtureDecoderChoice(components=engine.components, choices=choices),  # type: ignore[union-attr]
        )
        sampling = SamplingSettings(seed=seed, length=20, **options)
        assert [text.text for text in generator.generate("a", sampling, 9)] == texts
    for k in (0, 8):
        assert "a" + "".join(MIXTURE.stream("a", seed=seed + k, length=20, **options)) == texts[k]


def test_samples_have_the_frequencies_of_the_sums() -> None:
    """Odds of a failure: 5 standard deviations for each of six symbols, below 1e-5."""
    n = 20_000
    firsts = [text[:1] or "<eos>" for text in MIXTURE.generate(n=n, temperature=1, length=1)]
    expected = mixed_next("")
    total = sum(expected.values())  # ``<unk>`` is never sampled
    for symbol, unscaled in expected.items():
        probability = unscaled / total
        spread = math.sqrt(n * probability * (1 - probability))
        assert abs(firsts.count(symbol) - n * probability) < 5 * spread


def test_a_mixture_of_one_model_with_itself_is_that_model() -> None:
    same = charloom.mix([ABC, ABC], [0.25, 0.75])
    assert same.generate(n=30, seed=4) == ABC.generate(n=30, seed=4)
    texts = ["abc", "", "ccab"]
    assert same.score(texts) == pytest.approx(ABC.score(texts), rel=1e-5)
    assert same.evaluate(texts).accuracy == ABC.evaluate(texts).accuracy


def test_bits_are_at_most_those_of_a_model_and_the_logarithm_of_its_weight() -> None:
    """For texts of symbols that the model knows."""
    [mixed], [alone] = MIXTURE.score(["abcab"]), ABC.score(["abcab"])
    assert mixed <= alone + math.log2(1 / 0.5)


def test_labels_and_their_mixtures_are_those_of_the_models_that_have_them() -> None:
    assert MIXTURE.record.labels == ("x", "y", "z")
    assert MIXTURE.generate(label="z", n=5) != MIXTURE.generate(n=5)
    assert MIXTURE.generate(label={"y": 2}, n=5) == MIXTURE.generate(label="y", n=5)
    with pytest.raises(LabelError):
        MIXTURE.generate(label="w")
    text = "abd"
    bits = {label: MIXTURE.evaluate([(text, label)]).nats_per_symbol for label in "xyz"}
    assert MIXTURE.classify([text]) == [min(bits, key=bits.__getitem__)]


def test_beams_matches_sessions_and_masks_work() -> None:
    for text in MIXTURE.generate(match="[a-e]{3}", n=10, seed=2):
        assert len(text) == 3
    best = MIXTURE.generate(beam=40, n=3, length=3)
    bits = [sum(MIXTURE.surprisals(text).bits) for text in best]
    assert len(set(best)) == 3
    session = MIXTURE.generator.session("a", SamplingSettings(seed=3, length=9))
    list(session.generate())
    assert session.text == MIXTURE.generate("a", seed=3, length=9)[0]
    assert all(math.isfinite(value) for value in bits)


def test_novel_texts_are_new_to_all_models() -> None:
    first = make_model("abc", "lstm", 1, document_index=document_index(["a", "ab"]))
    second = make_model("cbd", "gru", 2, document_index=document_index(["c", "a"]))
    mixture = charloom.mix([first, second])
    texts = mixture.generate(n=60, seed=1, length=2, novel=True, tries=100)
    assert not {"a", "ab", "c"} & set(texts)
    assert {"a", "ab", "c"} & set(mixture.generate(n=60, seed=1, length=2))
    with pytest.raises(SettingsError, match="novel"):
        charloom.mix([first, ABC]).generate(novel=True)
    settings = TrainingSettings(index=False)
    unindexed = Model(dataclasses.replace(ABC.record, training=settings))
    with pytest.raises(SettingsError, match="this model was trained with --no-index"):
        charloom.mix([first, unindexed]).generate(novel=True)
