"""What is held back and counted, against a loop that draws one text after another."""

import dataclasses
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import document_index, folder, record

from charloom.errors import ModelFolderError, SamplingError, SettingsError
from charloom.generation import novelty as sieve_module
from charloom.generation.detokenizer import GeneratedText
from charloom.generation.novelty import NoveltyFilter, make_novelty_filter
from charloom.model_folder import format as model_folder
from charloom.settings import SamplingSettings, TextSettings, TrainingSettings
from charloom.settings.limits import MAX_SEED

LINES = TextSettings()
Draw = Callable[[Sequence[int]], list[GeneratedText]]


def drawn(text_of: Callable[[int], str], batches: list[int] | None = None) -> Draw:
    """Return a drawing of texts that are a function of their seeds; ``batches`` get the sizes."""

    def draw(seeds: Sequence[int]) -> list[GeneratedText]:
        if batches is not None:
            batches.append(len(seeds))
        return [
            GeneratedText(
                text=text_of(seed),
                prompt="",
                seed=seed,
                bits=1.0,
                symbols=1,
                stopped="eos",
                label=None,
            )
            for seed in seeds
        ]

    return draw


def sieve(
    documents: Sequence[str] | None = None, unique: bool = False, **text: Any
) -> NoveltyFilter:
    index = None if documents is None else document_index(documents)
    return NoveltyFilter(index=index, unique=unique, text=TextSettings(**text))


def seeds(texts: Sequence[GeneratedText]) -> list[int]:
    return [text.seed for text in texts]


def counts(sieve: NoveltyFilter) -> tuple[int, int, int]:
    return sieve.examined, sieve.in_training, sieve.repeated


def by_hand(
    text_of: Callable[[int], str], documents: Sequence[str] | None, unique: bool, seed: int, n: int
) -> tuple[list[int], tuple[int, int, int]]:
    """Return the seeds that pass, and what is counted, drawing one after another."""
    passed: list[int] = []
    before: set[str] = set()
    tried = stood = came = 0
    while len(passed) < n and tried < 20 * n:
        text = text_of(seed + tried)
        tried += 1
        if documents is not None and text in documents:
            stood += 1
        elif unique and text in before:
            came += 1
        else:
            passed.append(seed + tried - 1)
            before.add(text)
    return passed, (tried, stood, came)


some_texts = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60)


@given(
    cycle=some_texts,
    documents=st.none() | st.sets(st.sampled_from("abcdefgh"), max_size=7).map(sorted),
    unique=st.booleans(),
    seed=st.integers(0, 9),
    n=st.integers(1, 12),
    at_once=st.sampled_from([1, 2, 3, 7, 256]),
)
def test_texts_and_counts_are_those_of_one_draw_after_another(
    cycle: list[str], documents: list[str] | None, unique: bool, seed: int, n: int, at_once: int
) -> None:
    def text_of(seed: int) -> str:
        return cycle[seed % len(cycle)]

    passed, counted = by_hand(text_of, documents, unique, seed, n)
    sifting = sieve(documents, unique)
    settings = SamplingSettings(seed=seed)
    found: list[GeneratedText] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sieve_module, "MAX_BATCH", at_once)
        try:
            for text in sifting.filter(drawn(text_of), settings, n):
                found.append(text)
        except SamplingError:
            assert len(passed) < n
        else:
            assert len(passed) == n
    assert seeds(found) == passed
    assert counts(sifting) == counted


@pytest.mark.parametrize(
    ("n", "sizes"), [(1, [1]), (10, [10]), (256, [256]), (1000, [256, 256, 256, 232])]
)
def test_where_nothing_is_held_back_nothing_is_drawn_in_vain(n: int, sizes: list[int]) -> None:
    batches: list[int] = []
    sifting = sieve([], unique=True)
    found = list(sifting.filter(drawn(str, batches), SamplingSettings(), n))
    assert (batches, seeds(found), counts(sifting)) == (sizes, list(range(n)), (n, 0, 0))


def test_batches_grow_as_more_is_held_back() -> None:
    batches: list[int] = []
    documents = [str(seed) for seed in range(1000) if seed % 10]
    found = list(sieve(documents).filter(drawn(str, batches), SamplingSettings(), 20))
    assert seeds(found) == list(range(0, 200, 10))
    assert batches[0] == 20
    assert len(batches) <= 4
    assert sum(batches) < 300


def test_texts_come_as_they_are_drawn() -> None:
    batches: list[int] = []
    sifting = sieve(unique=True)
    first = list(islice(sifting.filter(drawn(str, batches), SamplingSettings(), 10**6), 3))
    assert (seeds(first), batches, sifting.examined) == ([0, 1, 2], [256], 3)


@pytest.mark.parametrize("n", [MAX_SEED + 1, 10**15 + 1])
def test_as_many_texts_as_there_are_seeds_may_be_asked_for(n: int) -> None:
    batches: list[int] = []
    first = next(iter(sieve([]).filter(drawn(str, batches), SamplingSettings(), n)))
    assert (first.seed, batches) == (0, [256])


def test_what_came_before_holds_over_several_calls() -> None:
    sifting = sieve(unique=True)
    one = list(sifting.filter(drawn(lambda seed: f"{seed % 4}"), SamplingSettings(), 3))
    two = list(sifting.filter(drawn(lambda seed: f"{seed % 6}"), SamplingSettings(), 3))
    assert [text.text for text in (*one, *two)] == ["0", "1", "2", "3", "4", "5"]
    assert counts(sifting) == (9, 0, 3)
    assert sifting.summary() == "tried 9 texts: 3 came before (33.3 %)."


def test_without_unique_a_text_may_come_twice() -> None:
    sifting = sieve(["a"])
    found = list(sifting.filter(drawn(lambda seed: "ab"[seed % 2]), SamplingSettings(), 3))
    assert [text.text for text in found] == ["b", "b", "b"]
    assert counts(sifting) == (6, 3, 0)


@pytest.mark.parametrize(
    ("settings", "text", "expected"),
    [
        ({}, "a fact", True),
        ({}, " a fact\t", True),
        ({}, "a f&#97;ct", True),
        ({}, "a <b>fact</b>", True),
        ({}, "A fact", False),
        ({}, "a fact.", False),
        ({"unit": "document"}, "a fact", True),
        ({"unit": "document"}, "a fact\n", False),
        ({"clean": False}, "a fact", True),
        ({"clean": False}, "a fact ", False),
        ({"clean": False}, "a f&#97;ct", False),
        # A row whose fields are clean each by itself, and not together.
        ({}, "x <b > y", True),
        ({}, "x y", False),
    ],
)
def test_a_text_is_compared_as_it_is_and_as_it_would_be_read(
    settings: dict[str, Any], text: str, expected: bool
) -> None:
    sifting = sieve(["a fact", "x <b > y"], **settings)
    assert sifting.admit(text) is not expected
    assert counts(sifting) == (1, int(expected), 0)


def test_texts_that_differ_in_white_space_are_two_texts() -> None:
    sifting = sieve(unique=True)
    assert [sifting.admit(text) for text in ("a", "a ", "A", "a", "\ud800")] == [
        *(True, True, True),
        *(False, True),
    ]


def test_a_text_that_is_known_is_counted_as_that_alone() -> None:
    sifting = sieve(["a"], unique=True)
    assert [sifting.admit(text) for text in "aabb"] == [False, False, True, False]
    assert counts(sifting) == (4, 2, 1)


@pytest.mark.parametrize(
    ("documents", "unique", "report"),
    [
        (
            ["0", "1"],
            True,
            "tried 1,000 texts: 4 stood in the training documents (0.4 %), 8 came before (0.8 %).",
        ),
        (
            ["0", "1"],
            False,
            "tried 1,000 texts: 4 stood in the training documents (0.4 %).",
        ),
        (None, True, "tried 1,000 texts: 10 came before (1.0 %)."),
    ],
)
def test_the_report(documents: list[str] | None, unique: bool, report: str) -> None:
    sifting = sieve(documents, unique)
    for number in range(1000):
        sifting.admit(f"{number % 990}")
    assert sifting.summary() == report


def test_the_report_of_few() -> None:
    sifting = sieve(["a"])
    assert sifting.summary() == "tried 0 texts: 0 stood in the training documents."
    sifting.admit("b")
    assert sifting.summary() == "tried 1 text: 0 stood in the training documents (0.0 %)."


DOCUMENTS = [f"{number}" for number in range(5, 200)]
LAST = MAX_SEED % 200
ADVICE = "raise the temperature or tries, or ask for fewer"
SAME = "at temperature 0 all texts are the same: raise the temperature"


@pytest.mark.parametrize(
    ("documents", "unique", "settings", "n", "message"),
    [
        (
            DOCUMENTS,
            False,
            {"novel": True},
            10,
            "only 5 of 10 texts were found among 200 drawn: 195 stood in the training documents; "
            f"{ADVICE}.",
        ),
        (
            DOCUMENTS,
            True,
            {"unique": True, "tries": 3, "seed": 2},
            4,
            "only 3 of 4 texts were found among 12 drawn: 9 stood in the training documents, "
            f"0 came before; {ADVICE}.",
        ),
        (
            None,
            True,
            {"unique": True, "tries": 1000},
            250,
            f"only 200 of 250 texts were found among 250,000 drawn: 249,800 came before; {ADVICE}.",
        ),
        (
            [f"{LAST}"],
            False,
            {"novel": True, "seed": MAX_SEED - 2},
            3,
            "only 2 of 3 texts were found among 3 drawn: 1 stood in the training documents; there "
            f"are no seeds above {MAX_SEED}: choose a smaller seed.",
        ),
    ],
)
def test_a_budget_that_is_used_up(
    documents: list[str] | None, unique: bool, settings: dict[str, Any], n: int, message: str
) -> None:
    batches: list[int] = []
    sifting = sieve(documents, unique)
    draw = drawn(lambda seed: f"{seed % 200}", batches)
    with pytest.raises(SamplingError) as caught:
        list(sifting.filter(draw, SamplingSettings(**settings), n))
    assert str(caught.value) == message
    assert sum(batches) == sifting.examined


def test_at_temperature_0_nothing_is_drawn_in_vain() -> None:
    batches: list[int] = []
    sifting = sieve(unique=True)
    texts = sifting.filter(drawn(lambda _: "same", batches), SamplingSettings(temperature=0), 5)
    assert next(texts).text == "same"
    with pytest.raises(SamplingError) as caught:
        next(texts)
    assert (
        str(caught.value) == f"only 1 of 5 texts were found among 5 drawn: 4 came before; {SAME}."
    )
    assert sum(batches) == 5


def test_at_temperature_0_a_text_may_stand_in_the_documents() -> None:
    settings = SamplingSettings(temperature=0, novel=True, tries=50)
    with pytest.raises(SamplingError) as caught:
        list(sieve(["same"]).filter(drawn(lambda _: "same"), settings, 1))
    assert str(caught.value) == (
        f"only 0 of 1 texts were found among 1 drawn: 1 stood in the training documents; {SAME}."
    )


def test_a_budget_is_that_of_one_call() -> None:
    sifting = sieve(["a"])
    for _ in range(2):
        with pytest.raises(SamplingError, match=r"among 20 drawn: 20 stood in the training"):
            list(sifting.filter(drawn(lambda _: "a"), SamplingSettings(novel=True), 1))
    assert counts(sifting) == (40, 40, 0)


def test_no_sieve_where_nothing_is_to_be_held_back() -> None:
    assert (
        make_novelty_filter(SamplingSettings(), record(document_index=document_index(["a"])))
        is None
    )


def test_the_sieve_of_a_model() -> None:
    made = record(document_index=document_index(["a"]))
    novel = make_novelty_filter(SamplingSettings(novel=True), made)
    assert novel is not None
    assert [novel.admit(text) for text in ("a", " a", "b", "b")] == [False, False, True, True]
    unique = make_novelty_filter(SamplingSettings(unique=True), made)
    assert unique is not None
    assert [unique.admit(text) for text in ("a", "b", "b")] == [True, True, False]
    both = make_novelty_filter(SamplingSettings(novel=True, unique=True), made)
    assert both is not None
    assert [both.admit(text) for text in ("a", "b", "b")] == [False, True, False]
    raw = make_novelty_filter(
        SamplingSettings(novel=True), dataclasses.replace(made, text=TextSettings(clean=False))
    )
    assert raw is not None
    assert [raw.admit(text) for text in ("a", " a")] == [False, True]


def test_unique_needs_no_index() -> None:
    assert make_novelty_filter(SamplingSettings(unique=True), record()) is not None


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (
            {"text": TextSettings(unit="stream")},
            "this model was trained on a stream, which has no documents to compare with; leave it "
            "out, or train with --unit line or --unit document.",
        ),
        (
            {
                "text": TextSettings(unit="stream"),
                "training": TrainingSettings(steps=3, index=False),
            },
            "this model was trained on a stream, which has no documents to compare with; leave it "
            "out, or train with --unit line or --unit document.",
        ),
        (
            {"training": TrainingSettings(steps=3, index=False)},
            "this model was trained with --no-index, and keeps no hashes of its documents; leave "
            "it out, or train again with --index.",
        ),
        (
            {},
            "this model has no documents.bin: an older charloom made it, or the file was removed; "
            "leave it out, copy the whole folder again, or train again.",
        ),
    ],
)
def test_a_model_that_does_not_know_its_documents(parts: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make_novelty_filter(SamplingSettings(novel=True), record(**parts))
    assert str(caught.value) == f"novel was asked for, but {reason}"


def test_a_damaged_index_is_told_before_anything_is_drawn(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", document_index=document_index(["a", "b"]))
    (path / "documents.bin").write_bytes(b"12345")
    loaded = model_folder.read(path)
    assert make_novelty_filter(SamplingSettings(unique=True), loaded) is not None
    with pytest.raises(ModelFolderError) as caught:
        make_novelty_filter(SamplingSettings(novel=True), loaded)
    assert str(caught.value) == (
        f"{path / 'documents.bin'} is damaged or was altered after it was saved; "
        "copy the whole folder again from where it was made, or train again."
    )
