"""Work on a few threads, of which the calling one is the first."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Generic, Self, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


class ThreadPool:
    """``count`` threads, the caller's among them.

    Within each, torch uses ``torch_threads`` threads. A context manager; outside of its context the
    caller's thread runs everything.
    """

    def __init__(self, count: int = 1, torch_threads: int = 1) -> None:
        self.count = count
        self._torch_threads = torch_threads
        self._previous_torch_threads = 0
        self._executor: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        self._previous_torch_threads = torch.get_num_threads()
        torch.set_num_threads(self._torch_threads)
        if self.count > 1:
            self._executor = ThreadPoolExecutor(
                self.count - 1, initializer=torch.set_num_threads, initargs=(self._torch_threads,)
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None
        torch.set_num_threads(self._previous_torch_threads)

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
