"""Rejections and counts, against a loop over one text after another."""

import dataclasses
import gzip
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import document_index, folder, record

from charloom.errors import ModelFolderError, SamplingError, SettingsError, SourceError
from charloom.generation.detokenizer import GeneratedText
from charloom.generation.text_filter import MAX_BATCH, TextFilter, make_text_filter
from charloom.model import Model
from charloom.model_folder import format as model_folder
from charloom.settings import SamplingSettings, TextSettings, TrainingSettings
from charloom.settings.limits import MAX_SEED

LINES = TextSettings()
Generate = Callable[[Sequence[int]], list[GeneratedText]]


def source_of(text_of: Callable[[int], str], batches: list[int] | None = None) -> Generate:
    """Return a source of texts that are a function of their seeds; record the batch sizes."""

    def generate(seeds: Sequence[int]) -> list[GeneratedText]:
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

    return generate


def text_filter(
    documents: Sequence[str] | None = None,
    unique: bool = False,
    max_batch: int = MAX_BATCH,
    **text: Any,
) -> TextFilter:
    index = None if documents is None else document_index(documents)
    settings = TextSettings(**text)
    return TextFilter(index=index, unique=unique, text=settings, max_batch=max_batch)


def seeds(texts: Sequence[GeneratedText]) -> list[int]:
    return [text.seed for text in texts]


def counts(made: TextFilter) -> tuple[int, int, int]:
    return made.examined, made.in_sources, made.repeated


def by_hand(
    text_of: Callable[[int], str], documents: Sequence[str] | None, unique: bool, seed: int, n: int
) -> tuple[list[int], tuple[int, int, int]]:
    """Return the accepted seeds and the counts, one text after another."""
    passed: list[int] = []
    before: set[str] = set()
    tried = in_training = repeated = 0
    while len(passed) < n and tried < 20 * n:
        text = text_of(seed + tried)
        tried += 1
        if documents is not None and text in documents:
            in_training += 1
        elif unique and text in before:
            repeated += 1
        else:
            passed.append(seed + tried - 1)
            before.add(text)
    return passed, (tried, in_training, repeated)


some_texts = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60)


@given(
    cycle=some_texts,
    documents=st.none() | st.sets(st.sampled_from("abcdefgh"), max_size=7).map(sorted),
    unique=st.booleans(),
    seed=st.integers(0, 9),
    n=st.integers(1, 12),
    max_batch=st.sampled_from([1, 2, 3, 7, 256]),
)
def test_texts_and_counts_are_those_of_one_text_after_another(
    cycle: list[str], documents: list[str] | None, unique: bool, seed: int, n: int, max_batch: int
) -> None:
    def text_of(seed: int) -> str:
        return cycle[seed % len(cycle)]

    passed, counted = by_hand(text_of, documents, unique, seed, n)
    made = text_filter(documents, unique, max_batch)
    settings = SamplingSettings(seed=seed)
    found: list[GeneratedText] = []
    try:
        for text in made.filter(source_of(text_of), settings, n):
            found.append(text)
    except SamplingError:
        assert len(passed) < n
    else:
        assert len(passed) == n
    assert seeds(found) == passed
    assert counts(made) == counted


@pytest.mark.parametrize(
    ("n", "sizes"), [(1, [1]), (10, [10]), (256, [256]), (1000, [256, 256, 256, 232])]
)
def test_without_rejections_no_text_is_generated_in_vain(n: int, sizes: list[int]) -> None:
    batches: list[int] = []
    made = text_filter([], unique=True)
    found = list(made.filter(source_of(str, batches), SamplingSettings(), n))
    assert (batches, seeds(found), counts(made)) == (sizes, list(range(n)), (n, 0, 0))


def test_batches_grow_with_the_rejections() -> None:
    batches: list[int] = []
    documents = [str(seed) for seed in range(1000) if seed % 10]
    found = list(text_filter(documents).filter(source_of(str, batches), SamplingSettings(), 20))
    assert seeds(found) == list(range(0, 200, 10))
    assert batches[0] == 20
    assert len(batches) <= 4
    assert sum(batches) < 300


def test_texts_are_yielded_batch_by_batch() -> None:
    batches: list[int] = []
    made = text_filter(unique=True)
    first = list(islice(made.filter(source_of(str, batches), SamplingSettings(), 10**6), 3))
    assert (seeds(first), batches, made.examined) == ([0, 1, 2], [256], 3)


@pytest.mark.parametrize("n", [MAX_SEED + 1, 10**15 + 1])
def test_as_many_texts_as_seeds_may_be_requested(n: int) -> None:
    batches: list[int] = []
    first = next(iter(text_filter([]).filter(source_of(str, batches), SamplingSettings(), n)))
    assert (first.seed, batches) == (0, [256])


def test_repetitions_are_found_over_several_calls() -> None:
    made = text_filter(unique=True)
    one = list(made.filter(source_of(lambda seed: f"{seed % 4}"), SamplingSettings(), 3))
    two = list(made.filter(source_of(lambda seed: f"{seed % 6}"), SamplingSettings(), 3))
    assert [text.text for text in (*one, *two)] == ["0", "1", "2", "3", "4", "5"]
    assert counts(made) == (9, 0, 3)
    assert made.summary() == "tried 9 texts: 3 repeated (33.3 %)."


def test_without_unique_a_text_may_repeat() -> None:
    made = text_filter(["a"])
    found = list(made.filter(source_of(lambda seed: "ab"[seed % 2]), SamplingSettings(), 3))
    assert [text.text for text in found] == ["b", "b", "b"]
    assert counts(made) == (6, 3, 0)


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
        # A row whose fields are clean, but which cleaning as a whole would change.
        ({}, "x <b > y", True),
        ({}, "x y", False),
    ],
)
def test_a_text_is_compared_as_it_is_and_cleaned(
    settings: dict[str, Any], text: str, expected: bool
) -> None:
    made = text_filter(["a fact", "x <b > y"], **settings)
    assert made.admit(text) is not expected
    assert counts(made) == (1, int(expected), 0)


def test_texts_that_differ_in_white_space_are_no_repetitions() -> None:
    made = text_filter(unique=True)
    assert [made.admit(text) for text in ("a", "a ", "A", "a", "\ud800")] == [
        *(True, True, True),
        *(False, True),
    ]


def test_a_repeated_training_document_counts_as_training_document() -> None:
    made = text_filter(["a"], unique=True)
    assert [made.admit(text) for text in "aabb"] == [False, False, True, False]
    assert counts(made) == (4, 2, 1)


@pytest.mark.parametrize(
    ("documents", "unique", "summary"),
    [
        (
            ["0", "1"],
            True,
            "tried 1,000 texts: 4 in the texts of the sources (0.4 %), 8 repeated (0.8 %).",
        ),
        (
            ["0", "1"],
            False,
            "tried 1,000 texts: 4 in the texts of the sources (0.4 %).",
        ),
        (None, True, "tried 1,000 texts: 10 repeated (1.0 %)."),
    ],
)
def test_the_summary_counts_each_reason(
    documents: list[str] | None, unique: bool, summary: str
) -> None:
    made = text_filter(documents, unique)
    for number in range(1000):
        made.admit(f"{number % 990}")
    assert made.summary() == summary


def test_the_summary_of_no_text_and_of_one() -> None:
    made = text_filter(["a"])
    assert made.summary() == "tried 0 texts: 0 in the texts of the sources."
    made.admit("b")
    assert made.summary() == "tried 1 text: 0 in the texts of the sources (0.0 %)."


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
            "only 5 of 10 texts were found among 200 generated: 195 in the texts of the sources; "
            f"{ADVICE}.",
        ),
        (
            DOCUMENTS,
            True,
            {"unique": True, "tries": 3, "seed": 2},
            4,
            "only 3 of 4 texts were found among 12 generated: 9 in the texts of the sources, "
            f"0 repeated; {ADVICE}.",
        ),
        (
            None,
            True,
            {"unique": True, "tries": 1000},
            250,
            "only 200 of 250 texts were found among 250,000 generated: 249,800 repeated; "
            f"{ADVICE}.",
        ),
        (
            [f"{LAST}"],
            False,
            {"novel": True, "seed": MAX_SEED - 2},
            3,
            "only 2 of 3 texts were found among 3 generated: 1 in the texts of the sources; there "
            f"are no seeds above {MAX_SEED}: choose a smaller seed.",
        ),
    ],
)
def test_an_exhausted_budget_raises_with_the_counts_and_advice(
    documents: list[str] | None, unique: bool, settings: dict[str, Any], n: int, message: str
) -> None:
    batches: list[int] = []
    made = text_filter(documents, unique)
    generate = source_of(lambda seed: f"{seed % 200}", batches)
    with pytest.raises(SamplingError) as caught:
        list(made.filter(generate, SamplingSettings(**settings), n))
    assert str(caught.value) == message
    assert sum(batches) == made.examined


def test_at_temperature_0_one_text_per_requested_one_is_generated() -> None:
    batches: list[int] = []
    made = text_filter(unique=True)
    texts = made.filter(source_of(lambda _: "same", batches), SamplingSettings(temperature=0), 5)
    assert next(texts).text == "same"
    with pytest.raises(SamplingError) as caught:
        next(texts)
    assert (
        str(caught.value) == f"only 1 of 5 texts were found among 5 generated: 4 repeated; {SAME}."
    )
    assert sum(batches) == 5


def test_at_temperature_0_a_training_document_exhausts_the_budget_at_once() -> None:
    settings = SamplingSettings(temperature=0, novel=True, tries=50)
    with pytest.raises(SamplingError) as caught:
        list(text_filter(["same"]).filter(source_of(lambda _: "same"), settings, 1))
    assert str(caught.value) == (
        f"only 0 of 1 texts were found among 1 generated: 1 in the texts of the sources; {SAME}."
    )


def test_each_call_has_its_own_budget() -> None:
    made = text_filter(["a"])
    for _ in range(2):
        with pytest.raises(SamplingError, match=r"among 20 generated: 20 in the"):
            list(made.filter(source_of(lambda _: "a"), SamplingSettings(novel=True), 1))
    assert counts(made) == (40, 40, 0)


def test_no_filter_without_novel_and_unique() -> None:
    assert (
        make_text_filter(SamplingSettings(), record(document_index=document_index(["a"]))) is None
    )


def test_the_filter_of_a_model_follows_the_settings() -> None:
    made = record(document_index=document_index(["a"]))
    novel = make_text_filter(SamplingSettings(novel=True), made)
    assert novel is not None
    assert [novel.admit(text) for text in ("a", " a", "b", "b")] == [False, False, True, True]
    unique = make_text_filter(SamplingSettings(unique=True), made)
    assert unique is not None
    assert [unique.admit(text) for text in ("a", "b", "b")] == [True, True, False]
    both = make_text_filter(SamplingSettings(novel=True, unique=True), made)
    assert both is not None
    assert [both.admit(text) for text in ("a", "b", "b")] == [False, True, False]
    raw = make_text_filter(
        SamplingSettings(novel=True), dataclasses.replace(made, text=TextSettings(clean=False))
    )
    assert raw is not None
    assert [raw.admit(text) for text in ("a", " a")] == [False, True]


def test_texts_of_a_list_are_left_out_as_they_are_and_cleaned(tmp_path: Path) -> None:
    one, other = tmp_path / "one.txt", tmp_path / "other.txt.gz"
    one.write_text("a &amp; b\r\n\r\n  c\n", "utf-8", newline="")
    other.write_bytes(gzip.compress("e\u0301\n".encode()))
    settings = SamplingSettings(novel_file=(str(one), str(other)))
    made = make_text_filter(settings, record())
    assert made is not None
    texts = ["a & b", "a &amp; b", "c", "  c", "\u00e9", "e\u0301", "", "a", "b", "c d"]
    assert [text for text in texts if made.admit(text)] == ["", "a", "b", "c d"]
    assert made.summary() == "tried 10 texts: 6 in the lists of novel-file (60.0 %)."
    unclean = record(text=TextSettings(clean=False))
    made = make_text_filter(settings, unclean)
    assert made is not None
    assert [made.admit(text) for text in ("  c", "c", "\u00e9")] == [False, True, True]


def test_the_rows_of_a_table_are_left_out_in_the_columns_of_the_run(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text('name,land\na &amp; b,x\n"c, d",y\n', "utf-8")
    settings = SamplingSettings(novel_file=(str(path),))
    text = TextSettings(columns=("name",), label_column="origin")
    made = make_text_filter(settings, record(text=text))
    assert made is not None
    texts = ["a & b", "c, d", "x", "name", "a &amp; b,x"]
    assert [text for text in texts if made.admit(text)] == ["x", "name", "a &amp; b,x"]
    with pytest.raises(SourceError, match="no column 'title'|title"):
        make_text_filter(settings, record(text=TextSettings(columns=("title",))))


def test_a_text_of_sources_and_list_counts_as_one_of_the_sources(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("a\nb\n", "utf-8")
    settings = SamplingSettings(novel=True, novel_file=(str(path),), unique=True, tries=1)
    made = make_text_filter(settings, record(document_index=document_index(["a"])))
    assert made is not None
    texts = source_of(lambda seed: "abcc"[seed])
    with pytest.raises(SamplingError) as caught:
        list(made.filter(texts, settings, 4))
    assert str(caught.value) == (
        "only 1 of 4 texts were found among 4 generated: 1 in the texts of the sources, 1 in the "
        "lists of novel-file, 1 repeated; raise the temperature or tries, or ask for fewer."
    )


def test_a_list_that_is_missing_is_reported_before_any_text_is_generated() -> None:
    with pytest.raises(SourceError) as caught:
        make_text_filter(SamplingSettings(novel_file=("/nowhere/list.txt",)), record())
    assert str(caught.value) == (
        "novel-file is '/nowhere/list.txt', which is no file; give a file of text with one string "
        "a line."
    )


def test_unique_needs_no_index() -> None:
    assert make_text_filter(SamplingSettings(unique=True), record()) is not None


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
def test_novel_needs_an_index_and_the_error_says_why_there_is_none(
    parts: dict[str, Any], reason: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        make_text_filter(SamplingSettings(novel=True), record(**parts))
    assert str(caught.value) == f"novel was asked for, but {reason}"


def test_a_damaged_index_is_reported_before_any_text_is_generated(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", document_index=document_index(["a", "b"]))
    (path / "documents.bin").write_bytes(b"12345")
    loaded = model_folder.read(path)
    assert make_text_filter(SamplingSettings(unique=True), loaded) is not None
    with pytest.raises(ModelFolderError) as caught:
        make_text_filter(SamplingSettings(novel=True), loaded)
    assert str(caught.value) == (
        f"{path / 'documents.bin'} is damaged or was altered after it was saved; "
        "copy the whole folder again from where it was made, or train again."
    )


def test_texts_without_a_match_are_left_out_and_keep_their_distribution() -> None:
    model = Model(record())
    free = SamplingSettings(seed=1, length=12)
    by_trial = dataclasses.replace(free, match=".*a.*", match_by="trial")
    made = make_text_filter(by_trial, model.record)
    assert made is not None
    found = list(model.generator.texts("", by_trial, 30, made))
    every = model.generator.generate("", free, n=made.examined)
    assert [text.text for text in found] == [text.text for text in every if "a" in text.text]
    assert made.unmatched == made.examined - 30
    tried = f"tried {made.examined} texts: {made.unmatched} without a match"
    assert made.summary().startswith(tried)


def test_trials_have_a_budget() -> None:
    model = Model(record())
    settings = SamplingSettings(seed=1, length=5, match="zzz", match_by="trial", tries=40)
    made = make_text_filter(settings, model.record)
    with pytest.raises(SamplingError) as caught:
        list(model.generator.texts("", settings, 2, made))
    assert str(caught.value) == (
        "only 0 of 2 texts were found among 80 generated: 80 without a match; raise the "
        "temperature or tries, or ask for fewer."
    )
