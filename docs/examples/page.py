"""Blocks of a Markdown page: commands, Python, and the output that is recorded after them."""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from examples.errors import ExampleError

CONSOLE: Final = "console"
PYTHON: Final = "python"
OUTPUT: Final = "text"
_FENCE: Final = re.compile(r"^(`{3,})([^`\s]*)")
_NEEDS: Final = re.compile(r"^<!-- needs: (.+) -->$")
_NOT_RUN: Final = re.compile(r"^<!-- not run: (.+) -->$")
_NOT_COMPARED: Final = re.compile(r"^<!-- not compared: (.+) -->$")
_FILE: Final = re.compile(r"^<!-- file: (.+\.html) -->$")
_PICTURE: Final = re.compile(r"^<!-- picture: (.+) -->$")
_IMAGE: Final = re.compile(r"^!\[.+\]\((\S+\.svg)\)$")
_OTHER_NAMES: Final = ("", "bash", "py", "pycon", "python3", "sh", "shell", "shell-session")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """One command of a console block, or one Python block; lines count from 1."""

    kind: str
    source: str
    line: int
    output_begin: int
    output_end: int
    """The first line of the recorded output, and the line after its last one."""
    recorded: tuple[str, ...]
    not_run: str | None = None
    """The reason why the command is not run."""
    not_compared: bool = False
    """Whether messages and headings of the output depend on how well a model was trained."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Picture:
    """The curves of a run, as an image file beside the page."""

    run: str
    file: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Page:
    """A page, its commands in order, and the preparations that it needs."""

    path: Path
    lines: tuple[str, ...]
    needs: tuple[str, ...]
    commands: tuple[Command, ...]
    pictures: tuple[Picture, ...]
    files: tuple[str, ...] = ()
    """HTML files that its commands write, for the site."""

    def with_outputs(self, outputs: Mapping[int, Sequence[str]]) -> str:
        """Return the text of the page with new outputs, by the line of their command."""
        lines = list(self.lines)
        for command in reversed(self.commands):
            if command.recorded and command.line in outputs:
                place = slice(command.output_begin - 1, command.output_end - 1)
                lines[place] = outputs[command.line]
        return "\n".join(lines) + "\n"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Fence:
    language: str
    first: int
    """The line after the opening fence."""
    lines: tuple[str, ...]
    before: tuple[str, ...]
    """The comment lines directly above the opening fence."""

    @property
    def end(self) -> int:
        return self.first + len(self.lines)


def read_page(path: Path) -> Page:
    """Read the commands of a page.

    Raises:
        ExampleError: A block has a language that could hide an example, a console block does not
            begin with a command, or a picture has no file.
    """
    lines = tuple(path.read_text("utf-8").splitlines())
    fences = _fences(path, lines)
    commands: list[Command] = []
    for number, fence in enumerate(fences):
        if fence.language in _OTHER_NAMES:
            raise ExampleError(
                f"{path}:{fence.first - 1}: a block of {fence.language or 'no language'}: use "
                f"`{CONSOLE}` or `{PYTHON}` for an example and `{OUTPUT}` for its output"
            )
        following = fences[number + 1] if number + 1 < len(fences) else None
        if following is not None and not _is_output(following, fence, lines):
            following = None
        if fence.language == CONSOLE:
            commands += _console(path, fence, following)
        elif fence.language == PYTHON:
            commands.append(_command(fence, PYTHON, fence.first, "\n".join(fence.lines), following))
    needs = [name for line in lines if (match := _NEEDS.match(line)) for name in _words(match[1])]
    return Page(
        path=path,
        lines=lines,
        needs=tuple(needs),
        commands=tuple(commands),
        pictures=tuple(_pictures(path, lines)),
        files=tuple(match[1] for line in lines if (match := _FILE.match(line))),
    )


def _pictures(path: Path, lines: Sequence[str]) -> Iterator[Picture]:
    for number, line in enumerate(lines, 1):
        if match := _PICTURE.match(line):
            image = _IMAGE.match(lines[number]) if number < len(lines) else None
            if image is None:
                raise ExampleError(f"{path}:{number}: the next line is no image with a file .svg")
            yield Picture(run=match[1], file=image[1])


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _fences(path: Path, lines: Sequence[str]) -> list[_Fence]:
    found: list[_Fence] = []
    opening: tuple[int, str, str] | None = None
    for number, line in enumerate(lines, 1):
        match = _FENCE.match(line)
        if opening is None and match:
            opening = (number, match[1], match[2])
        elif opening is not None and line.rstrip() == opening[1]:
            first = opening[0] + 1
            above = lines[_comments_begin(lines, opening[0]) : opening[0] - 1]
            content = tuple(lines[first - 1 : number - 1])
            fence = _Fence(language=opening[2], first=first, lines=content, before=tuple(above))
            found.append(fence)
            opening = None
    if opening is not None:
        raise ExampleError(f"{path}:{opening[0]}: the block has no end")
    return found


def _comments_begin(lines: Sequence[str], opening: int) -> int:
    """Return the index of the first of the comment lines directly above a line."""
    index = opening - 1
    while index > 0 and lines[index - 1].startswith("<!-- "):
        index -= 1
    return index


def _is_output(following: _Fence, fence: _Fence, lines: Sequence[str]) -> bool:
    """Return whether a text block comes directly after a block, but for blank lines."""
    between = lines[fence.end : following.first - 2]
    return following.language == OUTPUT and not any(line.strip() for line in between)


def _console(path: Path, fence: _Fence, following: _Fence | None) -> list[Command]:
    """Return the commands of a console block, each with the lines up to the next one."""
    starts = [n for n, line in enumerate(fence.lines) if line.startswith("$ ")]
    if not starts or starts[0]:
        raise ExampleError(f"{path}:{fence.first}: a console block begins with `$ ` and a command")
    commands = []
    for start, stop in zip(starts, [*starts[1:], len(fence.lines)], strict=True):
        end = start + 1
        while fence.lines[end - 1].endswith("\\") and end < stop:
            end += 1
        source = "\n".join(fence.lines[start:end]).removeprefix("$ ")
        output = _Fence(
            language=OUTPUT, first=fence.first + end, lines=fence.lines[end:stop], before=()
        )
        has_output = any(line.strip() for line in output.lines)
        last = following if stop == len(fence.lines) else None
        recorded = output if has_output else last
        commands.append(_command(fence, CONSOLE, fence.first + start, source, recorded))
    return commands


def _command(fence: _Fence, kind: str, line: int, source: str, output: _Fence | None) -> Command:
    reasons = [match[1] for text in fence.before if (match := _NOT_RUN.match(text))]
    return Command(
        kind=kind,
        source=source,
        line=line,
        output_begin=output.first if output else 0,
        output_end=output.end if output else 0,
        recorded=output.lines if output else (),
        not_run=reasons[0] if reasons else None,
        not_compared=any(map(_NOT_COMPARED.match, fence.before)),
    )
