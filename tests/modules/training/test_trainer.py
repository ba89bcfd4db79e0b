"""The training loop, on a few short texts and by a clock of the tests."""

import copy
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from corpora_by_hand import part, vocabulary

from charloom.errors import TrainingError
from charloom.events import EmittingListener, Event, Listener, Saved, Step, Stopped, Validation
from charloom.network.batch import Batch
from charloom.network.dropout import Dropout
from charloom.settings import NetworkSettings, Schedule, TrainingSettings
from charloom.training.batches import DocumentBatches
from charloom.training.build_backend import initial_parameters
from charloom.training.cpu_backend import CpuBackend
from charloom.training.step_hook import StepHook
from charloom.training.trainer import Trainer
from charloom.training.validation_batches import ValidationBatches

TEXTS = ["hello there", "hello world", "well hello", "yellow wheel", "he yells", "or else"]
HELD_OUT = ["hello you", "wheel"]
KNOWN = vocabulary(TEXTS)


class Clock:
    """A clock that advances by a tenth of a second at each reading."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.1
        return self.now


class SpyBackend(CpuBackend):
    """A backend that records the dropout of each step."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.dropouts: list[Dropout] = []

    def forward_backward(
        self, batch: Batch, states: list[Any], dropout: Dropout
    ) -> tuple[float, list[Any]]:
        self.dropouts.append(dropout)
        return super().forward_backward(batch, states, dropout)


def dropouts_of(trainer: Trainer) -> list[Dropout]:
    assert isinstance(trainer.backend, SpyBackend)
    return trainer.backend.dropouts


def set_output_weights(trainer: Trainer, value: float) -> None:
    state = trainer.backend.state_dict()
    state["weights"]["output.weight"][:] = value
    trainer.backend.load_state_dict(state)


def make_trainer(
    settings: TrainingSettings,
    *listeners: EmittingListener,
    network: NetworkSettings | None = None,
    step_hook: StepHook | None = None,
) -> Trainer:
    shape = network or NetworkSettings(hidden=12, input=6, dropout=0.0)
    weights = initial_parameters(shape, len(KNOWN), labels=0, seed=settings.seed)
    settings = dataclasses.replace(settings, batch_size=2)
    bf16 = settings.precision == "bf16"
    return Trainer(
        backend=SpyBackend(shape, weights, settings, bf16=bf16, threads=1),
        training_batches=DocumentBatches(
            dataset=part(TEXTS, KNOWN), batch_size=2, window=99, seed=0
        ),
        validation_batches=ValidationBatches(dataset=part(HELD_OUT, KNOWN)),
        settings=settings,
        listeners=listeners,
        clock=Clock(),
        step_hook=step_hook,
    )


def steps_of(events: Sequence[Event], kind: type[Event]) -> list[int]:
    return [event.step for event in events if isinstance(event, kind)]


def weights_of(trainer: Trainer) -> dict[str, bytes]:
    return {name: tensor.tobytes() for name, tensor in trainer.backend.tensors().items()}


def test_a_budget_of_epochs_ends_after_their_last_step() -> None:
    events: list[Event] = []
    stopped = make_trainer(TrainingSettings(epochs=3, precision="fp32"), events.append).run()
    steps = [event for event in events if isinstance(event, Step)]
    assert [event.step for event in steps] == list(range(1, 10))
    assert [event.epoch for event in steps] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert steps[-1].progress == 1
    assert steps_of(events, Validation) == [3, 6, 9]
    assert events[-1] == stopped
    assert stopped.reason == "budget"


@pytest.mark.parametrize("steps", [1, 4, 6])
def test_a_budget_of_steps_ends_with_a_validation(steps: int) -> None:
    events: list[Event] = []
    stopped = make_trainer(TrainingSettings(steps=steps), events.append).run()
    assert stopped.step == steps
    validations = steps_of(events, Validation)
    assert validations[-1] == steps
    assert len(set(validations)) == len(validations), "no weights are validated twice"


def test_a_budget_of_minutes_is_exceeded_by_less_than_a_step() -> None:
    events: list[Event] = []
    stopped = make_trainer(TrainingSettings(minutes=0.2), events.append).run()
    progress = [event.progress for event in events if isinstance(event, Step)]
    assert progress[-2] < 1 == progress[-1]
    assert 12 <= stopped.seconds < 13


def test_the_best_validation_is_marked_and_returned() -> None:
    events: list[Event] = []
    stopped = make_trainer(TrainingSettings(epochs=6), events.append).run()
    best = math.inf
    for event in events:
        if isinstance(event, Validation):
            assert event.best == (event.bits_per_character < best)
            best = min(best, event.bits_per_character)
    assert stopped.bits_per_character == best


def test_the_loss_decreases_below_one_bit() -> None:
    events: list[Event] = []
    settings = TrainingSettings(epochs=60, precision="fp32", learning_rate=0.02)
    make_trainer(settings, events.append).run()
    losses = [event.bits_per_character for event in events if isinstance(event, Step)]
    assert losses[-1] < 1


def test_at_first_all_symbols_are_equally_likely() -> None:
    events: list[Event] = []
    make_trainer(TrainingSettings(steps=1, precision="fp32"), events.append).run()
    first = next(event for event in events if isinstance(event, Step))
    assert first.bits_per_character == pytest.approx(math.log2(len(KNOWN)), rel=1e-6)


def test_the_first_step_changes_the_weights() -> None:
    trainer = make_trainer(TrainingSettings(steps=1, precision="fp32"))
    before = weights_of(trainer)
    trainer.run()
    assert weights_of(trainer)["output.weight"] != before["output.weight"]


def test_the_weights_follow_from_the_seed() -> None:
    def train(seed: int) -> dict[str, bytes]:
        settings = TrainingSettings(epochs=2, seed=seed)
        trainer = make_trainer(settings, network=NetworkSettings(hidden=8, dropout=0.5))
        trainer.run()
        return weights_of(trainer)

    assert train(1) == train(1)
    assert train(1) != train(2)


@pytest.mark.parametrize(("schedule", "last"), [("linear", 0.2), ("constant", 0.5)])
def test_dropout_follows_the_schedule(schedule: Schedule, last: float) -> None:
    settings = TrainingSettings(steps=5, schedule=schedule)
    trainer = make_trainer(settings, network=NetworkSettings(hidden=8, dropout=0.5))
    trainer.run()
    p = [dropout.p for dropout in dropouts_of(trainer)]
    assert [p[0], p[-1]] == pytest.approx([0.5, last])


def test_each_step_has_its_own_dropout() -> None:
    seeds = set()
    for seed in (1, 2):
        settings = TrainingSettings(steps=5, seed=seed)
        trainer = make_trainer(settings, network=NetworkSettings(hidden=8, dropout=0.5))
        trainer.run()
        seeds |= {dropout.seed for dropout in dropouts_of(trainer)}
    assert len(seeds) == 10


def at_step(step: int, act: Callable[[], object]) -> Listener:
    """Return a listener that acts once, at a step."""

    def listen(event: Event) -> None:
        if isinstance(event, Step) and event.step == step:
            act()

    return listen


def test_stop_ends_after_the_current_step_with_a_validation() -> None:
    events: list[Event] = []

    def stop() -> None:
        trainer.stop()

    trainer = make_trainer(TrainingSettings(epochs=100), events.append, at_step(5, stop))
    assert trainer.run().reason == "interrupted"
    assert max(event.step for event in events) == 5
    assert [type(event) for event in events[-2:]] == [Validation, Stopped]


def test_a_requested_validation_comes_after_the_current_step() -> None:
    events: list[Event] = []

    def request() -> None:
        trainer.request_validation()

    trainer = make_trainer(TrainingSettings(steps=3), events.append, at_step(1, request))
    trainer.run()
    assert steps_of(events, Validation) == [1, 3]


def test_an_event_that_a_listener_returns_follows_the_current_one() -> None:
    heard: list[tuple[int, type[Event]]] = []

    def save(event: Event) -> list[Event] | None:
        heard.append((0, type(event)))
        if not isinstance(event, Validation):
            return None
        return [Saved(step=event.step, seconds=event.seconds, bits_per_character=1.0)]

    make_trainer(
        TrainingSettings(steps=1), save, lambda event: heard.append((1, type(event)))
    ).run()
    kinds = [Step, Validation, Saved, Stopped]
    assert heard == [(listener, kind) for kind in kinds for listener in (0, 1)]


class FakeHook:
    """Records ``force`` at each call."""

    def __init__(self) -> None:
        self.calls: list[bool] = []

    def due(self) -> bool:
        return False

    def __call__(self, force: bool) -> None:
        self.calls.append(force)


def test_the_step_hook_is_called_between_steps() -> None:
    hook = FakeHook()
    make_trainer(TrainingSettings(steps=4), step_hook=hook).run()
    assert hook.calls == [False] * 3, "not after the last step of the budget"


def test_the_step_hook_is_called_when_a_run_is_stopped() -> None:
    hook = FakeHook()

    def stop() -> None:
        trainer.stop()

    trainer = make_trainer(TrainingSettings(steps=4), at_step(2, stop), step_hook=hook)
    trainer.run()
    assert hook.calls == [False, True]


def test_a_budget_of_minutes_counts_step_hooks() -> None:
    class SlowHook(FakeHook):
        def __call__(self, force: bool) -> None:
            super().__call__(force)
            trainer.clock.now += 2.5  # type: ignore[attr-defined]

    hook = SlowHook()
    trainer = make_trainer(TrainingSettings(minutes=0.2), step_hook=hook)
    assert 12 <= trainer.run().seconds < 14
    assert len(hook.calls) < 12 / 2.5


def test_a_budget_of_minutes_counts_validations_and_their_listeners() -> None:
    events: list[Event] = []

    def take_time(event: Event) -> None:
        if isinstance(event, Validation):
            trainer.clock.now += 4  # type: ignore[attr-defined]

    trainer = make_trainer(TrainingSettings(minutes=0.2), events.append, take_time)
    # The last validation comes after the budget is used.
    assert 12 + 4 <= trainer.run().seconds < 12 + 4 + 1
    assert len(steps_of(events, Validation)) == 2, "more would be a larger share of the budget"


@pytest.mark.parametrize("stop_at", [2, 3, 4])
def test_a_restored_run_takes_the_same_steps(stop_at: int) -> None:
    settings = TrainingSettings(steps=7, precision="fp32")
    shape = NetworkSettings(hidden=8, dropout=0.5)
    whole = make_trainer(settings, network=shape)
    whole.run()
    states: list[dict[str, Any]] = []

    def save() -> None:
        stopped.stop()
        states.append(copy.deepcopy(stopped.state_dict()))

    stopped = make_trainer(settings, at_step(stop_at, save), network=shape)
    stopped.run()
    resumed = make_trainer(settings, network=shape)
    resumed.load_state_dict(states[0])
    assert resumed.step == stop_at
    resumed.run()
    assert weights_of(resumed) == weights_of(whole)


def test_a_loss_that_is_not_finite_ends_the_run_with_advice() -> None:
    trainer = make_trainer(TrainingSettings(epochs=9, precision="fp32"))
    set_output_weights(trainer, math.nan)
    with pytest.raises(TrainingError) as caught:
        trainer.run()
    assert str(caught.value) == (
        "the loss became nan at step 1; a finite number is needed: "
        "try a smaller --lr, or --precision fp32."
    )


def test_a_validation_loss_that_is_not_finite_ends_the_run_too() -> None:
    def spoil(event: Event) -> None:
        if isinstance(event, Step):
            set_output_weights(trainer, math.inf)

    settings = TrainingSettings(steps=1, precision="fp32", average=False)
    trainer = make_trainer(settings, spoil)
    with pytest.raises(TrainingError) as caught:
        trainer.run()
    assert str(caught.value) == (
        "the validation loss became nan at step 1; a finite number is needed: "
        "try a smaller --lr, or --precision fp32."
    )
