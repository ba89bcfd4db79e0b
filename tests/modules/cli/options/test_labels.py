import pytest

from charloom.cli.options.labels import parse_label
from charloom.errors import SettingsError
from charloom.settings import Label

LABELS = ("France", "Spain", "a=1", "b,c", "a=1,b=2")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (None, None),
        ("", ""),
        ("France", "France"),
        ("Atlantis", "Atlantis"),  # the model refuses it
        ("France,Spain", "France,Spain"),
        ("France=0.5,Spain=0.5", {"France": 0.5, "Spain": 0.5}),
        ("France=3,Spain=1e-1,", {"France": 3.0, "Spain": 0.1}),
        ("France=1", {"France": 1.0}),
        ("a=1", "a=1"),
        ("a=1,b=2", "a=1,b=2"),
        ("a=1=0.25,b,c=0.75", {"a=1": 0.25, "b,c": 0.75}),
    ],
)
def test_a_label_of_the_model_comes_before_a_mixture(text: str | None, label: Label) -> None:
    assert parse_label(text, LABELS) == label


@pytest.mark.parametrize("text", ["France=", "France=much", "=1", "France=1,Spain", "a=b"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(SettingsError) as error:
        parse_label(text, LABELS)
    assert str(error.value) == (
        f"--label is {text!r}; give a label of the model, or labels with weights, such as "
        "France=0.5,Spain=0.5."
    )


def test_a_label_is_given_once() -> None:
    with pytest.raises(SettingsError) as error:
        parse_label("France=1,France=2", LABELS)
    assert str(error.value) == (
        "--label France=1,France=2 has 'France' twice; give each label once."
    )
