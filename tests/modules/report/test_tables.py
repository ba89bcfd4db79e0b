import dataclasses

import pytest

from charloom.evaluation.copies import CopiedSpan
from charloom.evaluation.memorisation import Memorisation
from charloom.report.findings import Findings
from charloom.report.tables import MAX_SPANS, baseline_bars, longest_spans, overlap_rows


def span(text: str, document: int = 0) -> CopiedSpan:
    return CopiedSpan(text=text, start=0, document=document, place=0)


def with_spans(findings: Findings, *spans: CopiedSpan | None) -> Memorisation:
    memorisation = findings.memorisation
    samples = dataclasses.replace(memorisation.samples, spans=spans)
    return dataclasses.replace(memorisation, samples=samples)


def test_bars_are_sorted_and_leave_out_the_uniform_baseline(findings: Findings) -> None:
    baselines = {"uniform": 9.0, "unigram": 4.0, "ngram": 1.0, "xz": 3.0, "zstd": 2.0}
    evaluation = dataclasses.replace(findings.evaluation, bits_per_character=2.5)
    changed = dataclasses.replace(findings, baselines=baselines, evaluation=evaluation)
    assert baseline_bars(changed) == [
        ("6-grams (Kneser-Ney)", 1.0, 0.25),
        ("zstd -19", 2.0, 0.5),
        ("this model", 2.5, 0.625),
        ("xz -9e", 3.0, 0.75),
        ("symbol frequencies", 4.0, 1.0),
    ]


def test_without_baselines_the_model_has_the_only_bar(findings: Findings) -> None:
    [bar] = baseline_bars(dataclasses.replace(findings, baselines=None))
    assert (bar.name, bar.fraction) == ("this model", 1.0)


def test_overlap_rows_compare_samples_with_held_out_texts(findings: Findings) -> None:
    memorisation = findings.memorisation
    assert memorisation.held_out is not None
    samples = dataclasses.replace(
        memorisation.samples,
        texts=1500,
        whole=0.125,
        within=None,
        longest_quantiles={"0.5": 7, "0.9": 12, "1.0": 1234},
        covered={"20": 0.5, "50": None},
    )
    held_out = dataclasses.replace(
        memorisation.held_out,
        texts=2,
        whole=0.0,
        within=1.0,
        longest_quantiles={"0.5": 1, "0.9": 2, "1.0": 3},
        covered={"20": 0.25, "50": 0.0},
    )
    changed = dataclasses.replace(memorisation, samples=samples, held_out=held_out)
    assert overlap_rows(changed) == [
        ("texts", "1,500", "2"),
        ("identical to a training document", "12.5%", "0.0%"),
        ("contained in a training document", "–", "100.0%"),
        ("longest copied span, median", "7", "1"),
        ("longest copied span, 90 % quantile", "12", "2"),
        ("longest copied span, maximum", "1,234", "3"),
        ("characters in copied spans of 20 or more", "50.0%", "25.0%"),
        ("characters in copied spans of 50 or more", "–", "0.0%"),
    ]


def test_equal_copies_are_shown_once(findings: Findings) -> None:
    spans = longest_spans(with_spans(findings, span("ab", 1), None, span("abc"), span("ab", 2)))
    assert spans == [span("abc"), span("ab", 1)]


@pytest.mark.parametrize("count", [1, MAX_SPANS + 3])
def test_only_the_longest_copies_are_shown(findings: Findings, count: int) -> None:
    spans = longest_spans(with_spans(findings, *(span("x" * (k + 1)) for k in range(count))))
    lengths = [copied.characters for copied in spans]
    assert lengths == list(range(count, 0, -1))[:MAX_SPANS]
