import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from charloom.evaluation.word_count import WordCounter
from charloom.text.documents import Block
from charloom.text.symbols import code_units

TEXTS = st.lists(st.text(alphabet="ab \t\u3000\u00a0\n🙂é"), min_size=1)


@given(TEXTS, st.lists(st.booleans()))
def test_words_are_what_python_splits_a_text_into(texts: list[str], joins: list[bool]) -> None:
    """Some texts go on in the next block."""
    count, whole = WordCounter(), [""]
    for index, text in enumerate(texts):
        goes_on = index < min(len(joins), len(texts) - 1) and joins[index]
        units = code_units(text, "char")
        count.add(Block(codes=units, lengths=np.array([len(units)]), unfinished=goes_on))
        whole[-1] += text
        whole += [] if goes_on else [""]
    assert count.words == sum(len(text.split()) for text in whole)


@given(TEXTS)
def test_a_word_ends_with_its_document(texts: list[str]) -> None:
    count = WordCounter()
    units = [code_units(text, "char") for text in texts]
    count.add(Block(codes=np.concatenate(units), lengths=np.array(list(map(len, units)))))
    assert count.words == sum(len(text.split()) for text in texts)
