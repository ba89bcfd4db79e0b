"""Work on a few threads, of which the calling one is the first."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Generic, Self, TypeVar

from threadpoolctl import ThreadpoolController

from charloom.training.distributed.launch import ProcessInfo

Item = TypeVar("Item")
Result = TypeVar("Result")

MIN_SPAN: Final = 1 << 17
"""Numbers of a span from which an update takes longer than to wake a thread."""
_SPAN_UNIT: Final = 16
"""Spans begin at a multiple of this many numbers: a cache line of float32."""


def thread_count(process: ProcessInfo) -> int:
    """Return the number of threads that a process should use.

    It is OMP_NUM_THREADS, or the number of cores that this process may use. Several processes of a
    host share its cores; torchrun sets OMP_NUM_THREADS to 1 for them, which therefore counts as not
    set.
    """
    given = os.environ.get("OMP_NUM_THREADS", "")
    several = process.local_world_size > 1
    if given.isdecimal() and int(given) > (1 if several else 0):
        return int(given)
    # Only Linux has a call for the cores that a process may use.
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return max(1, cores // process.local_world_size)


@functools.cache
def _blas() -> ThreadpoolController:
    """Return the BLAS libraries of this process."""
    return ThreadpoolController().select(user_api="blas")


class ThreadPool:
    """``count`` threads, the caller's among them.

    A context manager; outside of its context the caller's thread runs everything. Within it, BLAS
    libraries use one thread for each call.
    """

    def __init__(self, count: int = 1) -> None:
        self.count = count
        self._executor: ThreadPoolExecutor | None = None
        self._limits = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._limits.enter_context(_blas().limit(limits=1))
        if self.count > 1:
            self._executor = ThreadPoolExecutor(self.count - 1)
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None
        self._limits.close()

    def spans(self, size: int, min_size: int = MIN_SPAN) -> list[slice]:
        """Return spans of about equal size, together ``size``: one for each thread.

        Fewer if they would be shorter than ``min_size``; none if ``size`` is 0.
        """
        parts = max(1, min(self.count, size // min_size))
        length = -(-size // parts // _SPAN_UNIT) * _SPAN_UNIT
        return [slice(begin, min(begin + length, size)) for begin in range(0, size, length or 1)]

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return the result of ``function`` for each item, in the order of the items.

        Put the longest work first. The calling thread takes the first item, and then, from the end,
        all that no other thread has started. It waits only for work in progress, so ``function``
        may call ``map`` itself.
        """
        if self._executor is None or len(items) < 2:
            return [function(item) for item in items]
        futures = [self._executor.submit(function, item) for item in items[1:]]
        own = {0: function(items[0])}
        for n in range(len(items) - 1, 0, -1):  # the others take items from the front
            if futures[n - 1].cancel():
                own[n] = function(items[n])
        return [own[n] if n in own else futures[n - 1].result() for n in range(len(items))]

    def submit(self, function: Callable[[], Result]) -> Future[Result] | None:
        """Start ``function`` on another thread; return None if there is none."""
        return None if self._executor is None else self._executor.submit(function)


_END: Final = object()


class Prefetcher(Generic[Item]):
    """Iterates over ``items``; ``prefetch`` computes the next one on another thread."""

    def __init__(self, items: Iterator[Item], threads: ThreadPool) -> None:
        self._items, self._threads = items, threads
        self._next: Future[Item | object] | None = None

    def __iter__(self) -> Iterator[Item]:
        while (item := self._take()) is not _END:
            yield item  # type: ignore[misc]

    def prefetch(self) -> None:
        """Start to compute the next item on another thread, if there is one."""
        if self._next is None:
            self._next = self._threads.submit(lambda: next(self._items, _END))

    def _take(self) -> Item | object:
        if self._next is None:
            return next(self._items, _END)
        item, self._next = self._next.result(), None
        return item
