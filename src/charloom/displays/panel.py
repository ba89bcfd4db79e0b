"""A display of a notebook as data, with its HTML and its text.

The HTML has no script, no style sheet and no background, and text inherits its color: it fits the
light and the dark theme of any notebook, also of one that is not trusted. All texts are escaped and
cut, so a display takes some kilobytes.
"""

import dataclasses
import html
from collections.abc import Iterable
from typing import Final

from charloom.events import Sample
from charloom.formatting import escape_controls, indent_continuation, sample_heading
from charloom.text.symbols import replace_surrogates

MAX_SAMPLES: Final = 12
"""Samples that are shown."""
MAX_SAMPLE_CHARACTERS: Final = 240
"""Characters that are shown of a sample."""
MAX_MARKED_CHARACTERS: Final = 160
"""Characters that are shown of a text with a marked span."""
MAX_CHARACTERS: Final = 600
"""Characters that are shown of any other text."""
MAX_LINES: Final = 40
"""Facts and notes that are shown, of each."""

_FRAME: Final = (
    "font:13px/1.45 system-ui,sans-serif;max-width:66em;padding:2px 1px;text-align:left;"
    "overflow-wrap:anywhere"
)
QUIET: Final = "opacity:.7"
"""Style of text that is less important."""
_GRID: Final = (
    "display:grid;grid-template-columns:max-content minmax(0,1fr);gap:1px 12px;margin:4px 0"
)
_COLUMNS: Final = "display:flex;flex-wrap:wrap;gap:0 28px"
_TRACK: Final = "border:1px solid #888;border-radius:3px;max-width:440px"
_UNDERLINE: Final = (
    "text-decoration-thickness:2px;text-underline-offset:3px;text-decoration-color:#c8600c"
)
SAMPLE: Final = "font-family:ui-monospace,monospace;white-space:pre-wrap"
"""Style of generated text."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MarkedText:
    """A text with a span that is underlined."""

    heading: str
    text: str
    start: int
    """First character of the span."""
    stop: int
    """The character after the span."""

    def parts(self) -> tuple[str, str, str]:
        """Return the text before the span, the span, and the text after it, cut."""
        span = _cut(self.text[self.start : self.stop], MAX_MARKED_CHARACTERS)
        around = max(MAX_MARKED_CHARACTERS - len(span), 0) // 2
        before, after = self.text[: self.start], self.text[self.stop :]
        # Space that one side leaves is for the other.
        left = max(around, 2 * around - len(after))
        right = max(around, 2 * around - len(before))
        if len(before) > left:
            before = "... " + before[len(before) - left :].lstrip()
        return before, span, _cut(after, right)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Panel:
    """The content of a display, from its first line to its last."""

    title: str
    """In bold, at the start of the first line."""
    subtitle: str = ""
    """The rest of the first line."""
    progress: float | None = None
    """A bar that is filled to this fraction; None: no bar."""
    facts: tuple[tuple[str, str], ...] = ()
    """Pairs of a heading and a text."""
    curve: str = ""
    """The HTML of an image; the text leaves it out."""
    samples: tuple[Sample, ...] = ()
    marked: tuple[MarkedText, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences, one a line."""
    details: tuple[tuple[str, str], ...] = ()
    """Facts that the HTML shows when its reader opens them; the text leaves them out."""

    def bundle(self) -> dict[str, str]:
        """Return the display as the MIME bundle of a notebook."""
        return {"text/html": self.to_html(), "text/plain": self.to_text()}

    def to_html(self) -> str:
        """Return the display as HTML."""
        parts = [f"<div><b>{escape_text(self.title)}</b> {escape_text(self.subtitle)}</div>"]
        if self.progress is not None:
            parts.append(_bar(self.progress))
        if self.facts or self.curve:
            left, right = _facts(self.facts), self.curve
            parts.append(
                f'<div style="{_COLUMNS}"><div>{left}</div>'
                f'<div style="flex:1 1 280px">{right}</div></div>'
            )
        if self.samples:
            parts.append(_samples(self.samples[:MAX_SAMPLES]))
        parts += map(_marked_text, self.marked[:MAX_SAMPLES])
        parts += [f"<div>{escape_text(note)}</div>" for note in self.notes[:MAX_LINES]]
        if self.details:
            summary = f'<summary style="{QUIET}">texts, network and settings</summary>'
            parts.append(f"<details>{summary}{_facts(self.details)}</details>")
        return frame("".join(parts))

    def to_text(self) -> str:
        """Return the display as text, for readers that show no HTML."""
        rows = [
            (_cut(name, MAX_CHARACTERS), _cut(text, MAX_CHARACTERS))
            for name, text in self.facts[:MAX_LINES]
        ]
        rows += [
            (sample_heading(sample), _cut(sample.text, MAX_SAMPLE_CHARACTERS))
            for sample in self.samples[:MAX_SAMPLES]
        ]
        rows += [
            (_cut(marked.heading, MAX_CHARACTERS), f"{before}[{span}]{after}")
            for marked in self.marked[:MAX_SAMPLES]
            for before, span, after in [marked.parts()]
        ]
        names = [escape_controls(name) for name, _ in rows]
        width = max(map(len, names), default=0)
        lines = [escape_controls(f"{self.title} {self.subtitle}".rstrip())]
        lines += [
            f"{name:>{width}}  {indent_continuation(text, width + 2)}"
            for name, (_, text) in zip(names, rows, strict=True)
        ]
        lines += [escape_controls(_cut(note, MAX_CHARACTERS)) for note in self.notes[:MAX_LINES]]
        return replace_surrogates("\n".join(lines))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit] + " ..."


def frame(content: str) -> str:
    """Return HTML within the box of a display, which sets its font and its width."""
    return f'<div style="{_FRAME}">{content}</div>'


def escape_text(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Return a text as HTML, cut after ``limit`` characters."""
    return html.escape(escape_controls(replace_surrogates(_cut(text, limit))))


def _grid(cells: Iterable[str]) -> str:
    return f'<div style="{_GRID}">{"".join(cells)}</div>'


def _facts(rows: tuple[tuple[str, str], ...]) -> str:
    return _grid(
        f'<div style="{QUIET}">{escape_text(name)}</div><div>{escape_text(text)}</div>'
        for name, text in rows[:MAX_LINES]
    )


def _bar(fraction: float) -> str:
    filled = f"width:{100 * fraction:.1f}%;height:5px;background-color:#888"
    return f'<div style="{_TRACK}"><div style="{filled}"></div></div>'


def _samples(samples: tuple[Sample, ...]) -> str:
    return _grid(
        f'<div style="{QUIET}">{escape_text(sample_heading(sample))}</div>'
        f'<div dir="auto" style="{SAMPLE}">{sample_text(sample)}</div>'
        for sample in samples
    )


def sample_text(sample: Sample, limit: int = MAX_SAMPLE_CHARACTERS) -> str:
    """Return the beginning of a sample as HTML, its prompt dimmed."""
    shown = _cut(sample.text.rstrip("\n"), limit)
    prompt = sample.prompt if shown.startswith(sample.prompt) else ""
    dimmed = f'<span style="{QUIET}">{escape_text(prompt)}</span>' if prompt else ""
    return dimmed + escape_text(shown[len(prompt) :])


def _marked_text(marked: MarkedText) -> str:
    """Return a text below its heading; all but the span is dimmed."""
    before, span, after = marked.parts()
    return (
        f'<div style="{QUIET};margin-top:6px">{escape_text(marked.heading)}</div>'
        f'<div dir="auto" style="{SAMPLE}"><span style="{QUIET}">{escape_text(before)}</span>'
        f'<u style="{_UNDERLINE}">{escape_text(span)}</u>'
        f'<span style="{QUIET}">{escape_text(after.rstrip())}</span></div>'
    )
