"""The generator on Markov chains, where every text and its bits can be computed by hand."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from decoders import CountingEngine, generator_with
from networks import make_vocabulary, markov_chain, random_tensors
from numpy.typing import NDArray

from charloom.errors import LabelError, SettingsError
from charloom.generation.decode_loop import NUMPY_BATCH, NumpyDecoder
from charloom.generation.generator import Generator, label_id
from charloom.network.engine import Engine
from charloom.randomness import uniform
from charloom.settings import NetworkSettings, SamplingSettings
from charloom.text.symbols import split

LETTERS = "abc"
EOS, UNK, A, B, C = range(5)

# After the boundary always "a"; then "b" or "c"; "c" may end; after the unknown symbol "c".
PROBABILITIES = np.array(
    [
        [0.00, 0.00, 1.00, 0.00, 0.00],
        [0.00, 0.00, 0.00, 0.00, 1.00],
        [0.00, 0.25, 0.00, 0.50, 0.25],
        [0.00, 0.00, 0.50, 0.00, 0.50],
        [0.50, 0.25, 0.25, 0.00, 0.00],
    ]
)
# <eos>, a, b, c, <eos>
CYCLE = [[0, 0, 1, 0, 0], [0] * 5, [0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [1, 0, 0, 0, 0]]
GREEDY = SamplingSettings(temperature=0.0)


def chain(probabilities: Sequence[Sequence[float]] | NDArray[Any] = PROBABILITIES) -> Generator:
    return Generator(markov_chain(probabilities), make_vocabulary(LETTERS))


def by_hand(seed: int, temperature: float) -> tuple[str, float]:
    """Sample from PROBABILITIES with plain loops; return the text and its bits."""
    last, text, bits = EOS, "", 0.0
    for position in range(1000):
        weights = [p ** (1 / temperature) for p in PROBABILITIES[last]]
        weights[UNK] = 0.0
        generated = uniform(np.array([seed], np.uint64), np.array([position], np.uint64))
        left = float(generated[0]) * sum(weights)
        for last, weight in enumerate(weights):  # noqa: B007
            if left < weight:
                break
            left -= weight
        bits -= math.log2(PROBABILITIES[EOS if not text else A + LETTERS.index(text[-1])][last])
        if last == EOS:
            return text, bits
        text += LETTERS[last - A]
    raise AssertionError("the chain ends before")


@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.8])
def test_texts_and_bits_are_those_of_plain_loops(temperature: float) -> None:
    """Bits are those of the model at temperature 1, with the probability of <unk>."""
    settings = SamplingSettings(temperature=temperature, seed=5, length=1000)
    for k, generated in enumerate(chain().generate("", settings, n=40)):
        text, bits = by_hand(5 + k, temperature)
        assert (generated.text, generated.seed, generated.stopped) == (text, 5 + k, "eos")
        assert generated.symbols == len(text) + 1
        assert generated.bits == pytest.approx(bits, abs=1e-5)


def test_a_greedy_text_has_the_most_probable_symbols() -> None:
    generated = chain(CYCLE).generate("", GREEDY)[0]
    assert (generated.text, generated.prompt, generated.stopped, generated.symbols) == (
        "abc",
        "",
        "eos",
        4,
    )
    assert generated.bits == pytest.approx(0.0, abs=1e-6)


def test_a_text_begins_with_its_prompt() -> None:
    generated = chain(CYCLE).generate("cab", GREEDY)[0]
    assert (generated.text, generated.prompt, generated.symbols) == ("cabc", "cab", 2)


def test_unknown_symbols_of_the_prompt_stay_in_the_text() -> None:
    assert chain().generate("é", SamplingSettings(length=1))[0].text == "éc"


def test_a_text_ends_at_the_maximum_length() -> None:
    generated = chain(CYCLE).generate("a", dataclasses.replace(GREEDY, length=2))[0]
    assert (generated.text, generated.stopped, generated.symbols) == ("abc", "length", 2)


def test_the_boundary_counts_in_the_maximum_length() -> None:
    generated = chain(CYCLE).generate("a", dataclasses.replace(GREEDY, length=3))[0]
    assert (generated.text, generated.stopped, generated.symbols) == ("abc", "eos", 3)


def test_a_text_ends_before_a_stop_string() -> None:
    """The symbols of the stop string were sampled, so bits and symbols count them."""
    endless = np.array(CYCLE, float)
    endless[B], endless[C] = [0, 0, 0.5, 0, 0.5], [0, 0, 1, 0, 0]
    settings = SamplingSettings(temperature=1.0, stop=("bca",), seed=3)
    generated = chain(endless).generate("", settings)[0]
    assert generated.stopped == "stop"
    assert set(split(generated.text, "char")) <= {"a", "b"}
    assert generated.symbols == len(generated.text) + 3
    assert generated.bits == pytest.approx((generated.text + "bca").count("b"), abs=1e-5)


def test_a_stop_string_within_the_prompt_does_not_end_the_text() -> None:
    generated = chain(CYCLE).generate("ab", dataclasses.replace(GREEDY, stop=("ab", "bc")))[0]
    assert (generated.text, generated.stopped) == ("abc", "eos")


def test_more_texts_than_a_batch_equal_single_texts() -> None:
    generator, settings = chain(), SamplingSettings(temperature=1.0, seed=9)
    many = generator.generate("", settings, n=NUMPY_BATCH + 2)
    assert len(many) == NUMPY_BATCH + 2
    for k in (NUMPY_BATCH - 1, NUMPY_BATCH, NUMPY_BATCH + 1):
        alone = dataclasses.replace(settings, seed=9 + k)
        assert many[k] == generator.generate("", alone)[0]


def test_seeds_up_to_the_largest_are_allowed_and_no_further() -> None:
    settings = SamplingSettings(seed=2**63 - 2)
    generated = chain().generate("", settings, n=2)
    assert [one.seed for one in generated] == [2**63 - 2, 2**63 - 1]
    with pytest.raises(SettingsError) as error:
        chain().generate("", settings, n=3)
    assert str(error.value) == (
        "seed is 9223372036854775806, and each of 3 texts takes the next one; "
        "it must be at most 9223372036854775805."
    )


@pytest.mark.parametrize("n", [0, -3])
def test_fewer_than_one_text_is_refused(n: int) -> None:
    with pytest.raises(SettingsError) as error:
        chain().generate("", GREEDY, n=n)
    assert str(error.value) == f"n is {n}; it must be a whole number of at least 1."


@pytest.mark.parametrize("stop", [(), ("c",), ("ba",), ("zz",)])
def test_a_stream_is_the_text_that_generate_adds(stop: tuple[str, ...]) -> None:
    generator = chain()
    for seed in range(20):
        settings = SamplingSettings(temperature=1.3, seed=seed, stop=stop)
        pieces = list(generator.stream("ab", settings))
        assert "ab" + "".join(pieces) == generator.generate("ab", settings)[0].text
        assert "" not in pieces


def test_a_stream_of_bytes_yields_whole_characters() -> None:
    first, second = split("é", "byte")
    probabilities = [[0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    generator = Generator(markov_chain(probabilities), make_vocabulary([first, second], "byte"))
    settings = SamplingSettings(temperature=0.0, length=5)
    assert list(generator.stream("", settings)) == ["é", "é", "\ufffd"]
    assert generator.generate("é", settings)[0].text == "ééé\ufffd"


def counting() -> tuple[CountingEngine, Generator]:
    """Return an endless network and its generator in NumPy, whose calls can be counted."""
    settings = NetworkSettings(cell="gru", hidden=3, input="one-hot")
    tensors = random_tensors(settings, 5)
    tensors["output.bias"][EOS] = -1000
    engine = CountingEngine(settings, tensors)
    return engine, generator_with(NumpyDecoder, engine, make_vocabulary(LETTERS))


def test_a_prompt_is_read_once_and_each_symbol_costs_one_step() -> None:
    engine, generator = counting()
    generator.generate("abc" * 500, SamplingSettings(length=130), n=7)
    assert engine.calls == [1] * (1 + 3 * 500) + [7] * 129


def test_a_stream_decodes_no_further_than_it_is_read() -> None:
    engine, generator = counting()
    stream = generator.stream("ab", SamplingSettings())
    assert [len(next(stream)) for _ in range(4)] == [1] * 4
    assert len(engine.calls) == 3 + 3


@pytest.mark.parametrize("options", [{"beam": 3}, {"novel": True}, {"unique": True}])
def test_options_that_compare_whole_texts_cannot_be_streamed(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as error:
        chain().stream("", SamplingSettings(**options))
    assert str(error.value) == (
        "beam, novel, novel-file, unique, accepted-only and match-by trial judge whole texts, "
        "which are not streamed; leave them out, or do not stream."
    )


@pytest.mark.parametrize("prompt", ["ab", "xaby"])
def test_a_prompt_is_checked_without_generating(prompt: str) -> None:
    settings = SamplingSettings(forbid=("ab",))
    for check in (chain().check_prompt, chain().generate):
        with pytest.raises(SettingsError) as caught:
            check(prompt, settings)
        assert str(caught.value) == (
            f"the prompt, {prompt!r}, holds the forbidden string 'ab'; change the prompt, or do "
            "not forbid it."
        )
    chain().check_prompt("a", settings)


def test_next_returns_all_but_the_unknown_symbol_most_probable_first() -> None:
    result = chain().next("ac")
    assert [symbol for symbol, _ in result] == ["<eos>", "a", "b", "c"]
    assert [probability for _, probability in result] == pytest.approx([0.5, 0.25, 0, 0], abs=1e-9)
    assert chain().next("é")[0] == ("c", 1.0)


def labelled() -> tuple[Engine, Generator]:
    settings = NetworkSettings(cell="lstm", hidden=4, layers=2, input=3)
    network = Engine(settings, random_tensors(settings, 5, labels=2, seed=1, scale=1.0))
    return network, Generator(network, make_vocabulary(LETTERS), ("news", "sport"))


@pytest.mark.parametrize(("label", "index"), [(None, -1), ("news", 0), ("sport", 1)])
def test_a_label_sets_the_initial_state(label: str | None, index: int) -> None:
    network, generator = labelled()
    logits, _ = network.step(np.array([EOS]), network.initial_state(np.array([index])))
    weights = [math.exp(logit) for logit in logits[0]]
    probabilities = dict(generator.next("", label))
    for symbol, number in {"<eos>": EOS, "a": A, "b": B, "c": C}.items():
        assert probabilities[symbol] == pytest.approx(weights[number] / sum(weights))
    generated = generator.generate("", SamplingSettings(label=label, length=1, temperature=0.0))[0]
    assert generated.label == label
    assert generated.bits == pytest.approx(-math.log2(max(probabilities.values())))


def test_an_unknown_label_is_refused() -> None:
    _, generator = labelled()
    settings = SamplingSettings(label="sports")
    for call in (
        lambda: generator.generate("", settings),
        lambda: generator.stream("", settings),
        lambda: generator.next("", "sports"),
    ):
        with pytest.raises(LabelError) as error:
            call()
        assert str(error.value) == (
            "label 'sports' is not known to this model; known labels: news, sport."
        )


def test_an_error_lists_twenty_labels() -> None:
    with pytest.raises(LabelError) as error:
        label_id("x", [str(number) for number in range(23)])
    listed = ", ".join(str(number) for number in range(20))
    assert str(error.value) == (
        f"label 'x' is not known to this model; known labels: {listed} and 3 more."
    )


def test_a_label_is_refused_by_a_model_without_labels() -> None:
    with pytest.raises(LabelError) as error:
        chain().generate("", SamplingSettings(label="news"))
    assert str(error.value) == (
        "label 'news' was asked for, but this model has no labels; "
        "leave the label out, or train a model with --label-column."
    )
