"""Folders in which examples run, and results that are kept between builds.

Everything is below one folder, `build/examples`: a scratch folder for each page, prepared files
and models, and results. A result is used again while commands, charloom's source, this package,
the example texts and the shared data are the same.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from examples.budget import in_a_moment
from examples.errors import ExampleError
from examples.page import CONSOLE, Command
from examples.preparations import PREPARATIONS, ROOT, SHARED, SHARED_FILES, in_order

_PROGRAMS: Final = ("check_molecule.py", "example_names.py", "example_texts.py")
"""Programs of docs/ that examples run."""
_TIMEOUT: Final = 300
_BROKEN_PIPE: Final = 141
"""Exit code of a pipe whose last command stopped reading, as `head` does."""


class Workshop:
    """A folder for examples, in full or in a moment each; threads may share it."""

    def __init__(self, folder: Path, *, in_full: bool) -> None:
        self.in_full = in_full
        self._folder = folder / ("full" if in_full else "moment")
        self._source_digest = _digest_of_sources()
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._has_programs = False

    def scratch(self, name: str, needs: Iterable[str]) -> Path:
        """Make an empty folder for a page, with the files and models that it needs."""
        folder = self._folder / "pages" / name
        shutil.rmtree(folder, ignore_errors=True)
        self._furnish(folder)
        for need in in_order(list(needs)):
            shutil.copytree(self.prepared(need), folder, dirs_exist_ok=True)
        return folder

    def prepared(self, name: str) -> Path:
        """Return the folder of a preparation, made once."""
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        folder = self._folder / "prepared" / name
        with lock:
            return self.kept(folder, repr(PREPARATIONS[name]), lambda: self._prepare(name, folder))

    def kept(self, folder: Path, content: str, make: Callable[[], None]) -> Path:
        """Make a folder unless it was made from the same content with the same sources."""
        key_file = folder.with_name(folder.name + ".key")
        key = hashlib.sha256((self._source_digest + content).encode()).hexdigest()
        if not (folder.is_dir() and key_file.is_file() and key_file.read_text() == key):
            key_file.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            make()
            key_file.write_text(key)
        return folder

    def results(self, name: str) -> Path:
        """Return the folder of the results of a page."""
        return self._folder / "results" / name

    def environment(self) -> dict[str, str]:
        """Return the environment of examples: charloom on the path, plain output without delay."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CHARLOOM_", "PYTEST"))}
        path = os.pathsep.join([str(self._programs()), kept.get("PATH", "")])
        return kept | {
            "PATH": path,
            "PYTHONPATH": str(ROOT / "src"),
            "PYTHONUNBUFFERED": "1",
            "CHARLOOM_CACHE": str(self._folder.parent / "cache"),
            "COLUMNS": "110",
            "NO_COLOR": "1",
            "TERM": "dumb",
        }

    def run_command(self, source: str, folder: Path) -> tuple[bool, str]:
        """Run a command of bash; return whether it succeeded, and what it printed."""
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", source],
            cwd=folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_TIMEOUT,
        )
        return done.returncode in (0, _BROKEN_PIPE), done.stdout

    def _prepare(self, name: str, folder: Path) -> None:
        preparation = PREPARATIONS[name]
        self._furnish(folder)
        for need in preparation.needs:
            shutil.copytree(self.prepared(need), folder, dirs_exist_ok=True)
        if preparation.write is not None:
            preparation.write(folder)
        for line in preparation.commands:
            command = Command(
                kind=CONSOLE, source=line, line=0, output_begin=0, output_end=0, recorded=()
            )
            source = command.source if self.in_full else in_a_moment(command)
            succeeded, output = self.run_command(source, folder)
            if not succeeded:
                raise ExampleError(f"preparation {name}\n$ {source}\n{output}")

    def _furnish(self, folder: Path) -> None:
        """Make a folder look like a checkout to the commands of a page."""
        (folder / "docs").mkdir(parents=True, exist_ok=True)
        for program in _PROGRAMS:
            shutil.copy2(ROOT / "docs" / program, folder / "docs")

    def _programs(self) -> Path:
        """Return a folder with `charloom` and `python`, those of this checkout."""
        folder = self._folder.parent / "bin"
        with self._lock:
            if not self._has_programs:
                folder.mkdir(parents=True, exist_ok=True)
                for name, arguments in (("charloom", "-m charloom "), ("python", "")):
                    script = f'#!/bin/sh\nexec "{sys.executable}" {arguments}"$@"\n'
                    (folder / name).write_text(script)
                    (folder / name).chmod(0o755)
                self._has_programs = True
        return folder


def _digest_of_sources() -> str:
    """Return a digest of everything that results depend on besides the page."""
    docs = ROOT / "docs"
    files = [*(ROOT / "src").rglob("*.py"), *(docs / "examples").rglob("*.py")]
    files += [docs / name for name in _PROGRAMS]
    files += [SHARED / name for name in SHARED_FILES if (SHARED / name).is_file()]
    contents = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}
    return hashlib.sha256(json.dumps([sys.version, contents]).encode()).hexdigest()
