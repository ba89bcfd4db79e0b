"""Divide a text file into texts of several lines, at separator lines."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import SourceFile
from charloom.errors import SourceError
from charloom.settings import TextSettings

_SECONDS: Final = 2
"""Limit of the search in one line: an expression may come from the folder of another person."""
_MIN_GAPS: Final = 5
"""Blank lines or rulers from which a file seems to hold texts of several lines."""
_MIN_LINES: Final = 2.0
_MAX_LINES: Final = 60.0
"""Mean number of lines between them."""
_RULER: Final = re.compile(r"([^\w\s])\1*")


def split_parts(file: SourceFile, blocks: Iterable[str], settings: TextSettings) -> Iterator[str]:
    """Yield the parts of a text between separators, without their outer line breaks.

    ``blocks`` hold whole lines (``text_files.whole_lines``). Memory holds one part. Raises
    SourceError if the search for a regular expression takes too long.
    """
    find = _finder(file, settings)
    held: list[str] = []
    lines = (line for block in blocks for line in block.split("\n"))
    for number, line in enumerate(lines, start=1):
        end = 0
        for start, stop in find(line, number):
            held.append(line[end:start])
            yield "\n".join(held).strip("\n")
            held, end = [], stop
        held.append(line[end:])
    yield "\n".join(held).strip("\n")


def _finder(
    file: SourceFile, settings: TextSettings
) -> Callable[[str, int], Iterable[tuple[int, int]]]:
    """Return a function from a line and its number to the places of separators in it."""
    if settings.separator_regex is None:
        # An empty separator, also as a spelled line break, is a blank line.
        wanted = (settings.separator or "").replace("\\n", "").strip()
        return lambda line, _: [(0, len(line))] if line.strip() == wanted else ()
    import regex

    pattern = regex.compile(settings.separator_regex)

    def find(line: str, number: int) -> Iterable[tuple[int, int]]:
        try:
            return [match.span() for match in pattern.finditer(line, timeout=_SECONDS)]
        except TimeoutError as error:
            raise SourceError(
                f"searching for {settings.separator_regex!r} in line {number} of {file.name} took "
                f"more than {_SECONDS} s; an expression without nested repetitions is needed; "
                "simplify --separator-regex."
            ) from error

    return find


def remark_on_parts(file: SourceFile, text: str, notes: ReadingNotes) -> None:
    """Add a remark if blank lines or rulers divide the first lines regularly."""
    lines = text.split("\n")
    blank = [index for index, line in enumerate(lines) if not line.strip()]
    # Several blank lines in a row are one gap.
    gaps = [index for index in blank if index == 0 or lines[index - 1].strip()]
    filled = len(lines) - len(blank)
    if _are_regular(len(gaps), filled):
        notes.add_remark(
            "separator",
            f"{file.name} has blank lines between groups of lines; each line is a text of its own, "
            'with --separator "" each group is.',
        )
        return
    rulers = Counter(line.strip() for line in lines if _RULER.fullmatch(line.strip()))
    [(ruler, count)] = rulers.most_common(1) or [("", 0)]
    if _are_regular(count, filled - count):
        notes.add_remark(
            "separator",
            f"{file.name} has lines {ruler!r:.40} between groups of lines; each line is a text of "
            f"its own, with --separator '{ruler}' each group is.",
        )


def _are_regular(gaps: int, lines: int) -> bool:
    return gaps >= _MIN_GAPS and _MIN_LINES <= lines / gaps <= _MAX_LINES
