from typing import Any

import pytest

from charloom.errors import SettingsError
from charloom.settings import TextSettings

REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"level": "letter"},
        "level is 'letter'; allowed: char, byte, grapheme, word, closed-word.",
    ),
    (
        {"unit": "page"},
        "unit is 'page'; allowed: line, document, stream.",
    ),
    (
        {"min_count": 0},
        "min-count is 0; it must be a number of at least 1.",
    ),
    (
        {"valid_fraction": 1.0},
        "valid-fraction is 1.0; it must be a number of more than 0 and less than 1.",
    ),
    (
        {"unit": "stream", "label_column": "class"},
        "labels were asked for with unit stream; a stream has no documents to label: "
        "use --unit line or --unit document.",
    ),
    (
        {"columns": "title"},
        "columns is 'title'; allowed: a list of texts, such as ['a', 'b'].",
    ),
    (
        {"columns": (2,)},
        "columns is (2,); allowed: a list of texts, such as ['a', 'b'].",
    ),
    (
        {"label_column": 3},
        "label-column is 3; allowed: a text.",
    ),
    (
        {"header": "yes"},
        "header is 'yes'; allowed: True or False.",
    ),
    (
        {"clean": 1},
        "clean is 1; allowed: True or False.",
    ),
    (
        {"level": ["char"]},
        "level is ['char']; allowed: char, byte, grapheme, word, closed-word.",
    ),
]


@pytest.mark.parametrize(("values", "message"), REFUSED, ids=str)
def test_wrong_types_and_ranges_are_refused_with_the_allowed_values(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        TextSettings(**values)
    assert str(caught.value) == message


def test_a_stream_may_have_a_label_column_of_none() -> None:
    assert TextSettings(unit="stream").label_column is None
