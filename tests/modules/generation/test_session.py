"""A session gives the text of a naive replay of its edits."""

import dataclasses
import math
import re
import types
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from decoders import CountingEngine, generator_with
from hypothesis import given
from hypothesis import strategies as st
from networks import NETWORKS, make_vocabulary, markov_chain, network_id, random_tensors

from charloom.errors import LabelError, SettingsError
from charloom.generation.compiled_decode import CompiledDecoder
from charloom.generation.decode_loop import NumpyDecoder
from charloom.generation.generator import Generator
from charloom.generation.session import Choice, Session
from charloom.network.engine import Engine
from charloom.randomness import uniform
from charloom.settings import NetworkSettings, SamplingSettings
from charloom.settings.limits import MAX_SEED
from charloom.text.symbols import split

LETTERS = "abcdef"
LABELS = ("x", "y")
EOS, UNK, A, B, C = range(5)
ALL = 100
SMALL = NetworkSettings(cell="gru", hidden=5, layers=2, input=3, dropout=0.0)


def engine_of(network: NetworkSettings) -> Engine:
    tensors = random_tensors(network, len(LETTERS) + 2, len(LABELS), seed=4, scale=0.8)
    return Engine(network, tensors)


ENGINE = engine_of(SMALL)
VOCABULARY = make_vocabulary(LETTERS)
GENERATOR = Generator(ENGINE, VOCABULARY, LABELS)
# From a to b, to c, to a; c may be the end.
ROUND = markov_chain(
    [[0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [0.25, 0, 0.75, 0, 0]]
)
CIRCLE = Generator(ROUND, make_vocabulary("abc"))
GREEDY = SamplingSettings(temperature=0.0)


def generate(session: Session, symbols: int | None = None) -> str:
    """Generate to the end; return the committed text."""
    return "".join(session.generate(symbols))


def offered(session: Session, symbol: str) -> Choice:
    """Return the choice of one symbol."""
    return {choice.symbol: choice for choice in session.choices(ALL)}[symbol]


SAMPLINGS = [
    SamplingSettings(temperature=0.0),
    SamplingSettings(temperature=1.5, label="y", length=40),
    SamplingSettings(stop=("ab", "cc"), min_length=4, bias={"<eos>": -1, "d": -math.inf}),
    SamplingSettings(top_k=4, top_p=0.9, min_p=0.01, repetition_penalty=1.3, repetition_span=2),
    SamplingSettings(length=1),
]


@pytest.mark.parametrize("network", NETWORKS[::3], ids=network_id)
@pytest.mark.parametrize("settings", SAMPLINGS, ids=range(len(SAMPLINGS)))
def test_generating_from_the_start_gives_the_text_of_the_generator(
    network: NetworkSettings, settings: SamplingSettings
) -> None:
    generator = Generator(engine_of(network), VOCABULARY, LABELS)
    for seed in range(3):
        seeded = dataclasses.replace(settings, seed=seed)
        expected = generator.generate("fé", seeded)[0]
        session = generator.session("fé", seeded)
        assert "fé" + generate(session) == session.text == session.committed == expected.text
        assert session.stopped == expected.stopped


def test_generating_in_parts_gives_the_whole_text() -> None:
    settings = SamplingSettings(temperature=1.2, length=60, seed=3, bias={"<eos>": -math.inf})
    whole = GENERATOR.session("ab", settings)
    parts = GENERATOR.session("ab", settings)
    pieces = [generate(parts, symbols) for symbols in (1, 7, 20)]
    assert [len(piece) for piece in pieces] == [1, 7, 20]
    assert "".join(pieces) + generate(parts) == generate(whole)


@pytest.mark.parametrize("settings", SAMPLINGS[:4], ids=range(4))
def test_numpy_equals_compiled(settings: SamplingSettings) -> None:
    results = []
    for make_decoder in (NumpyDecoder, CompiledDecoder):
        generator = generator_with(make_decoder, ENGINE, VOCABULARY, LABELS)
        session = generator.session("b", dataclasses.replace(settings, min_length=7))
        generate(session, 2)
        session.type("fad")
        probabilities = [choice.probability for choice in session.choices(ALL)]
        session.choose(session.choices(2)[-1].index)
        generate(session)
        results.append((session.text, session.stopped, probabilities))
    assert results[0] == results[1]


class ByHand:
    """Replays a session in plain loops, and reads the whole text again for every symbol."""

    def __init__(self, prompt: str, settings: SamplingSettings) -> None:
        self.prompt = prompt
        self.settings = settings
        self.seed = settings.seed
        self.edits: list[tuple[str, list[str]]] = []

    @property
    def symbols(self) -> list[str]:
        return [symbol for _, symbols in self.edits for symbol in symbols]

    @property
    def text(self) -> str:
        return self.prompt + "".join(s for s in self.symbols if s != "<eos>")

    @property
    def ended(self) -> bool:
        return "<eos>" in self.symbols or len(self.symbols) == self.settings.length

    def probabilities(self) -> dict[str, float]:
        """Return the probability of every possible symbol, in the order of the ids."""
        known = dict(zip(LETTERS, range(2, 8), strict=True))
        state = ENGINE.initial_state(np.array([-1]))
        for index in [EOS, *(known.get(symbol, UNK) for symbol in self.text)]:
            logits, state = ENGINE.step(np.array([index]), state)
        weights: dict[str, float] = {}
        for symbol, logit in zip(VOCABULARY.symbols, logits[0].tolist(), strict=True):
            biased = logit + self.settings.bias.get(symbol, 0.0)
            early = symbol == "<eos>" and len(self.symbols) < self.settings.min_length
            if symbol != "<unk>" and not early:
                weights[symbol] = math.exp(biased / (self.settings.temperature or 1))
        best = sorted(weights, key=lambda symbol: -weights[symbol])[: self.settings.top_k]
        total = sum(weights[symbol] for symbol in best)
        return {symbol: weights[symbol] / total for symbol in weights if symbol in best}

    def sample(self, count: int) -> None:
        generated: list[str] = []
        self.edits.append(("sampled", generated))
        while len(generated) < count and not self.ended:
            at = (np.array([self.seed], np.uint64), np.array([len(self.symbols)], np.uint64))
            number = float(uniform(*at)[0])
            for symbol, probability in self.probabilities().items():  # noqa: B007
                number -= probability
                if number < 0:
                    break
            generated.append(symbol)

    def undo(self, count: int) -> int:
        undone = self.edits[-count:]
        del self.edits[-count:]
        self.seed += any(kind == "sampled" for kind, _ in undone)
        return len(undone)


EDIT = st.one_of(
    st.tuples(st.just("sample"), st.integers(1, 4)),
    st.tuples(st.just("choose"), st.integers(0, 2)),
    st.tuples(st.just("type"), st.text("abcé", min_size=1, max_size=3)),
    st.tuples(st.just("undo"), st.integers(1, 3)),
)
WITH_OPTIONS = SamplingSettings(
    temperature=1.3, length=14, min_length=3, top_k=6, bias={"a": 1.0, "<eos>": 0.5}, seed=8
)


@given(edits=st.lists(EDIT, max_size=10), prompt=st.text("abé", max_size=3))
def test_any_edits_give_the_text_of_the_replay(edits: list[tuple[str, Any]], prompt: str) -> None:
    """The replay is in float64; it differs with a probability of about 1e-6 per symbol."""
    session, by_hand = GENERATOR.session(prompt, WITH_OPTIONS), ByHand(prompt, WITH_OPTIONS)
    for kind, value in edits:
        if kind == "undo":
            assert session.undo(value) == by_hand.undo(value)
        elif by_hand.ended:
            assert (generate(session), session.choices(ALL)) == ("", [])
        elif kind == "sample":
            generate(session, value)
            by_hand.sample(value)
        elif kind == "choose":
            choice = session.choices(3)[value]
            session.choose(choice.index)
            by_hand.edits.append(("chosen", [choice.symbol]))
        elif len(by_hand.symbols) + len(value) <= WITH_OPTIONS.length:
            session.type(value)
            by_hand.edits.append(("typed", list(value)))
        assert (session.text, session.stopped is not None) == (by_hand.text, by_hand.ended)
    if not by_hand.ended:
        probabilities = {choice.symbol: choice.probability for choice in session.choices(ALL)}
        assert probabilities == pytest.approx(by_hand.probabilities(), rel=1e-4)


@pytest.mark.parametrize("settings", [SAMPLINGS[1], *SAMPLINGS[2:]], ids=range(4))
def test_choices_have_the_probabilities_of_sampling(settings: SamplingSettings) -> None:
    """The first id whose cumulative probability exceeds the uniform is sampled."""
    for seed in range(100):
        session = GENERATOR.session("ba", dataclasses.replace(settings, seed=seed))
        choices = session.choices(ALL)
        probabilities = [choice.probability for choice in choices]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1)
        assert min(probabilities) > 0
        assert session.choices(2) == choices[:2]
        by_id = sorted(choices, key=lambda choice: choice.index)
        cumulative = np.cumsum([choice.probability for choice in by_id])
        number = uniform(np.array([seed], np.uint64), np.array([0], np.uint64))[0]
        expected = by_id[int(np.argmax(cumulative > number))].symbol
        assert generate(session, 1) + session.pending == expected.replace("<eos>", "")


def test_masked_and_truncated_symbols_are_no_choices() -> None:
    bias = {"c": -math.inf}
    session = GENERATOR.session("", SamplingSettings(min_length=2, length=3, bias=bias))
    seen = [{choice.symbol for choice in session.choices(ALL)}]
    for _ in range(2):
        session.choose(session.choices(1)[0].index)
        seen.append({choice.symbol for choice in session.choices(ALL)})
    assert seen == [set("abdef"), set("abdef"), {"<eos>", *"abdef"}]
    assert len(GENERATOR.session("", SamplingSettings(top_k=3)).choices(ALL)) == 3


def test_at_temperature_0_choices_have_the_probabilities_of_temperature_1() -> None:
    greedy = GENERATOR.session("ba", GREEDY).choices(ALL)
    assert greedy == GENERATOR.session("ba", SamplingSettings(temperature=1.0)).choices(ALL)
    assert len(greedy) == len(LETTERS) + 1
    assert generate(GENERATOR.session("ba", GREEDY), 1) == greedy[0].symbol


def test_of_equally_probable_choices_the_lowest_id_comes_first() -> None:
    even = Generator(markov_chain(np.full((5, 5), 0.2)), make_vocabulary("abc"))
    choices = even.session("", SamplingSettings()).choices(ALL)
    assert [choice.symbol for choice in choices] == ["<eos>", "a", "b", "c"]


@pytest.mark.parametrize(
    "settings",
    [
        SamplingSettings(temperature=0.0, length=40, repetition_penalty=3.0, repetition_span=1),
        SamplingSettings(temperature=0.0, length=40, match="(a|bc|f){20,}"),
        SamplingSettings(temperature=0.0, length=40, stop=("ad", "fff"), min_length=9),
    ],
)
def test_the_first_choices_are_the_greedy_text(
    settings: SamplingSettings,
) -> None:
    session = GENERATOR.session("", settings)
    while session.stopped is None:
        session.choose(session.choices(1)[0].index)
    expected = GENERATOR.generate("", settings)[0]
    assert (session.text, session.stopped) == (expected.text, expected.stopped)


def test_near_temperature_0_choices_are_in_order() -> None:
    symbols = [
        [choice.symbol for choice in GENERATOR.session("ba", settings).choices(ALL)]
        for settings in (GREEDY, SamplingSettings(temperature=1e-4))
    ]
    assert symbols[0] == symbols[1]


def test_an_impossible_symbol_cannot_be_chosen() -> None:
    session = GENERATOR.session("", SamplingSettings(bias={"a": -math.inf}))
    for index in (UNK, A):
        with pytest.raises(AssertionError):
            session.choose(index)


def test_the_boundary_can_be_chosen_and_ends_the_text() -> None:
    session = CIRCLE.session("abc", SamplingSettings())
    session.choose(EOS)
    assert (session.text, session.stopped, session.choices(ALL)) == ("abc", "eos", [])
    assert generate(session) == ""
    adding: list[Callable[[], object]] = [lambda: session.choose(A), lambda: session.type("a")]
    for add in adding:
        with pytest.raises(SettingsError) as error:
            add()
        assert str(error.value) == "the text has ended, nothing can be added; undo a step first."
    assert session.undo() == 1
    assert (session.stopped, generate(session, 3)) == (None, "abc")


@given(text=st.text("abcé", max_size=8), cut=st.integers(0, 8))
def test_typed_text_is_read_like_a_prompt(text: str, cut: int) -> None:
    settings = SamplingSettings(repetition_penalty=2.0, repetition_span=1)
    session = GENERATOR.session("", settings)
    session.type(text[:cut])
    session.type(text[cut:])
    assert session.text == text
    assert session.choices(ALL) == GENERATOR.session(text, settings).choices(ALL)


def test_typing_nothing_is_no_edit() -> None:
    session = GENERATOR.session("a", SamplingSettings())
    session.type("")
    assert session.undo() == 0


def test_typed_symbols_count_in_the_length() -> None:
    session = GENERATOR.session("ab", SamplingSettings(length=5))
    session.type("abc")
    with pytest.raises(SettingsError) as error:
        session.type("def")
    assert str(error.value) == (
        "3 symbols were typed, and the length of 5 leaves room for 2; "
        "type fewer, or begin again with a larger length."
    )
    assert (session.text, session.stopped) == ("ababc", None)
    session.type("de")
    assert (session.text, session.stopped, generate(session)) == ("ababcde", "length", "")


def test_undo_restores_every_kind_of_edit() -> None:
    session = GENERATOR.session("ab", SamplingSettings(seed=1, bias={"<eos>": -9}))
    states = []
    steps: list[Callable[[], object]] = [
        lambda: generate(session, 1),
        lambda: session.type("éa"),
        lambda: generate(session, 30),
        lambda: session.choose(session.choices(3)[2].index),
        lambda: generate(session),
    ]
    for step in steps:
        states.append((session.text, session.stopped, session.choices(ALL)))
        step()
    for expected in reversed(states):
        assert session.undo() == 1
        assert (session.text, session.stopped, session.choices(ALL)) == expected
    assert session.undo() == 0
    generate(session, 1)
    generate(session, 1)
    assert session.undo(7) == 2
    assert session.text == "ab"


def test_undoing_sampled_symbols_advances_the_seed() -> None:
    """So after k undone texts, the session generates text k of the generator."""
    settings = SamplingSettings(temperature=1.0, seed=5)
    session = GENERATOR.session("ab", settings)
    for generated in GENERATOR.generate("ab", settings, n=6):
        generate(session)
        assert session.text == generated.text
        session.undo()


def test_undoing_chosen_and_typed_symbols_keeps_the_seed() -> None:
    settings = SamplingSettings(temperature=1.0, seed=5)
    session = GENERATOR.session("ab", settings)
    session.choose(session.choices(2)[1].index)
    session.type("fa")
    session.undo(2)
    generate(session)
    assert session.text == GENERATOR.generate("ab", settings)[0].text


def test_the_largest_seed_is_followed_by_zero() -> None:
    session = GENERATOR.session("ab", SamplingSettings(seed=MAX_SEED))
    generate(session)
    session.undo()
    generate(session)
    assert session.text == GENERATOR.generate("ab", SamplingSettings(seed=0))[0].text


def test_a_partly_consumed_iterator_is_one_edit() -> None:
    session = GENERATOR.session("ab", SamplingSettings(seed=2, bias={"<eos>": -math.inf}))
    pieces = session.generate()
    assert isinstance(pieces, types.GeneratorType)
    read = next(pieces) + next(pieces) + next(pieces)
    pieces.close()
    assert session.text == "ab" + read
    assert session.undo() == 1
    assert session.text == "ab"


def test_the_possible_beginning_of_a_stop_string_is_pending() -> None:
    session = CIRCLE.session("", dataclasses.replace(GREEDY, stop=("bca",)))
    assert generate(session, 2) == "a"
    assert (session.text, session.committed, session.pending) == ("ab", "a", "b")
    session.choose(C)
    assert (session.text, session.pending, session.stopped) == ("abc", "bc", None)
    session.choose(A)
    assert (session.text, session.pending, session.stopped) == ("a", "", "stop")
    session.undo()
    assert (session.text, session.pending, session.stopped) == ("abc", "bc", None)


def test_typed_text_and_its_boundaries_contain_no_stop_string() -> None:
    settings = dataclasses.replace(GREEDY, stop=("ab", "bc"), length=7)
    session = CIRCLE.session("", settings)
    session.choose(A)
    assert session.pending == "a"
    session.type("bcb")
    assert (session.text, session.pending, session.stopped) == ("abcb", "", None)
    assert generate(session) == "c"
    assert (session.text, session.stopped) == ("abcbc", "stop")


def test_characters_of_several_bytes_are_committed_when_complete() -> None:
    first, second = split("é", "byte")
    probabilities = np.array([[0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0.5, 0.5], [0.5, 0, 0.5, 0]])
    generator = Generator(markov_chain(probabilities), make_vocabulary([first, second], "byte"))
    session = generator.session("é", SamplingSettings())
    assert [choice.symbol for choice in session.choices(2)] == ["<eos>", first]
    session.choose(2)
    assert (session.text, session.committed, session.pending) == ("é\ufffd", "é", "\ufffd")
    session.choose(3)
    assert (session.text, session.pending) == ("éé", "")
    session.choose(2)
    session.type("é!")
    assert session.text == "éé\ufffdé!"
    assert session.undo(2) == 2
    session.choose(EOS)
    assert session.text == "éé"


def test_words_are_typed_and_chosen_whole() -> None:
    words = Generator(
        markov_chain([[0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1], [0.5, 0, 0.5, 0]]),
        make_vocabulary([" ", "cat"], "word"),
    )
    session = words.session("cat", GREEDY)
    session.type(" dog")
    assert [choice.symbol for choice in session.choices(1)] == [" "]
    session.choose(2)
    session.choose(3)
    assert session.text == "cat dog cat"
    assert session.undo(3) == 3


def test_every_text_of_a_match_can_be_chosen_and_no_other() -> None:
    """All texts that choices lead to, against all strings that match."""
    settings = SamplingSettings(match="a[bc]{2,3}f?", length=4)

    def reached(session: Session) -> set[str]:
        if session.stopped is not None:
            return {session.text}
        found: set[str] = set()
        for choice in session.choices(ALL):
            session.choose(choice.index)
            found |= reached(session)
            session.undo()
        return found

    twos = {f"a{x}{y}" for x in "bc" for y in "bc"}
    threes = {two + x for two in twos for x in "bc"}
    assert reached(GENERATOR.session("", settings)) == twos | threes | {two + "f" for two in twos}


PATTERN = "a[bc]{2,3}fa*"
MATCHING = SamplingSettings(match=PATTERN, length=6, min_length=5)
MATCHES = {
    text
    for length in (5, 6)
    for text in map("".join, product("abcf", repeat=length))
    if re.fullmatch(PATTERN, text)
}
BEGINNINGS = {text[:length] for text in MATCHES for length in range(len(text) + 1)}


@pytest.mark.parametrize("begun", ["", "ab", "abcb", "abbfa"])
def test_only_text_that_a_match_continues_with_can_be_typed(begun: str) -> None:
    """Against the prefixes of all matches of the allowed lengths."""
    session = GENERATOR.session("", MATCHING)
    session.type(begun)
    before = session.choices(ALL)
    tried = {beginning[len(begun) :] for beginning in BEGINNINGS if beginning.startswith(begun)}
    tried |= {text + symbol for text in tried for symbol in "abcdé"}
    for text in sorted(text for text in tried if text and len(begun + text) <= 6):
        if begun + text in BEGINNINGS:
            session.type(text)
            assert session.text == begun + text
            session.undo()
            continue
        with pytest.raises(SettingsError) as error:
            session.type(text)
        assert str(error.value) == (
            f"'{text}' cannot be typed here: no match of 'a[bc]{{2,3}}fa*' continues with it "
            "within the length of 6 symbols; type something else, or undo."
        )
        assert (session.text, session.choices(ALL)) == (begun, before)


def test_a_match_continues_typed_text() -> None:
    for seed in range(20):
        session = GENERATOR.session("", dataclasses.replace(MATCHING, seed=seed))
        session.type("abc")
        generate(session)
        assert session.text in {text for text in MATCHES if text.startswith("abc")}


def test_each_symbol_is_read_once() -> None:
    engine = CountingEngine(SMALL, random_tensors(SMALL, 5))
    generator = generator_with(NumpyDecoder, engine, make_vocabulary("abc"))
    session = generator.session("ab", SamplingSettings())
    assert len(engine.calls) == 3
    for _ in range(2):
        session.choices(3)
    session.choose(A)
    session.choices(3)
    session.choose(B)
    session.type("abc")
    session.choices(3)
    assert len(engine.calls) == 3 + 2 + 3


def test_only_text_without_forbidden_strings_can_be_typed() -> None:
    """Also text with symbols that the vocabulary lacks."""
    settings = SamplingSettings(forbid=("a\u00e9b", "ff"), length=6)
    session = GENERATOR.session("f", settings)
    before = session.choices(ALL)
    assert "f" not in {choice.symbol for choice in before}
    for text in ("f", "a\u00e9b", "da\u00e9bc"):
        with pytest.raises(SettingsError) as error:
            session.type(text)
        assert str(error.value) == (
            f"{text!r} cannot be typed here: no text without a forbidden string continues with it "
            "within the length of 6 symbols; type something else, or undo."
        )
        assert session.choices(ALL) == before
    session.type("a\u00e9")
    assert "b" not in {choice.symbol for choice in session.choices(ALL)}
    session.choose(A)
    session.type("\u00e9f")
    assert "f" not in {choice.symbol for choice in session.choices(ALL)}
    assert "ff" not in session.text + generate(session)


def test_a_word_that_would_be_whole_at_the_end_cannot_be_typed_at_the_end() -> None:
    settings = SamplingSettings(forbid=("ab",), forbid_whole_words=True, length=3, match=".*")
    session = GENERATOR.session("", settings)
    session.type("ab")
    assert all(choice.symbol != "<eos>" for choice in session.choices(ALL))
    short = GENERATOR.session("", dataclasses.replace(settings, length=2))
    with pytest.raises(SettingsError) as error:
        short.type("ab")
    assert str(error.value) == (
        "'ab' cannot be typed here: no match of '.*' without a forbidden string continues with it "
        "within the length of 2 symbols; type something else, or undo."
    )


def test_a_session_writes_the_text_without_forbidden_strings_of_generate() -> None:
    settings = SamplingSettings(forbid=("ab", "c", "ed"), length=30, seed=5, min_length=12)
    session = GENERATOR.session("d", settings)
    generate(session)
    assert session.text == GENERATOR.generate("d", settings)[0].text


@pytest.mark.parametrize(
    "options", [{"beam": 3}, {"novel": True}, {"novel_file": ("x",)}, {"unique": True}]
)
def test_options_that_compare_whole_texts_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as error:
        GENERATOR.session("", SamplingSettings(**options))
    assert str(error.value) == (
        "beam, novel, novel-file, unique, accepted-only and match-by trial judge whole texts, "
        "so a session has no use for them; leave them out."
    )


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(LabelError):
        GENERATOR.session("", SamplingSettings(label="z"))
