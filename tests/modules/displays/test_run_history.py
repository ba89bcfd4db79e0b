"""A notebook shows the curves of a run, and samples from its beginning to its end."""

import dataclasses
from typing import Any

import pytest
from displays import Page, check_is_safe
from hypothesis import given
from hypothesis import strategies as st
from training_events import sample, step, stopped, validation

from charloom.displays.run_history import MAX_ROWS, MAX_TEXT, RunHistory
from charloom.events import Event
from charloom.model_folder.history import History


def history(*events: Event) -> RunHistory:
    return RunHistory(tuple(event.to_json() for event in events))


def at(event: Any, number: int) -> Any:
    return dataclasses.replace(event, step=number, seconds=10.0 * number)


def run(count: int, temperatures: tuple[float, ...] = (0.0, 0.5, 1.0)) -> RunHistory:
    """Return a run of some validations, each followed by samples."""
    events: list[Event] = [step(0.5, 0.01)]
    for k in range(1, count + 1):
        events.append(at(validation(4 - k / 100), k))
        events += [at(sample(f"text {k} at {t:g}", t), k) for t in temperatures]
    return history(*events, at(stopped(), count))


@pytest.mark.parametrize("count", [1, 2, MAX_ROWS, MAX_ROWS + 1, 15, 100])
def test_samples_of_one_temperature_are_evenly_spaced(count: int) -> None:
    shown = run(count).strip()
    assert len(shown) == min(count, MAX_ROWS)
    assert {each.temperature for each in shown} == {0.5}
    steps = [each.step for each in shown]
    assert (steps[0], steps[-1]) == (1, count)
    gaps = [after - before for before, after in zip(steps, steps[1:], strict=False)]
    assert not gaps or (min(gaps) >= 1 and max(gaps) - min(gaps) <= 1)


def test_the_temperature_is_the_lowest_above_0_if_there_is_one() -> None:
    assert {each.temperature for each in run(3, (1.8, 0.0, 0.8)).strip()} == {0.8}
    assert {each.temperature for each in run(3, (0.0,)).strip()} == {0.0}
    assert run(3, ()).strip() == ()


def test_samples_of_the_first_prompt_are_shown() -> None:
    other = dataclasses.replace(sample("In b"), prompt="In ")
    found = history(at(sample("To a"), 1), at(other, 1), at(other, 2), at(sample("To c"), 2))
    assert [each.text for each in found.strip()] == ["To a", "To c"]


def test_rows_have_time_loss_and_text() -> None:
    first = at(sample("To <be>"), 1)
    second = at(sample("To " + "x" * 300, label="u"), 7)
    found = history(at(validation(2.51234), 1), first, at(validation(2.25), 7), second)
    content = found._repr_html_()
    check_is_safe(content)
    page = Page(content)
    texts = [text for text in page.texts if text.strip()]
    assert texts == [
        *("History", " 1:10, 3 epochs, 2 validations, best 2.250 bits per character"),
        *("time", "bits", "sample, temp 0.5"),
        *("0:10", "2.512", "To ", "<be>"),
        *("1:10", "2.250", "u: ", "To ", "x" * (MAX_TEXT - 3) + " ..."),
    ]
    assert len(page.paths()) == 1
    assert repr(found) == (
        "<charloom history: 1:10, 3 epochs, 2 validations, best 2.250 bits per character>"
    )


def test_an_interrupted_run_and_one_without_events_say_so() -> None:
    assert history(stopped(interrupted=True))._repr_html_().count("1:20, interrupted") == 1
    assert repr(RunHistory()) == "<charloom history: nothing was recorded>"
    check_is_safe(RunHistory()._repr_html_())


def test_it_is_the_history_itself() -> None:
    found = run(3)
    plain = History(found.events)
    assert (found.samples, found.curves) == (plain.samples, plain.curves)
    assert found.to_files() == plain.to_files()


@given(st.lists(st.text(max_size=300), max_size=12))
def test_any_texts_have_a_display(texts: list[str]) -> None:
    content = history(*(at(sample(text), k) for k, text in enumerate(texts)))._repr_html_()
    check_is_safe(content)
    content.encode()
