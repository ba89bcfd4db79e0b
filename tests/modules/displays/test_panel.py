"""Panels show the same as HTML and as text, escaped and cut."""

import html
import re

from displays import Page, check_is_safe
from hypothesis import given
from hypothesis import strategies as st
from training_events import sample

from charloom.displays.panel import (
    MAX_CHARACTERS,
    MAX_LINES,
    MAX_MARKED_CHARACTERS,
    MAX_SAMPLE_CHARACTERS,
    MAX_SAMPLES,
    MarkedText,
    Panel,
)

HOSTILE = '<script>alert(1)</script> & "quoted" \x1b[31m'
SHOWN = '<script>alert(1)</script> & "quoted" <0x1B>[31m'


def hostile_panel() -> Panel:
    return Panel(
        title=HOSTILE,
        subtitle=HOSTILE,
        progress=0.25,
        facts=((HOSTILE, HOSTILE),),
        samples=(sample(HOSTILE, label=HOSTILE), sample("To " + HOSTILE)),
        notes=(HOSTILE,),
        details=((HOSTILE, HOSTILE),),
    )


def test_every_text_is_escaped_and_shown() -> None:
    content = hostile_panel().to_html()
    check_is_safe(content)
    shown = "".join(Page(content).texts)
    # Title, subtitle, a fact, a note and a detail; a sample with its label, and one with a prompt.
    assert shown.count(SHOWN) == 2 + 2 + 1 + 2 + 2 + 1
    assert "\x1b" not in content


def test_the_text_has_the_lines_of_the_html_but_for_the_details() -> None:
    text = hostile_panel().to_text()
    assert "\x1b" not in text
    assert text.splitlines() == [
        f"{SHOWN} {SHOWN}",
        f"{' ' * 7}{SHOWN}  {SHOWN}",
        f"{SHOWN} at 0.5  {SHOWN}",
        f"{'temp 0.5':>{len(SHOWN) + 7}}  To {SHOWN}",
        SHOWN,
    ]


def test_the_bar_is_filled_to_the_progress() -> None:
    assert "width:25.0%" in Panel(title="a", progress=0.25).to_html()
    assert "width" not in Panel(title="a").to_html().split(">", 1)[1]


@given(st.text(max_size=3000))
def test_any_text_is_cut_and_can_be_sent(text: str) -> None:
    panel = Panel(
        title="a",
        samples=(sample(text),) * (MAX_SAMPLES + 5),
        facts=((text, text),) * (MAX_LINES + 5),
        notes=(text,) * (MAX_LINES + 5),
    )
    for content in panel.bundle().values():
        content.encode("utf-8")
    page = Page(panel.to_html())
    assert page.tags.count("span") <= MAX_SAMPLES
    # An escaped character takes 6 at most, and one that is shown by its code no more.
    longest = 6 * ((3 * MAX_CHARACTERS + 300) * MAX_LINES + 600 * MAX_SAMPLES)
    assert len(panel.to_html()) < longest


def test_a_long_sample_is_cut_and_says_so() -> None:
    content = Panel(title="a", samples=(sample("To " + "x" * 999),)).to_html()
    shown = html.unescape("".join(Page(content).texts))
    assert f"To {'x' * (MAX_SAMPLE_CHARACTERS - 3)} ..." in shown


def test_lone_surrogates_are_replaced() -> None:
    bundle = Panel(title="\ud800", notes=("\udfff",), samples=(sample("\ud83d"),)).bundle()
    for content in bundle.values():
        assert content.encode().decode().count("\N{REPLACEMENT CHARACTER}") == 3


def test_a_marked_span_is_underlined_within_its_text() -> None:
    marked = MarkedText(heading="3 of <1>", text="a <cat> sat", start=2, stop=7)
    panel = Panel(title="a", marked=(marked,) * (MAX_SAMPLES + 1))
    content = panel.to_html()
    check_is_safe(content)
    underlined = re.findall(r"<u [^>]*>([^<]*)</u>", content)
    assert underlined == ["&lt;cat&gt;"] * MAX_SAMPLES
    assert "a <cat> sat" in "".join(Page(content).texts)
    assert panel.to_text().splitlines()[1:] == ["3 of <1>  a [<cat>] sat"] * MAX_SAMPLES


@given(st.text(max_size=400), st.integers(0, 400), st.integers(0, 400))
def test_a_window_around_a_span_is_shown(text: str, start: int, length: int) -> None:
    start = min(start, len(text))
    marked = MarkedText(heading="", text=text, start=start, stop=start + length)
    before, span, after = marked.parts()
    shown = before.removeprefix("... "), span.removesuffix(" ..."), after.removesuffix(" ...")
    assert sum(map(len, (before, span, after))) <= MAX_MARKED_CHARACTERS + 12
    assert text[:start].endswith(before) or (before.startswith("... ") and shown[0] in text)
    assert text[start : start + length].startswith(shown[1])
    assert text[start + length :].startswith(after) or after.endswith(" ...")
    if len(text) <= MAX_MARKED_CHARACTERS - 2:
        assert before + span + after == text
