"""Automatic settings follow from corpus, budget and throughput; explicit settings stay."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.network.autograd.module import Network
from charloom.runs.auto import (
    AUTO_FIELDS,
    HIDDEN_SIZES,
    LEARNING_RATES,
    MANY_WEIGHTS,
    MAX_BATCH_SIZE,
    MAX_DROPOUT,
    MAX_DROPOUT_MANY_WEIGHTS,
    MAX_MEASURED_SIZES,
    MAX_TRAINED_RATE,
    MIN_STEPS_PER_EPOCH,
    MIN_TRAINED_RATE,
    OVERFITTING_DECAY,
    SYMBOLS_PER_STEP,
    SYMBOLS_PER_WEIGHT,
    WEIGHT_DECAYS,
    CorpusProfile,
    auto_settings,
    dropout_fraction,
    weight_count,
)
from charloom.settings import Cell, NetworkSettings, Optimizer, TrainingSettings

TITLES = CorpusProfile(
    symbols=307_000,
    documents=7_000,
    vocabulary=84,
    unit="line",
    device="cpu",
    precisions=("fp32",),
)
facts = st.builds(
    CorpusProfile,
    symbols=st.integers(10_000, 10**10),
    documents=st.integers(1, 10_000),
    vocabulary=st.integers(3, 100_000),
    unit=st.sampled_from(["line", "document", "stream"]),
    device=st.sampled_from(["cpu", "cuda"]),
    precisions=st.sampled_from([("fp32",), ("fp32", "bf16"), ("bf16",)]),
)


def machine_of(per_second: float) -> Any:
    """Return the throughput of a machine with this many multiplications per second."""
    return lambda network, training: per_second / weight_count(network, 84)


def never(network: NetworkSettings, training: TrainingSettings) -> float:
    raise AssertionError("the machine was measured")


def test_explicit_settings_stay() -> None:
    network = NetworkSettings(hidden=77, input=9, dropout=0.25)
    training = TrainingSettings(
        minutes=1, batch_size=3, window=5, learning_rate=0.5, precision="bf16"
    )
    assert auto_settings(network, training, AUTO_FIELDS, TITLES, machine_of(1e9)) == (
        network,
        training,
    )


@given(facts=facts, minutes=st.floats(0.01, 1000), speed=st.floats(1e6, 1e15))
def test_settings_stay_within_their_bounds(
    facts: CorpusProfile, minutes: float, speed: float
) -> None:
    training = TrainingSettings(minutes=minutes)
    network, training = auto_settings(NetworkSettings(), training, (), facts, machine_of(speed))
    assert network.hidden in HIDDEN_SIZES
    assert 0 <= network.dropout <= MAX_DROPOUT_MANY_WEIGHTS
    assert 1 <= training.batch_size <= MAX_BATCH_SIZE[facts.device]
    read = training.batch_size * facts.sequence_symbols(training.window)
    assert read <= max(
        2 * SYMBOLS_PER_STEP[facts.device], 8 * facts.sequence_symbols(training.window)
    )
    assert training.precision in facts.precisions
    if facts.unit != "stream":
        assert training.batch_size <= facts.documents


@given(speed=st.floats(1e6, 1e13))
def test_the_largest_affordable_network_is_chosen(speed: float) -> None:
    made, _ = auto_settings(
        NetworkSettings(), TrainingSettings(minutes=2), (), TITLES, machine_of(speed)
    )

    def suffices(hidden: int) -> bool:
        size = weight_count(dataclasses.replace(made, hidden=hidden), TITLES.vocabulary)
        return 120 * speed / size >= SYMBOLS_PER_WEIGHT * size

    assert made.hidden == max([HIDDEN_SIZES[0], *filter(suffices, HIDDEN_SIZES)])


def test_rare_symbols_leave_units_for_frequent_ones() -> None:
    """Thousands of words do not make the network as small as their output weights would."""

    def chosen(vocabulary: int) -> NetworkSettings:
        facts = dataclasses.replace(TITLES, vocabulary=vocabulary)
        made, _ = auto_settings(
            NetworkSettings(), TrainingSettings(minutes=1), (), facts, lambda *_: 16_000.0
        )
        return made

    # A minute of 16,000 symbols a second is enough for 3 times the counted weights of 128 units.
    assert [(chosen(n).hidden, chosen(n).input) for n in (256, 9_000, 90_000)] == [
        (128, 64),
        (128, 128),
        (128, 128),
    ]
    assert chosen(84).hidden == 256


@given(speed=st.floats(1e6, 1e13))
def test_few_sizes_are_measured(speed: float) -> None:
    """Each measurement takes time; a binary search among seven sizes needs three."""
    asked: list[int] = []

    def measured(network: NetworkSettings, training: TrainingSettings) -> float:
        asked.append(network.hidden)
        return speed / weight_count(network, 84)

    auto_settings(NetworkSettings(), TrainingSettings(minutes=2), (), TITLES, measured)
    assert len(asked) == len(set(asked)) <= MAX_MEASURED_SIZES
    asked.clear()
    fixed = NetworkSettings(hidden=77)
    auto_settings(fixed, TrainingSettings(minutes=2), {"hidden"}, TITLES, measured)
    assert asked == [77]


def test_a_size_for_which_the_best_so_far_is_too_slow_is_not_measured() -> None:
    asked: list[int] = []

    def measured(network: NetworkSettings, training: TrainingSettings) -> float:
        asked.append(network.hidden)
        # Enough for 256 units within a minute, but not for 384, even if these were as fast.
        return 1.1 * SYMBOLS_PER_WEIGHT * weight_count(NetworkSettings(hidden=256), 84) / 60

    network, _ = auto_settings(NetworkSettings(), TrainingSettings(minutes=1), (), TITLES, measured)
    assert network.hidden == 256
    assert asked == [256]


def test_more_time_never_gives_a_smaller_network_or_less_dropout() -> None:
    made = [
        auto_settings(NetworkSettings(), TrainingSettings(minutes=m), (), TITLES, machine_of(2e10))[
            0
        ]
        for m in (0.05, 0.2, 1, 3, 10, 60, 600)
    ]
    assert [network.hidden for network in made] == sorted(network.hidden for network in made)
    assert made[0].hidden < made[-1].hidden


@pytest.mark.parametrize("budget", [TrainingSettings(epochs=3), TrainingSettings(steps=500)])
def test_without_minutes_the_machine_is_not_measured(budget: TrainingSettings) -> None:
    auto_settings(NetworkSettings(), budget, (), TITLES, never)


def test_a_small_text_is_read_in_many_steps() -> None:
    small = dataclasses.replace(TITLES, symbols=22_000, documents=500)
    _, training = auto_settings(NetworkSettings(), TrainingSettings(epochs=1), (), small, never)
    assert training.batch_size == 8
    assert small.documents / training.batch_size >= MIN_STEPS_PER_EPOCH


def test_streams_and_long_texts_have_short_windows() -> None:
    for long in ({"unit": "stream"}, {"documents": 100}):
        facts = dataclasses.replace(TITLES, **long)
        _, training = auto_settings(NetworkSettings(), TrainingSettings(epochs=1), (), facts, never)
        assert (training.window, training.batch_size) == (64, 32)


@pytest.mark.parametrize(("optimizer", "rate"), LEARNING_RATES.items())
def test_the_learning_rate_follows_from_the_optimizer(optimizer: Optimizer, rate: float) -> None:
    training = TrainingSettings(epochs=1, optimizer=optimizer)
    assert auto_settings(NetworkSettings(), training, (), TITLES, never)[1].learning_rate == rate


@pytest.mark.parametrize(("optimizer", "decay"), WEIGHT_DECAYS.items())
def test_the_weight_decay_follows_from_the_optimizer(optimizer: Optimizer, decay: float) -> None:
    training = TrainingSettings(epochs=1, optimizer=optimizer)
    assert auto_settings(NetworkSettings(), training, (), TITLES, never)[1].weight_decay == decay
    given = dataclasses.replace(training, weight_decay=0.5)
    made = auto_settings(NetworkSettings(), given, {"weight_decay"}, TITLES, never)[1]
    assert made.weight_decay == 0.5


def test_muon_decays_more_where_a_text_is_read_many_times() -> None:
    for epochs, decay in ((10, WEIGHT_DECAYS["muon"]), (11, OVERFITTING_DECAY)):
        training = TrainingSettings(epochs=epochs)
        made = auto_settings(NetworkSettings(), training, (), TITLES, never)[1]
        assert made.weight_decay == decay
        adamw = dataclasses.replace(training, optimizer="adamw")
        made = auto_settings(NetworkSettings(), adamw, (), TITLES, never)[1]
        assert made.weight_decay == WEIGHT_DECAYS["adamw"]


def test_the_faster_precision_is_chosen() -> None:
    facts = dataclasses.replace(TITLES, precisions=("fp32", "bf16"))

    def speed(network: NetworkSettings, training: TrainingSettings) -> float:
        return 1e5 if (training.precision == "bf16") == (network.hidden > 128) else 5e4

    for hidden, precision in ((128, "fp32"), (256, "bf16")):
        settings = NetworkSettings(hidden=hidden)
        made = auto_settings(settings, TrainingSettings(minutes=1), {"hidden"}, facts, speed)
        assert made[1].precision == precision


@given(passes=st.floats(1e-3, 1e4), ratio=st.floats(1e-6, 1e3))
def test_more_passes_never_drop_less(passes: float, ratio: float) -> None:
    limit = MAX_DROPOUT_MANY_WEIGHTS if ratio > MANY_WEIGHTS else MAX_DROPOUT
    assert dropout_fraction(passes, ratio) <= dropout_fraction(2 * passes, ratio) <= limit
    assert dropout_fraction(passes, ratio) <= dropout_fraction(passes, 2 * ratio)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_weight_count_is_that_of_the_network_without_its_input_table(cell: Cell) -> None:
    settings = NetworkSettings(cell=cell, hidden=64, layers=2, input=16)
    network = Network(settings, 50)
    matrices = sum(
        p.numel()
        for name, p in network.named_parameters()
        if p.ndim == 2 and name not in ("embedding.weight", "cells.0.input_weight")
    )
    assert weight_count(settings, 50) == matrices


def test_few_texts_are_learned_slowly_from_a_trained_network() -> None:
    def rate(**facts: Any) -> float:
        profile = dataclasses.replace(TITLES, **facts)
        training = TrainingSettings(epochs=3)
        network = NetworkSettings(hidden=384)
        return auto_settings(network, training, ("hidden",), profile, never)[1].learning_rate

    full = rate()
    assert rate(is_trained=True, symbols=10**7) == pytest.approx(MAX_TRAINED_RATE * full)
    assert rate(is_trained=True, symbols=2_000) == pytest.approx(MIN_TRAINED_RATE * full)
    assert rate(is_trained=True, symbols=100_000) < rate(is_trained=True, symbols=200_000) < full
