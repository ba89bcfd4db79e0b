"""The best texts of a beam search and their bits, against float64 loops over all strings.

No two texts of these networks have ranks so close that float32 would change their order.
"""

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from decoders import CountingEngine, MakeDecoder, each_decoder, generator_with
from networks import (
    GATES,
    make_vocabulary,
    markov_chain,
    markov_tensors,
    network_id,
    random_tensors,
)

from charloom.data.sources import Document
from charloom.errors import SettingsError
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.generation.decode_loop import NumpyDecoder
from charloom.generation.detokenizer import GeneratedText
from charloom.generation.generator import Generator
from charloom.network.engine import Engine
from charloom.network.reference import Network, State
from charloom.settings import Level, NetworkSettings, SamplingSettings
from charloom.text.symbols import BYTES, join
from charloom.text.vocabulary import EOS, UNK, Vocabulary

LABELS = ("x", "y")
SETTINGS = [NetworkSettings(cell=cell, hidden=4, layers=2, input=3, dropout=0.0) for cell in GATES]
networks = pytest.mark.parametrize("network", SETTINGS, ids=network_id)
SYMBOLS: dict[Level, list[str]] = {
    "char": ["a", "b", "c"],
    "byte": [BYTES[byte] for byte in (0xC3, 0xA9, 0x61)],
    "grapheme": ["e\u0301", "a", "\r\n"],
    "word": ["ab", "a", "ba"],
}


@dataclasses.dataclass(frozen=True)
class Hypothesis:
    """An unfinished or ended text of the oracle."""

    ids: tuple[int, ...]
    score: float
    nats: float
    ended: bool = False


class Oracle:
    """A language model and the texts that it allows, in plain loops and float64."""

    def __init__(
        self, network: Network, vocabulary: Vocabulary, prompt: str, settings: SamplingSettings
    ) -> None:
        self.vocabulary = vocabulary
        self.prompt = prompt
        self.settings = settings
        self.network = network
        self.states: dict[tuple[int, ...], tuple[list[float], State]] = {}

    def probabilities(self, ids: tuple[int, ...]) -> tuple[list[float], State]:
        """Return the log probabilities after some symbols, and the state."""
        if ids not in self.states:
            label = self.settings.label
            state = self.network.initial_state(
                np.array([-1 if label is None else LABELS.index(label)])
            )
            last = [EOS, *self.vocabulary.encode(self.prompt).tolist()]
            if ids:
                state, last = self.probabilities(ids[:-1])[1], [ids[-1]]
            for one in last:
                logits, state = self.network.step(np.array([one]), state)
            largest = float(logits.max())
            norm = largest + math.log(math.fsum(np.exp(logits[0] - largest).tolist()))
            self.states[ids] = ([logit - norm for logit in logits[0].tolist()], state)
        return self.states[ids]

    def added(self, ids: tuple[int, ...]) -> tuple[str, bool]:
        """Return the text of some symbols up to a stop string, and whether there is one."""
        level = self.vocabulary.level
        symbols = [self.vocabulary.symbols[one] for one in ids if one != EOS]
        text = join(symbols, level)
        found = [text.index(stop) for stop in self.settings.stop if stop in text]
        return (text[: min(found)], True) if found else (text, False)

    def longer(self, text: Hypothesis) -> Iterator[Hypothesis]:
        """Yield the text with each symbol that may follow."""
        settings = self.settings
        logs, _ = self.probabilities(text.ids)
        for one, symbol in enumerate(self.vocabulary.symbols):
            bias = settings.bias.get(symbol, 0)
            short = len(text.ids) < settings.min_length
            if one == UNK or bias == -math.inf or (one == EOS and short):
                continue
            ids = (*text.ids, one)
            full = len(ids) == settings.length
            yield Hypothesis(
                ids=ids,
                score=text.score + logs[one] + bias,
                nats=text.nats - logs[one],
                ended=one == EOS or full or self.added(ids)[1],
            )

    def rank(self, text: Hypothesis) -> float:
        penalty = self.settings.length_penalty
        return text.score / math.pow(len(text.ids), 1 if penalty is None else penalty)

    def all_texts(self, below: Hypothesis = Hypothesis((), 0.0, 0.0)) -> Iterator[Hypothesis]:
        for text in self.longer(below):
            if not text.ended:
                yield from self.all_texts(text)
            elif self.settings.match is None or self.matches(text):
                yield text

    def matches(self, text: Hypothesis) -> bool:
        assert self.settings.match is not None
        return bool(re.fullmatch(self.settings.match, self.prompt + self.added(text.ids)[0]))

    def beam_texts(self) -> Iterator[Hypothesis]:
        """Yield all ended texts of a beam search that always runs to the maximum length."""
        width, living = self.settings.beam, [Hypothesis((), 0.0, 0.0)]
        assert width is not None
        for length in range(1, self.settings.length + 1):
            candidates = [text for before in living for text in self.longer(before)]
            candidates.sort(key=lambda text: (-text.score, text.ids))
            living = []
            for text in candidates:
                if len(living) == width:
                    break
                cut_off = length == self.settings.length and not self.ends_by_itself(text)
                if not text.ended or cut_off:
                    living.append(text)
                if text.ended:
                    yield text

    def ends_by_itself(self, text: Hypothesis) -> bool:
        return text.ids[-1] == EOS or self.added(text.ids)[1]

    def best(self, texts: Iterator[Hypothesis]) -> list[GeneratedText]:
        """Return the distinct texts, best first."""
        result: dict[str, GeneratedText] = {}
        for text in sorted(texts, key=lambda text: (-self.rank(text), len(text.ids), text.ids)):
            added, cut = self.added(text.ids)
            result.setdefault(
                added,
                GeneratedText(
                    text=self.prompt + added,
                    prompt=self.prompt,
                    seed=self.settings.seed,
                    bits=text.nats / math.log(2),
                    symbols=len(text.ids),
                    stopped="eos" if text.ids[-1] == EOS else "stop" if cut else "length",
                    label=self.settings.label,
                ),
            )
        return list(result.values())


def check_same(found: list[GeneratedText], expected: list[GeneratedText]) -> None:
    """Compare texts in order, up to the rounding of their bits."""
    for one, other in zip(found, expected, strict=True):
        assert one == dataclasses.replace(other, bits=one.bits)
        assert one.bits == pytest.approx(other.bits, rel=1e-5, abs=1e-5)


def both(
    network: NetworkSettings,
    level: Level,
    prompt: str,
    settings: SamplingSettings,
    seed: int = 0,
    make_decoder: MakeDecoder = NumpyDecoder,
) -> tuple[Generator, Oracle]:
    vocabulary = make_vocabulary(SYMBOLS[level], level)
    tensors = random_tensors(network, len(vocabulary), len(LABELS), seed=seed, scale=0.9)
    generator = generator_with(make_decoder, Engine(network, tensors), vocabulary, LABELS)
    return generator, Oracle(Network(network, tensors), vocabulary, prompt, settings)


CASES: list[tuple[Level, str, dict[str, Any]]] = [
    ("char", "", {}),
    ("char", "", {"label": "y", "length": 1}),
    ("char", "ab", {"length_penalty": 0.0}),
    ("char", "", {"length_penalty": 0.6, "label": "x"}),
    ("char", "cé", {"length_penalty": 3}),
    ("char", "", {"min_length": 2}),
    ("char", "", {"min_length": 4, "length_penalty": 0.0}),
    ("char", "a", {"bias": {"b": -math.inf}}),
    ("char", "", {"bias": {"<eos>": -math.inf}}),
    ("char", "", {"bias": {"c": -0.7, "<eos>": -1}, "length_penalty": 0.5}),
    ("char", "", {"bias": {"a": 0.9, "b": 0.4}, "length_penalty": 0.5}),
    ("char", "", {"bias": {"c": 2.5}, "length_penalty": 0.0}),
    ("char", "", {"bias": {"<eos>": 5}, "length_penalty": 2.0}),
    ("char", "ab", {"stop": ("bb", "c")}),
    ("char", "ab", {"stop": ("abb", "b", "ca"), "length_penalty": 0.0, "min_length": 3}),
    ("char", "", {"stop": ("a", "b", "c")}),
    ("char", "", {"match": "[ab]*c?"}),
    ("char", "b", {"match": "b(a|bc)*", "min_length": 2, "length_penalty": 0.3}),
    ("char", "", {"match": "(ab)+|c", "bias": {"a": 1.5}}),
    ("byte", "", {}),
    ("byte", "é", {"length_penalty": 0.0}),
    ("byte", "", {"stop": ("é", "aa")}),
    ("grapheme", "", {"stop": ("\n",), "length_penalty": 0.4}),
    ("word", "", {"length_penalty": 1.5}),
    ("word", "a", {"stop": ("aa", "bb"), "length_penalty": 0.0}),
]
cases = pytest.mark.parametrize(("level", "prompt", "options"), CASES)
WIDE = 500
"""More hypotheses than these searches can have."""


@each_decoder
@networks
@cases
def test_a_beam_that_holds_all_hypotheses_finds_the_best_of_all_texts(
    network: NetworkSettings,
    level: Level,
    prompt: str,
    options: dict[str, Any],
    make_decoder: MakeDecoder,
) -> None:
    settings = SamplingSettings(**{"length": 4, "beam": WIDE, "seed": 7} | options)
    generator, oracle = both(network, level, prompt, settings, make_decoder=make_decoder)
    expected = oracle.best(oracle.all_texts())
    check_same(generator.generate(prompt, settings, n=WIDE), expected)
    for n in (1, 3):
        check_same(generator.generate(prompt, settings, n=n), expected[:n])


@each_decoder
@networks
@pytest.mark.parametrize("width", [1, 2, 3, 7])
@pytest.mark.parametrize(
    "options",
    [
        {"length_penalty": 0.0},
        {"length_penalty": 0.5, "label": "x"},
        {},
        {"min_length": 5, "length_penalty": 0.0},
        {"stop": ("ab", "cc")},
        {"stop": ("ab", "cc"), "length_penalty": 0.0},
        {"bias": {"a": -math.inf, "b": 0.3}},
        {"bias": {"<eos>": -1.5}, "length_penalty": 0.2},
    ],
)
def test_a_narrow_beam_finds_the_texts_of_plain_loops(
    network: NetworkSettings, width: int, options: dict[str, Any], make_decoder: MakeDecoder
) -> None:
    """Also where the search ends early, while the loops run to the maximum length."""
    settings = SamplingSettings(length=12, beam=width, **options)
    generator, oracle = both(network, "char", "b", settings, 1, make_decoder)
    expected = oracle.best(oracle.beam_texts())
    check_same(generator.generate("b", settings, n=width), expected[:width])


# The more probable first symbol is misleading: anything follows "a", but the end follows "b".
GARDEN = [
    [0.00, 0, 0.6, 0.4, 0.0],
    [1.00, 0, 0.0, 0.0, 0.0],
    [0.25, 0, 0.25, 0.25, 0.25],
    [1.00, 0, 0.0, 0.0, 0.0],
    [0.50, 0, 0.5, 0.0, 0.0],
]
ABC = make_vocabulary("abc")


def chain(probabilities: Sequence[Sequence[float]] = GARDEN) -> Generator:
    return Generator(markov_chain(probabilities), ABC)


def test_a_beam_finds_a_better_text_than_greedy_decoding() -> None:
    greedy = chain().generate("", SamplingSettings(temperature=0.0))[0]
    assert greedy.text.startswith("a")
    best = chain().generate("", SamplingSettings(beam=2, length_penalty=0.0), n=2)
    assert [one.text for one in best] == ["b", "a"]
    assert [one.bits for one in best] == pytest.approx([-math.log2(0.4), -math.log2(0.15)])
    assert [(one.symbols, one.stopped) for one in best] == [(2, "eos"), (2, "eos")]


@networks
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stop": ("ab", "cc")},
        {"min_length": 9, "bias": {"a": -0.5}},
        {"match": "[abc]*(ab|c)b"},
        {"bias": {"<eos>": -math.inf}, "label": "y"},
    ],
)
def test_a_beam_of_one_without_length_penalty_is_greedy(
    network: NetworkSettings, options: dict[str, Any]
) -> None:
    """Unless a positive bias makes a longer text better than the one that ended."""
    settings = SamplingSettings(beam=1, length_penalty=0.0, length=30, **options)
    greedy = SamplingSettings(temperature=0.0, length=30, **options)
    for seed in range(5):
        generator, _ = both(network, "char", "b", settings, seed=seed)
        check_same(generator.generate("b", settings), generator.generate("b", greedy))


@networks
def test_bits_equal_those_of_the_scorer(network: NetworkSettings) -> None:
    settings = SamplingSettings(beam=60, length=6, length_penalty=0.0)
    generator, oracle = both(network, "char", "", settings)
    whole = [one for one in generator.generate("", settings, n=60) if one.stopped == "eos"]
    assert len(whole) > 5
    tensors = random_tensors(network, len(oracle.vocabulary), len(LABELS), seed=0, scale=0.9)
    scores = Scorer(SymbolScorer(network, tensors), oracle.vocabulary).score(
        Document(text=one.text) for one in whole
    )
    assert [one.bits for one in whole] == pytest.approx([score.bits for score in scores], rel=1e-5)


def test_texts_of_equal_rank_are_ordered_by_symbols_and_ids() -> None:
    """All symbols are always equally probable, so only ties decide."""
    generator = chain([[1 / 3, 0, 1 / 3, 1 / 3, 0]] * 5)
    options: dict[str, Any] = {"length": 2, "bias": {"c": -math.inf}}
    every = ["", "a", "aa", "ab", "b", "ba", "bb"]
    for penalty in (0, 1, 1.0):
        settings = SamplingSettings(beam=9, length_penalty=penalty, **options)
        assert [one.text for one in generator.generate("", settings, n=9)] == every
    narrow = SamplingSettings(beam=2, **options)
    assert [one.text for one in generator.generate("", narrow, n=2)] == ["", "a"]


def test_of_equal_hypotheses_those_of_lower_ids_continue() -> None:
    """``aa``, ``ba`` and ``bb`` have probability 0.12; ``b``, the prefix of two of them, 0.4."""
    probabilities: list[list[float]] = [
        [0, 0, 0.3, 0.4, 0.3],
        [0] * 5,
        [0.3, 0, 0.4, 0, 0.3],
        [0.4, 0, 0.3, 0.3, 0],
    ]
    settings = SamplingSettings(beam=2, length=2, length_penalty=0.0)
    found = chain([*probabilities, probabilities[0]]).generate("", settings, n=2)
    assert [one.text for one in found] == ["b", "aa"]


def test_a_text_with_two_spellings_is_returned_once() -> None:
    """``a`` may end by the boundary, or before the stop string ``b``, which is more probable."""
    generator = chain(
        [[0, 0, 1, 0, 0], [0] * 5, [0.4, 0, 0, 0.5, 0.1], [1] + [0] * 4, [1] + [0] * 4]
    )
    settings = SamplingSettings(beam=3, length_penalty=0.0, stop=("b",))
    found = generator.generate("", settings, n=3)
    assert [one.text for one in found[:2]] == ["a", "ac"]
    assert (found[0].stopped, found[0].symbols) == ("stop", 2)
    assert found[0].bits == pytest.approx(1.0, abs=1e-5)
    assert len({one.text for one in found}) == len(found)


def test_ended_texts_do_not_count_toward_the_width_of_the_beam() -> None:
    """Two of three first symbols end a text at once; the third continues in a beam of one."""
    generator = chain([[0, 0, 0.5, 0.4, 0.1], [0] * 5, [1] + [0] * 4, [1] + [0] * 4, [1] + [0] * 4])
    settings = SamplingSettings(beam=1, stop=("a", "b"), length=2, length_penalty=9.0)
    assert [one.text for one in generator.generate("", settings)] == ["c"]


def test_fewer_texts_than_requested_if_there_are_no_more() -> None:
    settings = SamplingSettings(beam=9, match="ab|c(ab)?c", length_penalty=0.0)
    generator, _ = both(SETTINGS[0], "char", "", settings)
    found = {one.text for one in generator.generate("", settings, n=9)}
    assert found == {"ab", "cc", "cabc"}


class FakeFilter:
    """A novelty filter that records the texts it examines."""

    def __init__(self, accepts: Callable[[str], bool]) -> None:
        self.examined: list[str] = []
        self._accepts = accepts

    def admit(self, text: str) -> bool:
        self.examined.append(text)
        return self._accepts(text)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_the_filter_examines_the_best_texts_first_and_no_more_than_needed(penalty: float) -> None:
    settings = SamplingSettings(beam=WIDE, length=4, length_penalty=penalty, stop=("b",))
    generator, _ = both(SETTINGS[0], "char", "a", settings)
    every = generator.generate("a", settings, n=WIDE)
    passing = [one for one in every if len(one.text) % 2]
    chosen: Any = FakeFilter(lambda text: len(text) % 2 == 1)
    assert generator.generate("a", settings, 4, chosen) == passing[:4]
    assert chosen.examined == [one.text for one in every[: every.index(passing[3]) + 1]]
    nothing: Any = FakeFilter(lambda text: False)
    assert generator.generate("a", settings, 4, nothing) == []
    assert nothing.examined == [one.text for one in every]


def counting(
    probabilities: Sequence[Sequence[float]],
) -> tuple[CountingEngine, Generator]:
    settings, tensors = markov_tensors(probabilities)
    engine = CountingEngine(settings, {key: one.astype(np.float32) for key, one in tensors.items()})
    return engine, generator_with(NumpyDecoder, engine, ABC)


@pytest.mark.parametrize("length", [500, 2**70])
def test_a_search_ends_once_nothing_better_can_come(length: int) -> None:
    """Without length penalty a hypothesis only gets worse: here half as probable each time.

    The best texts are "" (1/2), "a" (1/8) and "b" (1/8); hypotheses of two symbols have 1/16.
    """
    engine, generator = counting([[0.5, 0, 0.25, 0.25, 0]] * 5)
    settings = SamplingSettings(beam=3, length_penalty=0.0, length=length, bias={"c": -math.inf})
    found = generator.generate("", settings, n=3)
    assert [one.text for one in found] == ["", "a", "b"]
    assert engine.calls == [1, 2]


def test_a_search_continues_while_a_better_text_is_possible() -> None:
    """The first symbol of the best text is improbable, and all others are certain."""
    free = [0, 0, 0, 0, 1.0]
    generator = chain([[0.9, 0, 0.05, 0, 0.05], [0] * 5, [1.0, 0, 0, 0, 0], [0] * 5, free])
    for length, text in ((10, ""), (100, "c" * 100)):
        settings = SamplingSettings(beam=3, length=length, length_penalty=1.0)
        # -log(0.05) / 100 = -0.030 is better than log(0.9) = -0.105, and -log(0.05) / 10 is not.
        assert generator.generate("", settings)[0].text == text


def test_a_step_reads_all_hypotheses_at_once_but_never_the_last_symbols() -> None:
    engine, generator = counting([[0.1, 0, 0.3, 0.3, 0.3]] * 5)
    settings = SamplingSettings(beam=5, length=20)
    generator.generate("abc", settings, n=5)
    assert engine.calls == [1, 1, 1, 1, 3, *[5] * 18]


@pytest.mark.parametrize("penalty", [1e300, 10**400, 1e-300])
def test_length_penalties_of_any_magnitude(penalty: float) -> None:
    settings = SamplingSettings(beam=4, length=6, length_penalty=penalty)
    found = chain().generate("", settings, n=4)
    assert len(found) == 4
    least = SamplingSettings(beam=4, length=6, length_penalty=0)
    assert penalty > 1 or found == chain().generate("", least, n=4)


@pytest.mark.parametrize("bias", [1e300, 10**400])
def test_biases_of_any_magnitude(bias: float) -> None:
    settings = SamplingSettings(beam=3, length=5, bias={"c": bias, "b": -bias})
    found = chain().generate("", settings, n=3)
    assert found[0].text == "ccccc"
    assert "b" not in found[0].text + found[1].text


@pytest.mark.parametrize(("n", "width", "held"), [(5, 3, "3 texts"), (2, 1, "1 text")])
def test_more_texts_than_the_width_of_the_beam_are_refused(n: int, width: int, held: str) -> None:
    with pytest.raises(SettingsError) as error:
        chain().generate("", SamplingSettings(beam=width), n=n)
    assert str(error.value) == (
        f"n is {n}, but a beam of {width} holds {held}; widen the beam, or ask for fewer."
    )
