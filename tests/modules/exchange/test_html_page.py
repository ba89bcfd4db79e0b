import json
import re

import pytest
from records import record

from charloom.exchange.html_page import check_embeddable, render_page
from charloom.exchange.model_json import model_object

HOSTILE = "</script><b>&\"'\u2028"


def test_names_facts_and_symbols_cannot_become_markup() -> None:
    model = record((HOSTILE,))
    page = render_page(model, name=HOSTILE, run=HOSTILE, facts=[("Key", HOSTILE)], length=5)
    assert page.count("</script>") == 2
    assert "<b>" not in page
    [text] = re.findall(r'<script type="application/json" id="model">(.*?)</script>', page)
    assert json.loads(text) == model_object(model)
    assert 'value="5"' in page


def test_the_same_model_is_the_same_page() -> None:
    model = record()
    pages = [render_page(model, name="a", run="b", length=5) for _ in range(2)]
    assert pages[0] == pages[1]
    assert "LSTM, 1 layer of 6 units" in pages[0]
    assert "2.500 bits per character" in pages[0]


@pytest.mark.parametrize("text", ["a </SCRIPT >", "<!-- x", "a\rb", "a\0b"])
def test_texts_that_would_end_their_element_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the text cannot be held by an element script"):
        check_embeddable(text, "script")
