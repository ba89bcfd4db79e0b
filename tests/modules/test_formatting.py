import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from charloom.formatting import (
    display_width,
    escape_controls,
    format_bar,
    format_duration,
    indent_continuation,
    pad,
    quote,
)

ESCAPE = "\x1b[31m\x07\x00\x9b\x7f"


@given(st.text())
@example(ESCAPE)
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = escape_controls(text)
    assert not [c for c in shown if c not in "\n\t" and (ord(c) < 32 or 127 <= ord(c) < 160)]
    assert escape_controls(shown) == shown


@given(st.text(st.characters(exclude_categories=["Cc"])))
def test_other_text_is_left_as_it_is(text: str) -> None:
    assert escape_controls(text) == text


def test_further_lines_hang_below_the_first() -> None:
    assert indent_continuation("one\n two\x07\nthree\n\n", 4) == "one\n     two<0x07>\n    three"


@pytest.mark.parametrize(
    ("text", "shown"),
    [(" ", '" "'), ("\n", '"\\n"'), ('"', '"\\""'), ("é", '"é"'), ("\x7f", '"<0x7F>"')],
)
def test_a_symbol_between_quotes(text: str, shown: str) -> None:
    assert quote(text) == shown


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("標題", 4), ("e\u0301", 1), ("\U0001f600", 2), ("", 0)]
)
def test_columns_of_a_terminal(text: str, columns: int) -> None:
    assert display_width(text) == columns
    assert display_width(pad(text, 6)) == 6
    assert pad(text, columns - 1) == text


@given(st.floats(0, 1), st.integers(1, 60))
def test_a_bar_is_right_to_an_eighth(share: float, columns: int) -> None:
    drawn = format_bar(share, columns)
    eighths = sum(" ▏▎▍▌▋▊▉█".index(block) for block in drawn)
    assert abs(eighths - 8 * columns * share) <= 0.5
    assert len(drawn) <= columns


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (3725, "1:02:05")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown
