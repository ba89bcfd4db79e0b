"""Overlap figures against counts by hand and by ``in``."""

import json
import re
from collections.abc import Iterator

import pytest
from displays import Page, check_is_safe
from hypothesis import given
from hypothesis import strategies as st

from charloom.errors import CorpusError, SettingsError
from charloom.evaluation.memorisation import (
    MAX_SHOWN,
    QUANTILES,
    Memorisation,
    OverlapFigures,
    measure_memorisation,
)

ALPHABET = "abA 日🙂"
texts = st.lists(st.text(ALPHABET, max_size=25), min_size=1, max_size=6)
documents = st.lists(st.text(ALPHABET, max_size=20), min_size=1, max_size=6)


def fraction(flags: list[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def novel(texts: list[str], documents: list[str], n: int) -> float | None:
    grams = [text[i : i + n] for text in texts for i in range(len(text) - n + 1)]
    return fraction([not any(gram in document for document in documents) for gram in grams])


def covered(texts: list[str], documents: list[str], k: int) -> float | None:
    """Return the fraction of characters in copied spans of k characters, so of k or more."""
    flags = []
    for text in texts:
        spans = [
            range(i, i + k)
            for i in range(len(text) - k + 1)
            if any(text[i : i + k] in document for document in documents)
        ]
        flags += [any(place in span for span in spans) for place in range(len(text))]
    return fraction(flags)


def longest(text: str, documents: list[str]) -> int:
    return max(
        (b - a for a in range(len(text)) for b in range(a + 1, len(text) + 1)
         if any(text[a:b] in document for document in documents)),
        default=0,
    )  # fmt: skip


@given(samples=texts, held_out=texts, documents=documents)
def test_figures_are_those_of_a_naive_count(
    samples: list[str], held_out: list[str], documents: list[str]
) -> None:
    result = measure_memorisation(
        documents=iter(documents),
        samples=iter(samples),
        held_out=iter(held_out),
        ngrams=range(1, 6),
        span_lengths=(1, 3, 5),
    )
    assert result.documents == len(documents)
    assert result.held_out is not None
    for texts, overlap in ((samples, result.samples), (held_out, result.held_out)):
        assert overlap.texts == len(texts)
        assert overlap.characters == sum(map(len, texts))
        assert overlap.whole == fraction([bool(text) and text in documents for text in texts])
        inside = [bool(text) and any(text in document for document in documents) for text in texts]
        assert overlap.within == fraction(inside)
        assert overlap.novel_ngrams == {str(n): novel(texts, documents, n) for n in range(1, 6)}
        assert overlap.covered == {str(k): covered(texts, documents, k) for k in (1, 3, 5)}
        lengths = [longest(text, documents) for text in texts]
        assert [span.characters if span else 0 for span in overlap.spans] == lengths
        for quantile, value in overlap.longest_quantiles.items():
            # The least length that this fraction of the texts does not exceed.
            assert value in lengths
            assert sum(n <= value for n in lengths) >= float(quantile) * len(lengths) - 1e-9
            assert sum(n < value for n in lengths) < float(quantile) * len(lengths) + 1e-9


def test_samples_and_held_out_texts_are_measured_alike() -> None:
    documents, a, b = ["one two", "three"], ["one", "tw"], ["thr", "xyz", ""]
    both = measure_memorisation(documents=documents, samples=a, held_out=b)
    swapped = measure_memorisation(documents=documents, samples=b, held_out=a)
    alone = measure_memorisation(documents=documents, samples=a)
    assert both.samples == swapped.held_out == alone.samples
    assert both.held_out == swapped.samples
    assert alone.held_out is None
    assert alone.difference() is None


def test_samples_may_be_longer_than_documents_and_documents_may_repeat() -> None:
    result = measure_memorisation(
        documents=["ab", "ab"], samples=["abab", "ab"], span_lengths=(2, 3)
    )
    assert (result.samples.whole, result.samples.within) == (0.5, 0.5)
    assert result.samples.covered == {"2": 1.0, "3": 0.0}
    assert result.samples.novel_ngrams["2"] == 1 / 4
    assert result.samples.novel_ngrams["4"] == 1.0
    assert result.samples.novel_ngrams["5"] is None


def test_empty_samples_count_as_texts_without_copies() -> None:
    result = measure_memorisation(documents=["", "ab"], samples=["", ""]).samples
    assert (result.texts, result.characters, result.whole, result.within) == (2, 0, 0.0, 0.0)
    assert set(result.covered.values()) == {None}
    assert result.spans == (None, None)


def test_json_has_both_overlaps_and_their_difference() -> None:
    result = measure_memorisation(
        documents=["abcdef"], samples=["abcd"], held_out=["abxy"], ngrams=(2, 9), span_lengths=(3,)
    )
    parsed = json.loads(json.dumps(result.to_json()))
    assert set(parsed) == {"documents", "samples", "held_out", "difference"}
    names = {"whole", "within", "longest_quantiles", "novel_ngrams", "covered"}
    assert (
        set(parsed["samples"])
        == set(parsed["held_out"])
        == {"texts", "characters", "spans", *names}
    )
    assert parsed["difference"] == {
        "whole": 0.0,
        "within": 1.0,
        "longest_quantiles": {str(quantile): 2 for quantile in QUANTILES},
        "novel_ngrams": {"2": -2 / 3, "9": None},
        "covered": {"3": 1.0},
    }
    span = {"characters": 2, "text": "ab", "start": 0, "document": 0, "place": 0}
    assert parsed["held_out"]["spans"] == [span]


def test_training_documents_may_be_a_generator() -> None:
    kept: list[int] = []

    def stream() -> Iterator[str]:
        for number in range(3):
            kept.append(number)
            yield f"document {number}"

    result = measure_memorisation(documents=stream(), samples=["document 2"])
    assert (kept, result.samples.whole) == ([0, 1, 2], 1.0)


def test_figures_of_three_samples_by_hand() -> None:
    result: OverlapFigures = measure_memorisation(
        documents=["the cat sat on the mat"],
        samples=["a cat sat here", "the mat", "dogs"],
        ngrams=(3,),
        span_lengths=(7,),
    ).samples
    # In spans of 7: 9 of 14 characters of the first, all 7 of the second, none of the third.
    assert result.covered == {"7": 16 / 25}
    # Copied trigrams: 7 of 12, 5 of 5 and 0 of 2.
    assert result.novel_ngrams == {"3": 7 / 19}
    assert (result.whole, result.within) == (0.0, 1 / 3)
    assert [span and span.text for span in result.spans] == [" cat sat ", "the mat", "o"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"samples": []},
            CorpusError,
            "there is no sample to look for copies in; give at least one text.",
        ),
        (
            {"held_out": []},
            CorpusError,
            "there is no held-out text; give at least one, or leave held_out out.",
        ),
        (
            {"documents": []},
            CorpusError,
            "there is no training document to compare with; give at least one that the model was "
            "trained on.",
        ),
        ({"ngrams": [2, 0]}, SettingsError, "ngrams has 0; give whole numbers of 1 or more."),
        (
            {"span_lengths": [-5]},
            SettingsError,
            "span_lengths has -5; give whole numbers of 1 or more.",
        ),
        (
            {"samples": "text"},
            SettingsError,
            "samples is one string; give a list of texts, such as [text].",
        ),
    ],
)
def test_invalid_arguments_are_refused(
    arguments: dict[str, list[str]], error: type[Exception], message: str
) -> None:
    valid = {"documents": ["a"], "samples": ["a"]}
    with pytest.raises(error) as raised:
        measure_memorisation(**(valid | arguments))  # type: ignore[arg-type]
    assert str(raised.value) == message


SAMPLES = ["xx the cat sat", "the mat", "quiet <b>dogs", "the mat", "no the cat sat", ""]


def by_hand() -> Memorisation:
    return measure_memorisation(
        documents=["a document", "the cat sat on the mat", "<b>"],
        samples=SAMPLES,
        held_out=["the dog"],
        span_lengths=(7, 9),
    )


def test_the_longest_copies_have_their_samples() -> None:
    """Of equal spans the first sample counts; of equal lengths the first sample comes first."""
    copies = by_hand().longest_copies(9)
    found = [(k, span.text, span.document, span.start) for k, span in copies]
    assert found == [(0, "the cat sat", 1, 3), (1, "the mat", 1, 0), (2, "<b>", 2, 6)]
    assert by_hand().longest_copies(1) == copies[:1]
    for k, span in copies:
        assert SAMPLES[k][span.start :][: span.characters] == span.text


def test_the_texts_are_kept_but_are_no_figures() -> None:
    found = by_hand()
    assert found.sample_texts == tuple(SAMPLES)
    assert found.to_dict()["sample_texts"] == SAMPLES
    assert "sample_texts" not in found.to_json()
    assert "quiet" not in repr(found) and "CopiedSpan" not in repr(found)


def test_a_notebook_shows_the_longest_copies_underlined() -> None:
    content = by_hand()._repr_html_()
    check_is_safe(content)
    underlined = re.findall(r"<u [^>]*>([^<]*)</u>", content)
    assert underlined == ["the cat sat", "the mat", "&lt;b&gt;"]
    shown = "|".join(Page(content).texts)
    for text in (
        "Memorisation| 6 texts compared with 3 training documents",
        "longest copied span|median 7, maximum 11; held out median 4, maximum 4",
        # The characters of four samples: 11, 7, 7 and 11 of 14, 7, 13, 7 and 14.
        "in spans of 7 or more|65.5 %; held out 0.0 %",
        "whole documents|0.0 %; held out 0.0 %",
        "11 characters of text 1, in document 2|xx |the cat sat",
    ):
        assert text in shown
    alone = measure_memorisation(documents=["ab"], samples=["xab"] * 30, span_lengths=())
    assert "held out" not in alone._repr_html_() and "in spans" not in alone._repr_html_()
    many = measure_memorisation(
        documents=["abcdefghijklmnopqrst"], samples=["abcdefghijklmnopqrst"[:k] for k in range(20)]
    )
    assert many._repr_html_().count("</u>") == MAX_SHOWN


@given(samples=st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_any_texts_have_a_display(samples: list[str]) -> None:
    found = measure_memorisation(documents=["ab\ud800", *samples], samples=samples)
    check_is_safe(found._repr_html_())
    found._repr_html_().encode()
