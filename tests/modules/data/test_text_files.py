"""Blocks of text become whole lines, or chunks that end after lines."""

from hypothesis import given
from hypothesis import strategies as st

from charloom.data.text_files import line_chunks, whole_lines


@given(st.lists(st.text("ab\r\n\u2028\x85", max_size=8)))
def test_blocks_become_whole_lines(blocks: list[str]) -> None:
    text = "".join(blocks).replace("\r\n", "\n").replace("\r", "\n")
    expected = text.removesuffix("\n").split("\n") if text else []
    found = [line for block in whole_lines(blocks) for line in block.split("\n")]
    assert [line for line in found if line] == [line for line in expected if line]
    assert "".join(line + "\n" for line in found) == (text and text.removesuffix("\n") + "\n")


@given(blocks=st.lists(st.text("ab\r\n", max_size=8)), translate=st.booleans())
def test_line_chunks_contain_the_text_and_end_after_lines(
    blocks: list[str], translate: bool
) -> None:
    text = "".join(blocks)
    if translate:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    chunks = list(line_chunks(blocks, translate=translate))
    assert "".join(chunks) == text
    assert all(chunk.endswith("\n") for chunk in chunks[:-1])


def test_no_chunk_ends_within_a_tag() -> None:
    blocks = ["one\n<a\nhref='x'", ">\ntwo <b\n", "c>\nthree\n"]
    chunks = list(line_chunks(blocks, translate=True))
    assert chunks == ["one\n", "<a\nhref='x'>\n", "two <b\nc>\nthree\n"]
    long = "<" + "a" * 5000 + "\n"
    assert list(line_chunks([long, "b"], translate=True)) == [long, "b"]
