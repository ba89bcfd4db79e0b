"""The options of a checker."""

import pytest

from charloom.cli.options.checker import CheckerOptions
from charloom.errors import SettingsError
from charloom.generation.checker import CommandChecker


def test_without_a_command_there_is_no_checker() -> None:
    assert CheckerOptions().make() is None


def test_a_command_becomes_a_checker() -> None:
    checker = CheckerOptions(checker="sed s/.*/1/").make()
    assert isinstance(checker, CommandChecker)
    assert checker(["a", "b"]) == [True, True]


def test_a_time_without_a_command_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        CheckerOptions(checker_timeout=3.0).make()
    assert str(caught.value) == "--checker-timeout was given without --checker; add that."
