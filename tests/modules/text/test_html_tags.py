"""HTML tags are removed from HTML, and from nothing that only looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.text.html_tags import has_tags, remove_tags

PIECES = st.sampled_from(
    ["<b>", "</b>", "<p>", "</p>", "<br>", '<a href="x">', "{", "x", " ", "<", ">"]
)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The <b>end</b>", "The end"),
        ("one<br>two<BR/>three", "one two three"),
        ('see <a href="http://x.y">this</a>.', "see this."),
        ("<p>The first.<p>The second.", "The first. The second."),
        ("cut <i>off</i> and <b>", "cut off and "),
        ('a picture <img src="x.png"> here', "a picture  here"),
    ],
)
def test_tags_of_html_are_removed(text: str, plain: str) -> None:
    assert remove_tags(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "Array<a>",
        "new Map<i, b>()",
        "std::vector<p> points;",
        "List<b> x = new List<b>();",
        "<div>{x}</div>",
        "function f() { return <p>text</p> }",
        "pa<b>ss",
        "<p>assw0rd",
        "x</b>y",
        "1 <i and j> 2",
        "<unk> <script>",
    ],
)
def test_code_and_passwords_are_unchanged(text: str) -> None:
    assert remove_tags(text) == text


@given(st.lists(PIECES, max_size=12).map("".join))
def test_has_tags_foretells_a_change(text: str) -> None:
    assert has_tags(text) == (remove_tags(text) != text)
