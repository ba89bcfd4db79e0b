"""Pieces of work side by side on a few threads, the caller's own among them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


class ThreadPool:
    """``count`` threads that share work, each computing with ``inner`` threads of torch's own.

    A context manager; outside of it, the caller does everything.
    """

    def __init__(self, count: int = 1, torch_threads: int = 1) -> None:
        self.count = count
        self._inner = torch_threads
        self._before = 0
        self._others: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        self._before = torch.get_num_threads()
        torch.set_num_threads(self._inner)
        if self.count > 1:
            self._others = ThreadPoolExecutor(
                self.count - 1, initializer=torch.set_num_threads, initargs=(self._inner,)
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._others is not None:
            self._others.shutdown()
            self._others = None
        torch.set_num_threads(self._before)

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return what ``function`` makes of each item, in their order.

        Put what takes longest first. The caller does that, and then all that no other thread has
        begun: it waits only for work that is being done, so pieces may spread pieces of their own.
        """
        if self._others is None or len(items) < 2:
            return [function(item) for item in items]
        results = [self._others.submit(function, item) for item in items[1:]]
        done = {0: function(items[0])}
        for n in range(len(items) - 1, 0, -1):  # the others take from the front
            if results[n - 1].cancel():
                done[n] = function(items[n])
        return [done[n] if n in done else results[n - 1].result() for n in range(len(items))]

    def submit(self, function: Callable[[], Result]) -> Future[Result] | None:
        """Begin something beside what the caller does next; None where there is no other thread."""
        return None if self._others is None else self._others.submit(function)


_END: Final = object()


class Prefetcher(Generic[Item]):
    """Goes through ``items``; the next one may be made ready on another of ``threads``."""

    def __init__(self, items: Iterator[Item], threads: ThreadPool) -> None:
        self._items, self._threads = items, threads
        self._next: Future[Item | object] | None = None

    def __iter__(self) -> Iterator[Item]:
        while (item := self._take()) is not _END:
            yield item  # type: ignore[misc]

    def prefetch(self) -> None:
        """Begin to make the next item ready, if there is a thread for it."""
        if self._next is None:
            self._next = self._threads.submit(lambda: next(self._items, _END))

    def _take(self) -> Item | object:
        if self._next is None:
            return next(self._items, _END)
        item, self._next = self._next.result(), None
        return item
