import math
from collections.abc import Callable

import pytest
import torch
from corpora_by_hand import part, vocabulary

from charloom.errors import TrainingError
from charloom.events import Event, Step, Stopped, Validation
from charloom.network.autograd.module import Network
from charloom.network.reference import Network as Reference
from charloom.settings import NetworkSettings, Schedule, TrainingSettings
from charloom.training.batches import DocumentBatches
from charloom.training.data_parallel import DataParallel
from charloom.training.device import choose_device, seed_everything
from charloom.training.optim.optimizer import build_optimizer
from charloom.training.trainer import VALIDATION_BATCHES, Trainer, evaluate

TEXTS = ["hello there", "hello world", "well hello", "yellow wheel", "he yells", "or else"]
HELD_OUT = ["hello you", "wheel"]
KNOWN = vocabulary(TEXTS)


class Clock:
    """A clock on which every look takes a tenth of a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.1
        return self.now


def trainer(
    settings: TrainingSettings,
    listener: Callable[[Event], None],
    network: NetworkSettings | None = None,
) -> Trainer:
    seed_everything(settings.seed)
    shape = network or NetworkSettings(hidden=12, input=6, dropout=0.0)
    placement = choose_device(settings)
    net = Network(shape, len(KNOWN))
    return Trainer(
        network=net,
        training_batches=DocumentBatches(
            dataset=part(TEXTS, KNOWN), batch_size=2, window=99, seed=0
        ),
        validation_batches=DocumentBatches(
            dataset=part(HELD_OUT, KNOWN), seed=None, **VALIDATION_BATCHES
        ),
        optimizer=build_optimizer(net, settings),
        data_parallel=DataParallel(net, placement, batch_size=2, seed=settings.seed),
        settings=settings,
        listeners=[listener],
        clock=Clock(),
    )


def test_a_budget_of_epochs_is_kept_to() -> None:
    events: list[Event] = []
    stopped = trainer(TrainingSettings(epochs=3, precision="fp32"), events.append).run()
    steps = [event for event in events if isinstance(event, Step)]
    assert [event.step for event in steps] == list(range(1, 10))
    assert [event.epoch for event in steps] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert steps[-1].progress == 1
    assert [event.step for event in events if isinstance(event, Validation)] == [3, 6, 9]
    assert events[-1] == stopped
    assert stopped.reason == "budget"


@pytest.mark.parametrize("steps", [1, 4, 6])
def test_a_budget_of_steps_is_kept_to(steps: int) -> None:
    events: list[Event] = []
    stopped = trainer(TrainingSettings(steps=steps), events.append).run()
    assert stopped.step == steps
    validations = [event.step for event in events if isinstance(event, Validation)]
    assert validations[-1] == steps, "the last weights are measured"
    assert len(set(validations)) == len(validations), "and none twice"


def test_a_budget_of_minutes_is_kept_to_within_a_step() -> None:
    events: list[Event] = []
    stopped = trainer(TrainingSettings(minutes=0.2), events.append).run()
    progress = [event.progress for event in events if isinstance(event, Step)]
    assert progress[-2] < 1 == progress[-1]
    assert 12 <= stopped.seconds < 13


def test_the_best_figure_is_marked_and_told_at_the_end() -> None:
    events: list[Event] = []
    stopped = trainer(TrainingSettings(epochs=6), events.append).run()
    best = math.inf
    for event in events:
        if isinstance(event, Validation):
            assert event.best == (event.bits_per_character < best)
            best = min(best, event.bits_per_character)
    assert stopped.bits_per_character == best


def test_the_network_learns() -> None:
    events: list[Event] = []
    settings = TrainingSettings(epochs=60, precision="fp32", learning_rate=0.02)
    trainer(settings, events.append).run()
    losses = [event.bits_per_character for event in events if isinstance(event, Step)]
    assert losses[0] == pytest.approx(math.log2(len(KNOWN)), rel=0.1), "at first all are alike"
    assert losses[-1] < 1


def test_stop_ends_after_the_current_step_with_a_last_figure() -> None:
    events: list[Event] = []

    def stop_at_five(event: Event) -> None:
        events.append(event)
        if isinstance(event, Step) and event.step == 5:
            run.stop()

    run = trainer(TrainingSettings(epochs=100), stop_at_five)
    assert run.run().reason == "interrupted"
    assert max(event.step for event in events) == 5
    kinds = [type(event) for event in events]
    assert kinds[-2:] == [Validation, Stopped]


def test_a_loss_that_is_not_finite_stops_with_advice() -> None:
    def ignore(event: Event) -> None:
        pass

    run = trainer(TrainingSettings(epochs=9, precision="fp32"), ignore)
    with torch.no_grad():
        run.network.output.weight.fill_(math.nan)
    with pytest.raises(TrainingError) as caught:
        run.run()
    assert str(caught.value) == (
        "the loss became nan at step 1; a finite number is needed: "
        "try a smaller --lr, or --precision fp32."
    )


def test_a_figure_that_is_not_finite_stops_too() -> None:
    def spoil(event: Event) -> None:
        if isinstance(event, Step):
            with torch.no_grad():
                run.network.output.weight.fill_(math.inf)

    run = trainer(TrainingSettings(steps=1, precision="fp32", average=False), spoil)
    with pytest.raises(TrainingError) as caught:
        run.run()
    assert str(caught.value) == (
        "the validation figure became nan at step 1; a finite number is needed: "
        "try a smaller --lr, or --precision fp32."
    )


def test_the_first_step_is_a_step() -> None:
    run = trainer(TrainingSettings(steps=1, precision="fp32"), lambda event: None)
    before = run.network.tensors()["output.weight"].copy()
    run.run()
    assert (run.network.tensors()["output.weight"] != before).any()


def test_the_same_seed_gives_the_same_weights() -> None:
    def weights(seed: int) -> dict[str, bytes]:
        settings = TrainingSettings(epochs=2, seed=seed)
        run = trainer(settings, lambda event: None, NetworkSettings(hidden=8, dropout=0.5))
        run.run()
        return {name: tensor.tobytes() for name, tensor in run.network.tensors().items()}

    assert weights(1) == weights(1)
    assert weights(1) != weights(2)


def test_at_first_all_symbols_are_equally_likely() -> None:
    events: list[Event] = []
    trainer(TrainingSettings(steps=1, precision="fp32"), events.append).run()
    first = next(event for event in events if isinstance(event, Step))
    assert first.bits_per_character == pytest.approx(math.log2(len(KNOWN)), rel=1e-6)


@pytest.mark.parametrize(("schedule", "last"), [("linear", 0.2), ("constant", 0.5)])
def test_dropout_falls_with_the_budget(schedule: Schedule, last: float) -> None:
    settings = TrainingSettings(steps=5, schedule=schedule)
    shares: list[float] = []
    shape = NetworkSettings(hidden=8, dropout=0.5)
    run = trainer(settings, lambda event: shares.append(run.network.dropout), shape)
    run.run()
    assert [shares[0], shares[-1]] == pytest.approx([0.5, last])


def test_dropout_is_off_while_measuring() -> None:
    run = trainer(TrainingSettings(steps=1), lambda e: None, NetworkSettings(hidden=8, dropout=0.9))
    with run.data_parallel.threads:
        figures = {
            evaluate(run.network, run.validation_batches, run.data_parallel) for _ in range(3)
        }
    assert len(figures) == 1
    assert run.network.training, "and on again afterwards"


def test_the_figure_is_the_sum_of_nats_over_the_characters() -> None:
    run = trainer(TrainingSettings(steps=2, precision="fp32"), lambda event: None)
    run.run()
    reference = Reference(run.network.settings, run.network.tensors())
    bits, characters = 0.0, 0
    for text in HELD_OUT:
        inputs = [0, *KNOWN.encode(text).tolist()]
        state = reference.initial_state(torch.tensor([-1]).numpy())
        for symbol, target in zip(inputs, [*inputs[1:], 0], strict=True):
            logits, state = reference.step(torch.tensor([symbol]).numpy(), state)
            chances = [math.exp(x) for x in logits[0]]
            bits -= math.log2(chances[target] / sum(chances))
            characters += 1
    with run.data_parallel.threads:
        figure = evaluate(run.network, run.validation_batches, run.data_parallel)
    assert figure == pytest.approx(bits / characters, rel=1e-6)
