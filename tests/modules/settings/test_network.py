from typing import Any

import pytest

from charloom.errors import SettingsError
from charloom.settings import NetworkSettings

REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"cell": "mlp"},
        "cell is 'mlp'; allowed: lstm, gru, rnn.",
    ),
    (
        {"hidden": 0},
        "hidden is 0; it must be a number of at least 1.",
    ),
    (
        {"layers": 0},
        "layers is 0; it must be a number of at least 1.",
    ),
    (
        {"input": 0},
        "input is 0; it must be a number of at least 1.",
    ),
    (
        {"input": "two-hot"},
        "input is 'two-hot'; allowed: one-hot, or a size such as 64.",
    ),
    (
        {"dropout": 1.0},
        "dropout is 1.0; it must be a number of at least 0 and less than 1.",
    ),
    (
        {"hidden": 8.5},
        "hidden is 8.5; allowed: a whole number.",
    ),
    (
        {"hidden": "8"},
        "hidden is '8'; allowed: a whole number.",
    ),
    (
        {"layers": True},
        "layers is True; allowed: a whole number.",
    ),
    (
        {"input": 8.5},
        "input is 8.5; allowed: one-hot, or a size such as 64.",
    ),
]


@pytest.mark.parametrize(("values", "message"), REFUSED, ids=str)
def test_wrong_types_and_ranges_are_refused_with_the_allowed_values(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        NetworkSettings(**values)
    assert str(caught.value) == message
