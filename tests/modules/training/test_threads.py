"""Work on several threads; no thread waits for work that has not been started."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from charloom.training.threads import Prefetcher, ThreadPool

TIMEOUT_SECONDS = 30
"""Seconds after which a thread counts as stuck."""


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("items", [0, 1, 2, 7])
def test_results_come_in_the_order_of_the_items(count: int, items: int) -> None:
    with ThreadPool(count) as threads:
        assert threads.map(lambda n: n * n, range(items)) == [n * n for n in range(items)]


def test_items_are_processed_at_the_same_time() -> None:
    together = threading.Barrier(3)
    with ThreadPool(3) as threads:
        arrivals = threads.map(lambda _: together.wait(TIMEOUT_SECONDS), range(3))
    assert sorted(arrivals) == [0, 1, 2]


def test_the_caller_takes_items_that_no_other_thread_has_started() -> None:
    started, proceed = threading.Event(), threading.Event()

    def work(item: int) -> int:
        if item == 1:
            started.set()
            assert proceed.wait(TIMEOUT_SECONDS)
        if item == 0:
            assert started.wait(TIMEOUT_SECONDS)
        if item == 2:  # taken by the caller while the other thread waits
            proceed.set()
        return threading.get_ident()

    with ThreadPool(2) as threads:
        own = threading.get_ident()
        ran_on = threads.map(work, range(5))
    assert [thread == own for thread in ran_on] == [True, False, True, True, True]


def test_map_may_be_called_within_map() -> None:
    def whole() -> list[list[int]]:
        with ThreadPool(2) as threads:
            return threads.map(lambda n: threads.map(lambda m: 10 * n + m, range(3)), range(4))

    with ThreadPoolExecutor(1) as aside:
        done = aside.submit(whole).result(TIMEOUT_SECONDS)
    assert done == [[10 * n + m for m in range(3)] for n in range(4)]


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_an_error_in_any_thread_is_raised_in_the_caller(wrong: int) -> None:
    def work(item: int) -> None:
        if item == wrong:
            raise ValueError(f"item {item}")

    with ThreadPool(2) as threads, pytest.raises(ValueError, match=f"^item {wrong}$"):
        threads.map(work, range(3))


def test_each_thread_has_its_number_of_torch_threads() -> None:
    before, together = torch.get_num_threads(), threading.Barrier(2)

    def seen(item: int) -> int:
        together.wait(TIMEOUT_SECONDS)
        return torch.get_num_threads()

    with ThreadPool(2, torch_threads=3) as threads:
        assert threads.map(seen, range(2)) == [3, 3]
    assert torch.get_num_threads() == before


def test_outside_of_the_context_the_caller_runs_everything() -> None:
    threads = ThreadPool(3)
    own = threading.get_ident()
    assert threads.map(lambda _: threading.get_ident(), range(4)) == [own] * 4


def numbers(seen: list[int]) -> Iterator[int]:
    """Yield 0 to 4; append the thread that computes each to ``seen``."""
    for number in range(5):
        seen.append(threading.get_ident())
        yield number


def test_the_next_item_is_computed_on_another_thread() -> None:
    seen: list[int] = []
    with ThreadPool(2) as threads:
        prefetcher, taken = Prefetcher(numbers(seen), threads), []
        for item in prefetcher:
            taken.append(item)
            if item != 2:
                prefetcher.prefetch()
                prefetcher.prefetch()
    own = threading.get_ident()
    assert taken == [0, 1, 2, 3, 4]
    assert [thread == own for thread in seen] == [True, False, False, True, False]


def test_without_another_thread_items_are_computed_when_needed() -> None:
    seen: list[int] = []
    for threads in (ThreadPool(1), ThreadPool(2)):
        with threads if threads.count == 1 else contextlib.nullcontext():
            prefetcher = Prefetcher(numbers(seen), threads)
            first = next(iter(prefetcher))
            prefetcher.prefetch()
            assert first == 0
            assert set(seen) == {threading.get_ident()}
            assert len(seen) == 1
            assert list(prefetcher) == [1, 2, 3, 4]
        seen.clear()


def test_an_error_in_the_next_item_is_raised_in_the_caller() -> None:
    def wrong() -> Iterator[int]:
        yield 0
        raise ValueError("no more")

    with ThreadPool(2) as threads:
        prefetcher = Prefetcher(wrong(), threads)
        items = iter(prefetcher)
        next(items)
        prefetcher.prefetch()
        with pytest.raises(ValueError, match="^no more$"):
            next(items)
