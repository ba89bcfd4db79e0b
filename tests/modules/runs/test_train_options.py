"""The typed arguments of ``train`` are those of a run, and every setting."""

import dataclasses
import typing

from charloom.runs.train_options import RunOptions, TrainOptions
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings

CLASSES = (TextSettings, NetworkSettings, TrainingSettings)


def test_the_options_are_the_fields_of_the_settings() -> None:
    fields = [field.name for each in CLASSES for field in dataclasses.fields(each)]
    assert list(TrainOptions.__annotations__) == [*RunOptions.__annotations__, *fields]


def test_an_option_has_the_type_of_its_setting() -> None:
    options = typing.get_type_hints(TrainOptions)
    for each in CLASSES:
        for name, kind in typing.get_type_hints(each).items():
            if typing.get_origin(kind) is not tuple:  # lists are accepted too
                assert options[name] == kind, name
