"""Documents are unchanged after conversion to blocks of any size and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.text import documents as documents_module
from charloom.text.documents import Block, Document, keep_labels, text_of, to_blocks, to_documents
from charloom.text.symbols import code_units, replace_surrogates

DOCUMENTS = st.lists(
    st.builds(
        Document,
        text=st.text(st.characters(), min_size=1),
        label=st.none() | st.sampled_from(["x", "y", "é"]),
    )
)


@given(documents=DOCUMENTS, size=st.integers(1, 20))
def test_blocks_contain_the_documents_without_surrogates(
    documents: list[Document], size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents_module, "BLOCK_CHARACTERS", size)
        blocks = list(to_blocks(documents))
    expected = [
        Document(text=replace_surrogates(document.text), label=document.label)
        for document in documents
    ]
    assert list(to_documents(blocks)) == expected
    assert "".join(block.text for block in blocks) == "".join(d.text for d in expected)
    # A block ends with the document that reaches its size.
    for block in blocks[:-1]:
        assert len(block.codes) - block.lengths[-1] < size <= len(block.codes)


def test_surrogates_of_two_documents_form_no_pair() -> None:
    (block,) = to_blocks([Document(text="a\ud83d"), Document(text="\ude00b")])
    assert block.texts() == ["a\ufffd", "\ufffdb"]


def test_a_block_without_labels_has_none() -> None:
    (block,) = to_blocks([Document(text="a"), Document(text="b")])
    assert block.labels is None


def test_documents_that_span_blocks_are_joined() -> None:
    def block(texts: list[str], *, unfinished: bool) -> Block:
        units = code_units("".join(texts), "char")
        return Block(codes=units, lengths=np.array(list(map(len, texts))), unfinished=unfinished)

    blocks = [
        block(["one", "tw"], unfinished=True),
        block(["o"], unfinished=True),
        block(["!", "three"], unfinished=False),
    ]
    assert [document.text for document in to_documents(blocks)] == ["one", "two!", "three"]


def test_unknown_labels_are_removed_and_reported_in_order() -> None:
    labels = ["x", "new", None, "other", "new"]
    (block,) = to_blocks([Document(text="a", label=label) for label in labels])
    unknown: dict[str, None] = {}
    (kept,) = keep_labels([block], {"x"}, unknown)
    assert kept.labels == ["x", None, None, None, None]
    assert list(unknown) == ["new", "other"]
    assert kept.texts() == ["a"] * 5
    (same,) = keep_labels([block], {"x", "new", "other"})
    assert same is block


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_text_of_code_points(text: str) -> None:
    assert text_of(np.array(list(map(ord, text)), dtype=np.uint32)) == text
