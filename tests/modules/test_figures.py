import pytest

from charloom.events import Step
from charloom.formatting import (
    format_bytes,
    format_memory,
    format_percent,
    format_rate,
    format_step,
    format_time_left,
)


def step(progress: float, seconds: float = 60.0, gpu: int | None = None) -> Step:
    return Step(
        step=9,
        seconds=seconds,
        epoch=2,
        progress=progress,
        bits_per_character=2.34567,
        characters_per_second=23456.7,
        learning_rate=0.1,
        memory_bytes=412_300_000,
        device_memory_bytes=gpu,
    )


def test_a_step_in_one_line() -> None:
    assert format_step(step(0.25)) == (
        "25 %, epoch 2, training 2.346 bits/char, 23,457 char/s, 412 MB, 3:00 left"
    )


@pytest.mark.parametrize(
    ("progress", "seconds", "shown"),
    [(0.0, 1.0, "?"), (0.5, 60.0, "1:00"), (0.01, 60.0, "1:39:00"), (1.0, 60.0, "0:00")],
)
def test_the_time_that_is_left(progress: float, seconds: float, shown: str) -> None:
    assert format_time_left(step(progress, seconds)) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 MB"), (999_400_000, "999 MB"), (999_600_000, "1.0 GB"), (10**11, "100.0 GB")],
)
def test_sizes(count: int, shown: str) -> None:
    assert format_bytes(count) == shown


def test_memory_of_a_gpu_stands_beside() -> None:
    assert format_memory(step(0.1, gpu=80 * 10**9)) == "412 MB, GPU 80.0 GB"


def test_rates_and_shares() -> None:
    assert [format_rate(rate) for rate in (0.4, 9999, 10_000, 1_234_567)] == [
        "0",
        "9,999",
        "10k",
        "1,235k",
    ]
    assert [format_percent(share) for share in (0, 0.004, 0.25, 1)] == [
        "0 %",
        "0 %",
        "25 %",
        "100 %",
    ]
