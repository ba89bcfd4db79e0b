"""Samples of a card: recorded ones of the saved weights, or quick new ones."""

import dataclasses
import itertools

from records import record
from training_events import sample

from charloom.displays.samples import (
    MAX_SAMPLES,
    MAX_SECONDS,
    SYMBOLS,
    TEMPERATURE,
    quick_samples,
    recorded_samples,
)
from charloom.model import Model
from charloom.model_folder.history import History


def test_recorded_samples_are_those_of_the_saved_weights() -> None:
    saved = record()  # of step 7
    samples = [dataclasses.replace(sample(str(k)), step=k // 5 * 7) for k in range(15)]
    history = History(tuple(each.to_json() for each in samples))
    assert recorded_samples(saved, history) == tuple(samples[5 : 5 + MAX_SAMPLES])
    assert recorded_samples(saved, History()) == ()


def test_quick_samples_are_texts_of_the_model() -> None:
    labelled = record(labels=("u", "v"))
    found = quick_samples(labelled, clock=lambda: 0.0)
    texts = Model(labelled).generate(
        n=MAX_SAMPLES, label="u", temperature=TEMPERATURE, length=SYMBOLS
    )
    assert [each.text for each in found] == texts
    assert {each.label for each in found} == {"u"}


def test_quick_samples_end_when_their_time_is_over() -> None:
    """The clock advances by all of the time at each symbol."""
    ticks = itertools.count()
    [found] = quick_samples(record(), clock=lambda: next(ticks) * MAX_SECONDS)
    [text] = Model(record()).generate(temperature=TEMPERATURE, length=SYMBOLS)
    assert found.text == f"{text[0]} ..."
