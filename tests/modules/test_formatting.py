import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from training_events import step

from charloom.evaluation.baselines import Baselines
from charloom.formatting import (
    BASELINE_NAMES,
    escape_controls,
    format_bar,
    format_bytes,
    format_count,
    format_duration,
    format_memory,
    format_metric,
    format_percent,
    format_percent_cell,
    format_rate,
    format_step,
    format_time_left,
    format_value,
    indent_continuation,
    quote,
    summarize,
    unknown_symbols_note,
    unusable_folder_message,
)

ESCAPE_SEQUENCE = "\x1b[31m\x07\x00\x9b\x7f"


@given(st.text())
@example(ESCAPE_SEQUENCE)
def test_escaped_text_has_no_control_character_but_line_feeds_and_tabs(text: str) -> None:
    escaped = escape_controls(text)
    assert not [c for c in escaped if c not in "\n\t" and (ord(c) < 32 or 127 <= ord(c) < 160)]
    assert escape_controls(escaped) == escaped
    restored = re.sub("<0x(..)>", lambda match: chr(int(match[1], 16)), escaped)
    assert restored == text or "<0x" in text


@given(st.text(st.characters(exclude_categories=["Cc"])))
def test_text_without_control_characters_is_unchanged(text: str) -> None:
    assert escape_controls(text) == text


def test_all_lines_but_the_first_are_indented() -> None:
    assert indent_continuation("one\n two\x07\nthree\n\n", 4) == "one\n     two<0x07>\n    three"


@pytest.mark.parametrize(
    ("text", "quoted"),
    [(" ", '" "'), ("\n", '"\\n"'), ('"', '"\\""'), ("é", '"é"'), ("\x7f", '"<0x7F>"')],
)
def test_quoted_text_is_escaped(text: str, quoted: str) -> None:
    assert quote(text) == quoted


def test_long_lists_are_summarized_by_the_number_of_the_rest() -> None:
    assert summarize("abcdefgh") == '"a", "b", "c", "d", "e", "f", "g", "h"'
    assert summarize("abcdefghij") == '"a", "b", "c", "d", "e", "f", "g", "h" and 2 more'


def test_unknown_symbols_are_listed_once_in_one_note() -> None:
    assert unknown_symbols_note("") == []
    assert unknown_symbols_note("xx") == ['the model does not know "x": <unk> is fed in its place.']
    assert unknown_symbols_note("x☃x") == [
        'the model does not know "x", "☃": <unk> is fed in their place.'
    ]


@given(st.floats(0, 1), st.integers(1, 60))
def test_bar_is_right_to_an_eighth_of_a_column(fraction: float, columns: int) -> None:
    bar = format_bar(fraction, columns)
    eighths = sum(" ▏▎▍▌▋▊▉█".index(block) for block in bar)
    assert abs(eighths - 8 * columns * fraction) <= 0.5
    assert len(bar) <= columns


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (3725, "1:02:05")],
)
def test_durations_are_rounded_to_seconds(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("fraction", "decimals", "text"),
    [(0, 0, "0 %"), (0.004, 0, "0 %"), (0.25, 0, "25 %"), (1, 0, "100 %"), (0.0077, 1, "0.8 %")],
)
def test_percentages_are_rounded(fraction: float, decimals: int, text: str) -> None:
    assert format_percent(fraction, decimals) == text


def test_missing_fractions_have_the_sign_of_their_table() -> None:
    assert [format_percent_cell(value, "–") for value in (None, 0.0, 0.1234, 1.0)] == [
        *("–", "0.0%", "12.3%", "100.0%")
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (False, "no"),
        (True, "yes"),
        (-1234567, "-1,234,567"),
        (0.012, "0.012"),
        (1e-5, "1e-05"),
        ("plain", "plain"),
        (("a", 1), "a, 1"),
        ([], "–"),
    ],
)
def test_values_are_formatted_by_their_type(value: object, text: str) -> None:
    assert format_value(value) == text


def test_format_of_floats_can_be_chosen() -> None:
    assert format_value(1234.5, floats=",.3f") == "1,234.500"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234, "1,234"), (2.0, "2.0000"), (999.99999, "1000.0000"), (1000.0, "1,000.0")],
)
def test_metrics_have_four_decimals_below_a_thousand(value: float, text: str) -> None:
    assert format_metric(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 MB"), (999_400_000, "999 MB"), (999_600_000, "1.0 GB"), (10**11, "100.0 GB")],
)
def test_bytes_are_in_mb_below_a_gigabyte(count: int, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0.4, "0"), (9999, "9,999"), (10_000, "10k"), (1_234_567, "1,235k")],
)
def test_rates_are_in_thousands_from_ten_thousand_on(rate: float, text: str) -> None:
    assert format_rate(rate) == text


def test_training_step_is_one_line() -> None:
    assert format_step(step(60.0, 0.25)) == (
        "25 %, epoch 2, training 2.346 bits/char, 23,457 char/s, 412 MB, 3:00 left"
    )


@pytest.mark.parametrize(
    ("progress", "seconds", "text"),
    [(0.0, 1.0, "?"), (0.5, 60.0, "1:00"), (0.01, 60.0, "1:39:00"), (1.0, 60.0, "0:00")],
)
def test_time_left_is_extrapolated_from_the_progress(
    progress: float, seconds: float, text: str
) -> None:
    assert format_time_left(step(seconds, progress)) == text


def test_memory_of_a_gpu_follows_that_of_the_process() -> None:
    assert format_memory(step()) == "412 MB"
    assert format_memory(step(device_memory_bytes=80 * 10**9)) == "412 MB, GPU 80.0 GB"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 steps"), (1, "1 step"), (2, "2 steps"), (12345, "12,345 steps")]
)
def test_counts_have_a_plural_unless_they_are_one(count: int, text: str) -> None:
    assert format_count(count, "step") == text


def test_an_unusable_folder_is_named_with_the_reason_of_the_system() -> None:
    for error, reason in (
        (OSError(13, "Permission denied"), "Permission denied"),
        (OSError("no reason"), "no reason"),
    ):
        assert unusable_folder_message(Path("runs/m"), error) == (
            f"{Path('runs/m')} cannot be used ({reason}); name another folder with --output."
        )


def test_every_baseline_has_a_name() -> None:
    baselines = Baselines(characters=1, uniform=1, unigram=1, ngram=1, xz=1, zstd=1)
    assert list(BASELINE_NAMES) == list(baselines.bits_per_character)
