"""Output of commands as a page shows it, and its comparison with the record of the page."""

import itertools
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from charloom.jit.notice import FIRST_TIME

WIDTH: Final = 110
"""Longer messages are wrapped, as a terminal does. Texts and rows of tables stay on one line."""
_LEFT_OUT: Final = "..."
_ROWS: Final = re.compile(r"^ +(training|validation|symbols|network|settings) {2}")
_MESSAGE: Final = re.compile(r"^(charloom: | +note {2})")
_SAMPLE: Final = re.compile(r"^ *(greedy|temp) ")


def as_lines(output: str) -> tuple[str, ...]:
    """Return the lines of an output, without the notice of compiling and blank lines at the ends.

    Of a line that a program has drawn again after a carriage return, the last state is kept.
    """
    lines = [line.rpartition("\r")[2].rstrip() for line in output.split("\n")]
    return tuple(
        "\n".join(line for line in lines if FIRST_TIME not in line).strip("\n").split("\n")
    )


def shown(lines: Sequence[str], recorded: Sequence[str]) -> list[str]:
    """Return the lines that a page shows: wrapped, and shortened as the recorded output was.

    Lines `...` of the record stand for lines left out. As many lines as it has before the first and
    after the last of them are kept.
    """
    wrapped = [part for line in lines for part in _wrap(line)]
    gaps = [n for n, line in enumerate(recorded) if line.strip() == _LEFT_OUT]
    if not gaps:
        return wrapped
    head, tail = gaps[0], len(recorded) - 1 - gaps[-1]
    ends = list(itertools.accumulate(len(_wrap(line)) for line in lines))
    if head:  # the message at the end of the head is not cut
        head = next((end for end in ends if end >= head), len(wrapped))
    if len(wrapped) <= head + tail:
        return wrapped
    return [*wrapped[:head], recorded[gaps[0]], *wrapped[len(wrapped) - tail :]]


def _wrap(line: str) -> list[str]:
    if len(line) <= WIDTH or not _MESSAGE.match(line):
        return [line]
    return textwrap.wrap(line, WIDTH, break_on_hyphens=False)


def _columns(line: str) -> list[str]:
    return re.split(r" {2,}", line.strip())


def differences(lines: Sequence[str], recorded: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each message or heading of the record that the output lacks.

    Numbers are not compared. The output may have other messages, since a model that was trained
    for a moment has other faults.
    """
    if any(recorded) and not any(lines):
        yield "the page has an output and the command printed nothing"
        return
    everything = _masked(" ".join(lines))
    for key in stable(recorded):
        if key not in everything:
            yield f"the page has {key!r}, the output has not"


def stable(lines: Sequence[str]) -> Iterator[str]:
    """Yield the parts of an output that do not depend on numbers: messages, headings, rows."""
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if match := _ROWS.match(line):
            yield match[1]
        elif _MESSAGE.match(line) or _is_heading(line, following):
            yield _masked(line)


def _is_heading(line: str, following: str) -> bool:
    """Return whether a line without numbers has columns, and the next one has numbers."""
    names = len(_columns(line)) > 1 and not re.search(r"\d", line) and "\t" not in line
    return names and not _SAMPLE.match(line) and bool(re.search(r"\d", following))


def _masked(text: str) -> str:
    return " ".join(re.sub(r"\d+([.,]\d+)*", "0", text).split())
