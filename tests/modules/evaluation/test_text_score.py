"""Scores as records equal the scores, and a tuple of them is a table."""

import dataclasses

import pytest
from records import record

from charloom.data.sources import Document
from charloom.errors import LabelError, SettingsError
from charloom.model import Model

TEXTS: list[str | tuple[str, str | None]] = [
    "bad cab",
    " x&amp;y ",
    "",
    ("hid", "y"),
    ("hid", None),
]


def test_details_are_the_scores_of_the_scorer() -> None:
    one = Model(record(("x", "y")))
    found = one.score(TEXTS, details=True)
    assert [each.bits_per_character for each in found] == one.score(TEXTS)
    documents = [Document(text=text) for text in ("bad cab", "x&y", "")]
    documents += [Document(text="hid", label="y"), Document(text="hid")]
    for each, score in zip(found, one.scorer.score(documents), strict=True):
        assert (each.bits, each.characters) == (score.bits, score.characters)
        assert (each.symbols, each.unknown) == (score.symbols, score.unknown)
    assert [each.text for each in found] == ["bad cab", " x&amp;y ", "", "hid", "hid"]
    assert [each.label for each in found] == [None, None, None, "y", None]
    assert found[1].unknown == 3 and found[3].bits != found[4].bits
    assert one.score([], details=True) == ()
    assert one.score(iter(TEXTS), details=True) == found  # type: ignore[call-overload]
    with pytest.raises(SettingsError, match="^one string was given"):
        one.score("ab", details=True)


def test_a_label_that_the_model_lacks_is_refused() -> None:
    with pytest.raises(LabelError, match="^label 'z' is not known to this model"):
        Model(record(("x", "y"))).score([("a", "z")])


@pytest.mark.needs("polars")
def test_a_tuple_of_scores_is_a_table_of_polars() -> None:
    import polars

    found = Model(record(("x", "y"))).score(TEXTS, details=True)
    frame = polars.DataFrame(found)
    assert frame.columns == [field.name for field in dataclasses.fields(found[0])]
    assert frame.rows(named=True) == [each.to_dict() for each in found]
