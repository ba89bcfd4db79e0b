import math

from charloom.events import Saved, Step, Throttle


def step(progress: float, seconds: float) -> Step:
    return Step(
        step=1,
        seconds=seconds,
        epoch=1,
        progress=progress,
        bits_per_character=2.0,
        characters_per_second=1.0,
        learning_rate=0.1,
        memory_bytes=5,
        device_memory_bytes=None,
    )


def test_a_throttle_admits_events_at_least_its_interval_apart() -> None:
    throttle = Throttle(0.5)
    times = [0.0, 0.25, 0.5, 0.75, 0.99, 1.0, 3.0, 3.25]
    assert [time for time in times if throttle.admit(time)] == [0.0, 0.5, 1.0, 3.0]
    assert throttle.last == 3.0


def test_a_throttle_with_a_last_event_may_refuse_the_first() -> None:
    throttle = Throttle(0.5, last=1.0)
    assert [time for time in (1.25, 1.5, 1.75) if throttle.admit(time)] == [1.5]


def test_seconds_left_extrapolate_the_progress() -> None:
    assert step(0.25, 10.0).seconds_left == 30.0
    assert step(1.0, 10.0).seconds_left == 0.0
    assert step(0.0, 10.0).seconds_left == math.inf


def test_the_json_object_of_an_event_has_its_name_first() -> None:
    event = Saved(step=3, seconds=1.5, bits_per_character=2.0)
    expected = {"event": "saved", "step": 3, "seconds": 1.5, "bits_per_character": 2.0}
    assert list(event.to_json().items()) == list(expected.items())
