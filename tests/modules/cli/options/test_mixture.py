"""The option ``--mix``."""

from pathlib import Path

import pytest
from records import folder

from charloom.cli.options.mixture import MixtureOptions
from charloom.errors import SettingsError
from charloom.mixture import Mixture


def test_without_the_option_the_model_is_that_of_the_folder(tmp_path: Path) -> None:
    run = folder(tmp_path / "one")
    assert not isinstance(MixtureOptions().load(run), Mixture)
    assert MixtureOptions().folders == []


def test_the_first_model_has_the_rest_of_the_weight(tmp_path: Path) -> None:
    one, two, three = (folder(tmp_path / name) for name in ("one", "a=b", "c"))
    options = MixtureOptions(mix=[f"{two}=0.25", f"{three}=0.125"])
    mixture = options.load(one)
    assert isinstance(mixture, Mixture)
    assert mixture.weights == (0.625, 0.25, 0.125)
    assert options.folders == [two, three]


@pytest.mark.parametrize("text", ["runs/b", "=0.5", "b=0", "b=1", "b=nan", "b=-0.5", "b=x"])
def test_a_wrong_value_is_refused(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        MixtureOptions(mix=[text]).load(Path("one"))
    assert str(caught.value) == (
        f"--mix is {text!r}; give a model folder and a weight between 0 and 1, such as "
        "runs/facts=0.3."
    )


def test_weights_of_sum_1_are_refused_with_errors_of_rounding_too() -> None:
    for texts in (["a=0.5", "b=0.5"], ["a=0.3", "b=0.6", "c=0.1"]):
        with pytest.raises(SettingsError) as caught:
            MixtureOptions(mix=texts).load(Path("one"))
        assert str(caught.value) == (
            "--mix has weights of sum 1; the sum must be below 1, and RUN has the rest."
        )
