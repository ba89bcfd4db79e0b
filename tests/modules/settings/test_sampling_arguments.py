"""Settings of keyword arguments."""

from pathlib import Path

import pytest

from charloom.errors import SettingsError
from charloom.settings import SamplingSettings
from charloom.settings.sampling_arguments import sampling_settings


def test_one_string_is_a_value_of_several() -> None:
    settings = sampling_settings({"stop": "a", "forbid": "b", "novel_file": "c"})
    assert (settings.stop, settings.forbid, settings.novel_file) == (("a",), ("b",), ("c",))


def test_paths_become_strings() -> None:
    settings = sampling_settings({"novel_file": [Path("a"), "b"]})
    assert settings.novel_file == sampling_settings({"novel_file": ["a", "b"]}).novel_file
    assert sampling_settings({"novel_file": Path("a")}).novel_file == ("a",)


def test_without_options_settings_are_the_default() -> None:
    assert sampling_settings({}) == SamplingSettings()


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^there is no option 'temprature'; there are: "):
        sampling_settings({"temprature": 1})  # type: ignore[typeddict-unknown-key]
