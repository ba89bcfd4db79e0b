"""Work on several threads: nothing waits for work that no thread has begun."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from charloom.training.threads import Prefetcher, ThreadPool

PATIENCE = 30
"""Seconds after which a thread counts as stuck."""


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("items", [0, 1, 2, 7])
def test_results_come_in_the_order_of_the_items(count: int, items: int) -> None:
    with ThreadPool(count) as threads:
        assert threads.map(lambda n: n * n, range(items)) == [n * n for n in range(items)]


def test_items_are_worked_on_at_the_same_time() -> None:
    together = threading.Barrier(3)
    with ThreadPool(3) as threads:
        places = threads.map(lambda _: together.wait(PATIENCE), range(3))
    assert sorted(places) == [0, 1, 2]


def test_the_caller_does_what_no_other_thread_has_begun() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(item: int) -> int:
        if item == 1:
            begun.set()
            assert go_on.wait(PATIENCE)
        if item == 0:
            assert begun.wait(PATIENCE)
        if item == 2:  # the last that is left, while the other thread is held up
            go_on.set()
        return threading.get_ident()

    with ThreadPool(2) as threads:
        own = threading.get_ident()
        at = threads.map(work, range(5))
    assert [place == own for place in at] == [True, False, True, True, True]


def test_pieces_may_spread_pieces_of_their_own() -> None:
    def whole() -> list[list[int]]:
        with ThreadPool(2) as threads:
            return threads.map(lambda n: threads.map(lambda m: 10 * n + m, range(3)), range(4))

    with ThreadPoolExecutor(1) as aside:
        done = aside.submit(whole).result(PATIENCE)
    assert done == [[10 * n + m for m in range(3)] for n in range(4)]


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_an_error_of_any_thread_is_the_caller_s(wrong: int) -> None:
    def work(item: int) -> None:
        if item == wrong:
            raise ValueError(f"item {item}")

    with ThreadPool(2) as threads, pytest.raises(ValueError, match=f"^item {wrong}$"):
        threads.map(work, range(3))


def test_each_thread_computes_with_so_many_of_torch() -> None:
    before, together = torch.get_num_threads(), threading.Barrier(2)

    def seen(item: int) -> int:
        together.wait(PATIENCE)
        return torch.get_num_threads()

    with ThreadPool(2, torch_threads=3) as threads:
        assert threads.map(seen, range(2)) == [3, 3]
    assert torch.get_num_threads() == before


def test_outside_the_context_the_caller_does_everything() -> None:
    threads = ThreadPool(3)
    own = threading.get_ident()
    assert threads.map(lambda _: threading.get_ident(), range(4)) == [own] * 4


def numbers(seen: list[int]) -> Iterator[int]:
    """Yield 0 to 4; keep by which threads they were asked for."""
    for number in range(5):
        seen.append(threading.get_ident())
        yield number


def test_what_comes_next_is_made_ready_on_another_thread() -> None:
    seen: list[int] = []
    with ThreadPool(2) as threads:
        ahead, taken = Prefetcher(numbers(seen), threads), []
        for item in ahead:
            taken.append(item)
            if item != 2:
                ahead.prefetch()
                ahead.prefetch()
    own = threading.get_ident()
    assert taken == [0, 1, 2, 3, 4]
    assert [thread == own for thread in seen] == [True, False, False, True, False]


def test_without_another_thread_items_are_taken_when_they_are_needed() -> None:
    seen: list[int] = []
    for threads in (ThreadPool(1), ThreadPool(2)):
        with threads if threads.count == 1 else contextlib.nullcontext():
            ahead = Prefetcher(numbers(seen), threads)
            first = next(iter(ahead))
            ahead.prefetch()
            assert first == 0
            assert set(seen) == {threading.get_ident()}
            assert len(seen) == 1
            assert list(ahead) == [1, 2, 3, 4]
        seen.clear()


def test_an_error_in_what_comes_next_is_the_caller_s() -> None:
    def wrong() -> Iterator[int]:
        yield 0
        raise ValueError("no more")

    with ThreadPool(2) as threads:
        ahead = Prefetcher(wrong(), threads)
        items = iter(ahead)
        next(items)
        ahead.prefetch()
        with pytest.raises(ValueError, match="^no more$"):
            next(items)
