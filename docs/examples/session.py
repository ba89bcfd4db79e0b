"""A Python process that keeps its names from block to block, and returns what each one printed.

Run as a program, this module is the process: it reads a JSON line for each block from standard
input and answers it with one. Both streams of the block's program go to one file.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

_TIMEOUT: Final = 300.0


class PythonSession:
    """The process of the Python blocks of one page; it starts with the first block."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = dict(environment)
        self._process: subprocess.Popen[str] | None = None

    def run(self, source: str, name: str) -> tuple[bool, str]:
        """Run a block; return whether it ended well, and its output."""
        process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(_TIMEOUT, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps({"source": source, "name": name}) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        finally:
            timer.cancel()
        if not answer:
            return False, f"Python ended, with exit code {process.wait()}"
        content = json.loads(answer)
        return content["done"], content["output"]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate("")

    def _start(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__))],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        return self._process


def _answer_blocks() -> None:
    """Run blocks until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    sys.path[0] = ""
    names: dict[str, Any] = {"__name__": "__main__"}
    for line in sys.stdin:
        block = json.loads(line)
        with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
            done = _run_block(block["source"], block["name"], names, output)
            output.seek(0)
            answers.write(json.dumps({"done": done, "output": output.read()}) + "\n")
        answers.flush()


def _run_block(source: str, name: str, names: dict[str, Any], output: IO[str]) -> bool:
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    done = False
    try:
        exec(compile(source, name, "exec"), names)
        done = True
    except BaseException:  # the page's process reports every end of a block, SystemExit too
        traceback.print_exc()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    return done


if __name__ == "__main__":
    _answer_blocks()
