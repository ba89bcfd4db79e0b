"""Work on several threads; no thread waits for work that has not been started."""

import contextlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo
from charloom.training.threads import Prefetcher, ThreadPool, thread_count

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


def blas_threads() -> set[int]:
    """Return the numbers of threads of the BLAS libraries of this process."""
    np.dot(np.ones(2), np.ones(2))  # loads them
    return {
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    }


def test_blas_uses_one_thread_within_the_context() -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        with ThreadPool(2) as threads:
            together = threading.Barrier(2)

            def seen(item: int) -> set[int]:
                together.wait(TIMEOUT_SECONDS)
                return blas_threads()

            assert threads.map(seen, range(2)) == [{1}, {1}]
        assert blas_threads() == before


def test_the_number_of_threads_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(9)), raising=False)
    for given, expected in {"": 9, "1": 1, "3": 3, "0": 9, "-1": 9, "many": 9}.items():
        monkeypatch.setenv("OMP_NUM_THREADS", given)
        assert thread_count(SINGLE_PROCESS) == expected, given
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert thread_count(SINGLE_PROCESS) == 9
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert thread_count(SINGLE_PROCESS) == 5


def test_processes_on_a_host_divide_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(9)), raising=False)
    shared_host = ProcessInfo(rank=1, world_size=8, local_rank=1, local_world_size=4)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert thread_count(shared_host) == 2, "torchrun sets 1 by itself"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert thread_count(shared_host) == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert thread_count(ProcessInfo(world_size=2)) == 7, "the host has no other process"
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert thread_count(ProcessInfo(world_size=16, local_world_size=16)) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [0, 1, 100, 1000, 1001, 4096, 65537])
def test_spans_cover_all_numbers_once(count: int, size: int) -> None:
    spans = ThreadPool(count).spans(size, min_size=100)
    assert [n for span in spans for n in range(size)[span]] == list(range(size))
    assert len(spans) <= count
    assert all(span.start % 16 == 0 for span in spans), "a span begins at a cache line"
    lengths = [span.stop - span.start for span in spans]
    assert len(spans) < 2 or min(lengths[:-1]) >= 100
    if size >= 100 * count:
        assert len(spans) == count
        assert max(lengths) - min(lengths) < 16 * count


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
