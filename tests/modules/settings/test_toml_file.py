import math
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.errors import SettingsError
from charloom.settings import NetworkSettings, SamplingSettings, TextSettings, TrainingSettings
from charloom.settings.tables import RUN_TABLES, TABLES
from charloom.settings.toml_file import read_settings, to_toml


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("a.toml")


def test_settings_are_keyed_by_field_name(file: Path) -> None:
    file.write_text(
        '[text]\ncolumns = ["title", "2"]\nclean = false\n'
        '[network]\ninput = "one-hot"\nhidden = 128\n'
        "[training]\nepochs = 3\nlearning_rate = 0.01\ntemperatures = [0, 1.5]\n"
        "[sampling]\ntop_k = 5\nbias = { e = -2, a = -inf }\n",
        "utf-8",
    )
    assert read_settings(file, RUN_TABLES) == {
        "columns": ("title", "2"),
        "clean": False,
        "input": "one-hot",
        "hidden": 128,
        "epochs": 3,
        "learning_rate": 0.01,
        "temperatures": (0, 1.5),
    }
    assert read_settings(file, ["sampling"]) == {"top_k": 5, "bias": {"e": -2, "a": -math.inf}}


def test_an_empty_file_sets_nothing(file: Path) -> None:
    file.write_text("[text]\n")
    assert read_settings(file, RUN_TABLES) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "[network]\nwidth = 3\n",
            "a.toml: [network] unknown setting 'width'; known: cell, dropout, hidden, input, "
            "layers.",
        ),
        ("[network]\nhidden = '8'\n", "a.toml: [network] hidden is '8'; allowed: a whole number."),
        (
            "[network]\nhidden = true\n",
            "a.toml: [network] hidden is True; allowed: a whole number.",
        ),
        (
            "[training]\nlearning_rate = 0\n",
            "a.toml: [training] learning_rate is 0; it must be a number of more than 0.",
        ),
        (
            "[training]\ntemperatures = [1, -1]\n",
            "a.toml: [training] temperatures is -1; it must be a number of at least 0.",
        ),
        (
            "[training]\nminutes = 1\nsteps = 3\n",
            "a.toml: [training] minutes and steps are both given; give one of them.",
        ),
        (
            "[training]\nminutes = 1979-05-27\n",
            "a.toml: [training] minutes is datetime.date(1979, 5, 27); allowed: a number.",
        ),
        (
            "[model]\nhidden = 3\n",
            "a.toml: there is no table [model] of settings; there are: [text], [network], "
            "[training], [sampling].",
        ),
        ("network = 3\n", "a.toml: network is a table: write [network] and its settings below."),
        (
            "hidden = 3\n",
            "a.toml: there is no table [hidden] of settings; there are: [text], [network], "
            "[training], [sampling].",
        ),
        (
            "[sampling]\ntop_k = 0\n",
            "a.toml: [sampling] top_k is 0; it must be a number of at least 1.",
        ),
    ],
)
def test_a_wrong_setting_is_refused_with_file_and_table(
    file: Path, content: str, message: str
) -> None:
    file.write_text(content, "utf-8")
    with pytest.raises(SettingsError) as caught:
        read_settings(file, RUN_TABLES)
    assert str(caught.value) == message


def test_a_file_that_is_not_toml_is_refused_with_the_line(file: Path) -> None:
    file.write_text("[text]\nlevel: char\n")
    with pytest.raises(SettingsError, match=r"^a\.toml is not valid TOML: .*line 2.*\.$"):
        read_settings(file, RUN_TABLES)


def test_a_file_that_is_not_utf8_is_refused(file: Path) -> None:
    file.write_bytes(b'[text]\nencoding = "\xe9"\n')
    with pytest.raises(SettingsError) as caught:
        read_settings(file, RUN_TABLES)
    assert str(caught.value) == "a.toml is not UTF-8 (byte 20); save it as UTF-8."


def test_a_missing_file_and_a_folder_are_refused(file: Path) -> None:
    advice = "name a settings file, such as one that charloom summary RUN --settings writes."
    with pytest.raises(SettingsError) as missing:
        read_settings(file, RUN_TABLES)
    assert str(missing.value) == f"a.toml cannot be read (No such file or directory); {advice}"
    file.mkdir()
    with pytest.raises(SettingsError, match=r"^a\.toml cannot be read \(.+\); name"):
        read_settings(file, RUN_TABLES)


EVERY: list[dict[str, Any]] = [
    {"text": TextSettings().to_json(), "network": NetworkSettings().to_json()},
    {"text": TextSettings(columns=('a "b"', "c\\d", "é\n\t\x7f\x00"), header=False).to_json()},
    {"network": NetworkSettings(input="one-hot", dropout=0.0).to_json()},
    {"training": TrainingSettings(steps=10**30, learning_rate=1e-9, clip=1e16).to_json()},
    {"training": TrainingSettings(minutes=3, prompts=("",), temperatures=()).to_json()},
    {"sampling": SamplingSettings(bias={"<eos>": -math.inf, "=": 0.1, "": 2}).to_json()},
    {"sampling": SamplingSettings(stop=("\n\n", "'''")).to_json()},
]


@pytest.mark.parametrize("tables", EVERY, ids=range(len(EVERY)))
def test_written_settings_are_read_back(file: Path, tables: dict[str, dict[str, Any]]) -> None:
    file.write_text(to_toml(tables), "utf-8")
    for table, values in tables.items():
        kind = TABLES[table]
        assert kind.from_json(read_settings(file, [table])) == kind.from_json(values)


@given(st.dictionaries(st.sampled_from("abc"), st.floats() | st.text() | st.integers()))
def test_strings_and_numbers_are_written_as_toml(values: dict[str, Any]) -> None:
    read = tomllib.loads(to_toml({"table": values}))["table"]
    assert repr(read) == repr(values)  # repr: nan is not equal to itself
