"""The options of ``charloom train`` that are not settings."""

import dataclasses

from charloom.cli.options.run import RunOptions
from charloom.runs.request import TrainRequest
from charloom.settings.declaration import settings_of
from charloom.settings.tables import RUN_TABLES, TABLES


def test_a_request_has_a_field_for_each_option_but_two() -> None:
    options = {field.name for field in dataclasses.fields(RunOptions)}
    fields = {field.name for field in dataclasses.fields(TrainRequest)}
    # The one becomes options, the other a request of its own.
    assert options - fields == {"settings_file", "extend"}


def test_defaults_are_those_of_a_request() -> None:
    request = TrainRequest(sources=("a.txt",), options={})
    for field in dataclasses.fields(RunOptions):
        assert field.default == getattr(request, field.name, None), field.name


def test_no_option_has_the_name_of_a_setting() -> None:
    settings = {name for table in RUN_TABLES for name in settings_of(TABLES[table])}
    assert not settings & {field.name for field in dataclasses.fields(RunOptions)}
