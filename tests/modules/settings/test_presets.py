import pytest

from charloom.errors import SettingsError
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.settings.presets import PRESETS, merge_options, preset_options


@pytest.mark.parametrize("name", PRESETS)
def test_the_settings_of_a_preset_are_valid(name: str) -> None:
    preset = PRESETS[name]
    TextSettings(**preset.text)
    NetworkSettings(**preset.network)
    TrainingSettings(**preset.training)
    assert preset_options(name) == {**preset.text, **preset.network, **preset.training}


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError) as caught:
        preset_options("course")
    assert str(caught.value) == "preset is 'course'; there are: lesson."


def test_options_replace_those_of_the_base() -> None:
    assert merge_options({"hidden": 8, "cell": "gru"}, {"hidden": 9}) == {
        "hidden": 9,
        "cell": "gru",
    }


def test_a_budget_replaces_budgets_of_other_kinds() -> None:
    assert merge_options({"epochs": 3, "hidden": 8}, {"minutes": 1}) == {
        "hidden": 8,
        "minutes": 1,
    }
    assert merge_options({"epochs": 3}, {"hidden": 8}) == {"epochs": 3, "hidden": 8}
