"""Cleaning: replaced and unchanged texts; cleaning twice equals cleaning once."""

import csv
import html
import re
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from charloom.settings import TextSettings
from charloom.text.cleaning import clean, clean_document, clean_prompt, is_clean, mask_digits

AG_NEWS = Path(__file__).parents[3] / "shared" / "data" / "ag_news" / "test.csv"

# Pieces that form everything that cleaning replaces, also what one replacement uncovers.
PIECES = st.sampled_from(
    ["&", "amp", "#39", "#x26", "lt", "gt", ";", " ", "<", "b", "br", "/", ">", "a href=", "\n"]
    + ["\r", "\0", "\x85", "\ufeff", "e", "\u0301", "\u037e", "\ud83d", "\ude00", "quot;", "&#38;"]
)
MESSY = st.one_of(st.lists(PIECES, max_size=25).map("".join), st.text())


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("Duo #39;s Threat", "Duo's Threat"),
        ("all players #39; fault", "all players' fault"),
        (" #39;Save my dad #39;", "'Save my dad'"),
        ("Sought  #36;50M From", "Sought $50M From"),
        ("on  quot;phone sex quot; services", 'on "phone sex" services'),
        ("J amp;J in talks", "J&J in talks"),
        ("Procter  amp; Gamble", "Procter & Gamble"),
        ("News  gt; Delhi", "News > Delhi"),
        ("them  #151; online", "them \u2014 online"),
        ("Netscape  #038; Google", "Netscape & Google"),
        ("up to   hellip;. and", "up to  \u2026. and"),
        ("quot;first quot;\nquot;second quot;", '"first"\n"second"'),
        ("Gaza &lt;b&gt;...&lt;/b&gt;", "Gaza ..."),
        ('Co. &lt;A HREF="http://x.y/?t=W&amp;u"&gt;WFC.N&lt;/A&gt;, the', "Co. WFC.N, the"),
        ("won.&lt;br /&gt;&lt;p&gt;The", "won. The"),
        ("&lt;p&gt;The end.&lt;/p&gt;", "The end."),
        ("&amp;amp;lt;br&amp;amp;gt;x", "x"),
        ("caf&eacute; &#8212; &#x2014; &#151;", "caf\u00e9 \u2014 \u2014 \u2014"),
    ],
)
def test_html_remains_are_replaced(broken: str, whole: str) -> None:
    assert clean(broken) == whole


@pytest.mark.parametrize(
    "text",
    [
        "<unk> and <eos> and <TXN.N> stay",
        "if a < b and c > d; then",
        "1 <i and j> 2",
        "issue #42; make a copy; the pound; free trade;",
        "?a=1&copy=2&amp",
        "R&D; AT&T;",
        "&nosuchname; &notit;",
        "see#39;s",
        "  outer space \t\n",
        "fa\u200dmi\u200cly \u200f\u202bRTL\u202c",
    ],
)
def test_text_that_only_looks_like_html_is_unchanged(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("\ufeffa\0b\x07c\x85d\te", "abcd\te"),
        ("cafe\u0301", "caf\u00e9"),
        ("\ud83d", "\ufffd"),
        ("\ud83d\ude00 \ude00", "\U0001f600 \ufffd"),
        ("&#0;&#xD800;", "\ufffd\ufffd"),
    ],
)
def test_unicode_forms_and_control_characters_are_normalized(text: str, repaired: str) -> None:
    assert clean(text) == repaired


@given(MESSY)
@example("&am\0p;lt;b&gt;")
@example("&lt\u037e")
def test_cleaning_twice_equals_cleaning_once(text: str) -> None:
    once = clean(text)
    assert clean(once) == once


@given(MESSY)
def test_a_cleaned_text_is_nfc_without_surrogates_and_controls(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")  # raises if a surrogate is left
    assert unicodedata.normalize("NFC", cleaned) == cleaned
    assert all(unicodedata.category(c) != "Cc" or c in "\n\t" for c in cleaned)
    assert "\ufeff" not in cleaned


@given(MESSY)
def test_a_text_that_is_clean_is_unchanged(text: str) -> None:
    if is_clean(text):
        assert clean(text) == text


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="&<")))
def test_cleaning_undoes_html_escape(text: str) -> None:
    plain = unicodedata.normalize("NFC", text.replace("\ufeff", "").replace(";", ","))
    assert clean(html.escape(plain)) == clean(plain)


def test_only_lines_lose_outer_white_space() -> None:
    text = "\u00a0 Duo #39;s\n"
    assert clean_document(text, TextSettings(unit="line")) == "Duo's"
    assert clean_document(text, TextSettings(unit="document")) == "\u00a0 Duo's\n"
    assert clean_document(text, TextSettings(unit="line", clean=False)) == text


def test_surrogates_are_replaced_even_without_cleaning() -> None:
    kept = TextSettings(clean=False)
    for text, repaired in (("a\ud83d  amp;", "a\ufffd  amp;"), ("\ud83d\ude00", "\U0001f600")):
        assert clean_document(text, kept) == clean_prompt(text, kept) == repaired


def test_a_prompt_keeps_its_outer_white_space() -> None:
    assert clean_prompt(" Procter  amp; ", TextSettings()) == " Procter & "
    assert clean_prompt(" Procter  amp; ", TextSettings(clean=False)) == " Procter  amp; "


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("&" + "amp;" * 5000, "&"),
        ("&" + "amp;#38;#x26;AMP;" * 5000 + "lt;", "<"),
        (" #38;" + "#0038;" * 5000, "&"),
        ("&" + "amp;" * 5000 + "notit;", "&notit;"),
        ("&" + "amp;" * 5000 + "lt", "&lt"),
    ],
)
def test_repeated_escapes_are_all_replaced(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    "hostile",
    [
        "<a x=" + " " * 200_000,
        "<a" * 100_000,
        "& #39 <p" * 30_000,
        "&" + "amp;" * 50_000,
        "&" + "#38;" * 50_000,
        "<" * 30_000 + "b>" * 30_000,
    ],
)
def test_time_grows_with_the_length_only(hostile: str) -> None:
    # At 200,000 characters a quadratic search takes minutes, a linear one milliseconds.
    begin = time.process_time()
    clean(hostile + ";")
    assert time.process_time() - begin < 5


@pytest.mark.skipif(not AG_NEWS.exists(), reason="AG's news is not on this machine")
def test_real_titles_have_no_broken_entities_left() -> None:
    with AG_NEWS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    left = re.compile(r"#\d+;|&\w+;|\b(quot|amp|lt|gt|hellip|nbsp);|</?(b|p|br|a|font)\b", re.I)
    assert sum(left.search(title) is not None for _, title, _ in rows) > 700
    for _, title, description in rows:
        assert not left.search(clean(title))
        assert not left.search(re.sub(r"<[^>]*$", "", clean(description)))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("2026-11-24T10:02:11Z id=42", "0000-00-00T00:00:00Z id=00"),
        ("Nov 24 10:02:11 host sshd[123]", "Jan 00 00:00:00 host sshd[000]"),
        ("Nov  4 10:02:11 host", "Jan  0 00:00:00 host"),
        ("[24/Nov/2026:10:02:11 +0100]", "[00/Jan/0000:00:00:00 +0000]"),
        ("Tue, 24 Nov 2026", "Mon, 00 Jan 0000"),
        ("Tue Nov 24 2026", "Mon Jan 00 0000"),
        ("May the Sun shine in Dec", "May the Sun shine in Dec"),
    ],
)
def test_digits_and_dates_are_masked(text: str, masked: str) -> None:
    settings = TextSettings(mask_digits=True)
    assert mask_digits(text) == masked
    assert clean_document(text, settings) == clean_prompt(text, settings) == masked
    assert clean_document(text, TextSettings(mask_digits=True, clean=False)) == masked


@given(st.text("Nov 24/TueJan-,:\n") | st.text())
def test_masking_keeps_lengths_and_lines(text: str) -> None:
    masked = mask_digits(text)
    assert len(masked) == len(text)
    assert masked.split("\n") == [mask_digits(line) for line in text.split("\n")]
    assert mask_digits(masked) == masked
