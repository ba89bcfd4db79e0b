"""Record and fail the file operations that atomic writes consist of."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FULL_DISK = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Killed(BaseException):
    """Ends a test's write as a kill would: nothing that handles errors handles it."""


@contextmanager
def recorded() -> Iterator[list[tuple[str, Any]]]:
    """Yield a list that gets ("fsync", inode) and ("rename", name of the target), in order."""
    calls: list[tuple[str, Any]] = []
    fsync = os.fsync

    def record_fsync(descriptor: int) -> None:
        calls.append(("fsync", os.fstat(descriptor).st_ino))
        fsync(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", record_fsync)
        for name in ("rename", "replace"):
            patch.setattr(os, name, _before(getattr(os, name), calls))
        yield calls


def _before(rename: Callable[..., None], calls: list[tuple[str, Any]]) -> Callable[..., None]:
    def call(source: Path, target: Path) -> None:
        calls.append(("rename", Path(target).name))
        rename(source, target)

    return call


@contextmanager
def failing(allowed: int, error: BaseException, *, once: bool = False) -> Iterator[None]:
    """Raise ``error`` instead of fsync, rename or replace after ``allowed`` of these calls.

    It is raised at all calls from then on, or ``once`` only.
    """
    left = allowed

    def counted(operation: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            nonlocal left
            left -= 1
            if left == -1 or (left < 0 and not once):
                raise error
            operation(*arguments)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "rename", "replace"):
            patch.setattr(os, name, counted(getattr(os, name)))
        yield


def inode(path: Path) -> int:
    return path.stat().st_ino
