import pytest

from charloom.cli.terminal.columns import display_width, pad


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("abc", 3),
        ("標題", 4),
        ("e\u0301", 1),
        ("\U0001f600", 2),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", 2),  # three emoji joined into one
        ("\u2764\ufe0f", 2),  # a heart with the variation selector of emoji
        ("\U0001f1e9\U0001f1ea", 2),  # a flag
        ("", 0),
    ],
)
def test_width_is_counted_in_terminal_columns(text: str, columns: int) -> None:
    assert display_width(text) == columns
    assert pad(text, 6) == text + " " * (6 - columns)
    assert pad(text, 6, right=True) == " " * (6 - columns) + text
    assert pad(text, columns - 1) == text
