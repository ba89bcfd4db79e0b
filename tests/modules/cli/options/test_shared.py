"""Options and arguments of commands, and the completion of their values."""

from typing import Any

import pytest

from charloom.cli.options.parsers import decode_argument
from charloom.cli.options.shared import argument, option


def completions(incomplete: str, **arguments: Any) -> list[str]:
    """Return the values that a shell completes for an option --cell."""
    made = option("--cell", help="Cells.", values=("rnn", "gru", "lstm", "lru"), **arguments)
    return list(made.autocompletion(incomplete))


@pytest.mark.parametrize(
    ("incomplete", "expected"),
    [("", ["rnn", "gru", "lstm", "lru"]), ("l", ["lstm", "lru"]), ("x", []), ("gru,l", [])],
)
def test_a_value_is_completed(incomplete: str, expected: list[str]) -> None:
    assert completions(incomplete) == expected


@pytest.mark.parametrize(
    ("incomplete", "expected"),
    [
        ("l", ["lstm", "lru"]),
        ("gru,l", ["gru,lstm", "gru,lru"]),
        ("gru,rnn,g", ["gru,rnn,gru"]),
        (",r", [",rnn"]),
    ],
)
def test_the_last_value_of_a_list_is_completed(incomplete: str, expected: list[str]) -> None:
    assert completions(incomplete, separator=",") == expected


def test_the_help_text_ends_with_the_default() -> None:
    assert option("--top", help="Symbols to show.").help == "Symbols to show."
    made = option("--top", "-t", help="Symbols to show.", default=0, group="Shape")
    assert made.help == "Symbols to show. [default: 0]"
    assert (made.show_default, made.rich_help_panel) == (False, "Shape")


def test_an_option_without_values_completes_none() -> None:
    assert option("--top", help="Symbols to show.").autocompletion is None


def test_an_argument_has_its_parser() -> None:
    made = argument("TEXT", "The text.", decode_argument)
    assert (made.metavar, made.help, made.show_default) == ("TEXT", "The text.", False)
    assert made.parser is decode_argument
