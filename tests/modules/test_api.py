import inspect
from pathlib import Path

import pytest

import charloom
from charloom import api
from charloom.events import Event
from charloom.model import Model
from charloom.runs.request import TrainRequest
from charloom.runs.spec import RunSpec


def ignore(event: Event) -> None:
    pass


def test_train_passes_every_argument_on(monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[TrainRequest] = []

    def record(request: TrainRequest, spec: RunSpec | None = None) -> None:
        requests.append(request)

    monkeypatch.setattr(api, "train_model", record)
    charloom.train(
        ["a.txt", Path("b.txt")],
        output="runs/m",
        validation=Path("v.txt"),
        preset="lesson",
        force=True,
        resume=True,
        checkpoint_seconds=2,
        log="tensorboard",
        listeners=[ignore],
        on_start=print,
        on_read=print,
        hidden=3,
        seed=4,
    )
    assert requests == [
        TrainRequest(
            sources=("a.txt", "b.txt"),
            options={"hidden": 3, "seed": 4},
            output=Path("runs/m"),
            validation="v.txt",
            preset="lesson",
            force=True,
            resume=True,
            checkpoint_seconds=2,
            log="tensorboard",
            listeners=(ignore,),
            on_start=print,
            on_read=print,
        )
    ]


def test_train_has_an_argument_for_every_field_of_a_request() -> None:
    arguments = set(inspect.signature(charloom.train).parameters)
    assert arguments == set(inspect.signature(TrainRequest).parameters)


def test_the_public_names_are_those_of_the_modules() -> None:
    assert charloom.train is api.train
    assert charloom.Model is Model
