"""Word counts against ``str.split``."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from charloom.evaluation.word_count import WordCounter
from charloom.text.documents import Block
from charloom.text.symbols import code_units

TEXTS = st.lists(st.text(alphabet="ab \t\u3000\u00a0\n🙂é"), min_size=1)


@given(TEXTS, st.lists(st.booleans()))
@example(["a", "", "a"], [True])
def test_words_of_documents_in_several_blocks_are_those_of_split(
    texts: list[str], joins: list[bool]
) -> None:
    """``joins`` decides which texts continue in the next block."""
    counter, whole = WordCounter(), [""]
    for index, text in enumerate(texts):
        unfinished = index < min(len(joins), len(texts) - 1) and joins[index]
        units = code_units(text, "char")
        counter.add(Block(codes=units, lengths=np.array([len(units)]), unfinished=unfinished))
        whole[-1] += text
        whole += [] if unfinished else [""]
    assert counter.words == sum(len(text.split()) for text in whole)


@given(TEXTS)
def test_no_word_extends_over_two_documents(texts: list[str]) -> None:
    counter = WordCounter()
    units = [code_units(text, "char") for text in texts]
    counter.add(Block(codes=np.concatenate(units), lengths=np.array(list(map(len, units)))))
    assert counter.words == sum(len(text.split()) for text in texts)
