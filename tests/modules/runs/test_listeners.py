import pytest

from charloom.events import Event, Saved
from charloom.runs.listeners import ListenerGuard


def event(step: int) -> Event:
    return Saved(step=step, seconds=0.0, bits_per_character=1.0)


def test_a_listener_that_raises_gets_no_more_events_and_others_do() -> None:
    stops: list[str] = []
    heard: list[int] = []
    guard = ListenerGuard(lambda: stops.append("stop"))

    def broken(event: Event) -> None:
        heard.append(event.step)
        if event.step >= 2:
            raise ValueError(f"at step {event.step}")

    others: list[Event] = []
    listeners = [guard.wrap(broken), guard.wrap(others.append)]
    for step in (1, 2, 3):
        for listener in listeners:
            listener(event(step))
    assert heard == [1, 2]
    assert [other.step for other in others] == [1, 2, 3]
    assert stops == ["stop"]
    with pytest.raises(ValueError, match="^at step 2$"):
        guard.raise_first()


def test_the_first_of_several_errors_is_raised() -> None:
    guard = ListenerGuard(lambda: None)

    def broken(event: Event) -> None:
        raise ValueError(event.step)

    first, second = guard.wrap(broken), guard.wrap(broken)
    first(event(1))
    second(event(2))
    with pytest.raises(ValueError, match="^1$"):
        guard.raise_first()


def test_without_an_error_nothing_is_raised() -> None:
    ListenerGuard(lambda: None).raise_first()


def test_keyboard_interrupt_passes_through() -> None:
    guard = ListenerGuard(lambda: None)

    def interrupted(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guard.wrap(interrupted)(event(1))
    guard.raise_first()
