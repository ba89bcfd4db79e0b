"""Command lines, run within the process of the tests or in a process of their own."""

import dataclasses
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from charloom.cli.app import run
from charloom.jit.notice import FIRST_TIME


@dataclasses.dataclass(frozen=True, kw_only=True)
class CommandResult:
    """The exit code and the output of a command line."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[Any]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


Charloom = Callable[..., CommandResult]

_NOTICE: Final = f"charloom: {FIRST_TIME}\n"


def make_runner(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Charloom:
    """Return a function that runs one command line and returns its output.

    The notice of compiling is removed, because it depends on the tests that ran before.
    """

    def charloom(*arguments: str | Path | float, stdin: str | bytes = "") -> CommandResult:
        content = stdin if isinstance(stdin, bytes) else stdin.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return CommandResult(code=code, out=captured.out, err=captured.err.replace(_NOTICE, ""))

    return charloom


def start_process(
    *arguments: str | Path, stderr: int = subprocess.PIPE, **environment: str
) -> subprocess.Popen[bytes]:
    """Start a command line in a new process, as a user does."""
    return subprocess.Popen(
        [sys.executable, "-m", "charloom", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=os.environ | environment,
    )
