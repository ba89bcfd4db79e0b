"""Run the commands of the landing page, and write their output and a picture of the run there.

    python docs/first_run.py titles.csv

Copies the file into a temporary folder and runs each command of the first console block of
docs/index.md. The output of ``generate`` replaces the one in that block. The picture,
docs/images/first-run.svg, has the losses of the run and samples from it. Do this on a quiet
machine: a budget of minutes trains less on a busy one.
"""

import html
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from charloom.displays.scales import Scale, axis_label
from charloom.events import Sample
from charloom.formatting import format_duration
from charloom.model_folder.history import History, read_history

DOCS: Final = Path(__file__).parent
PAGE: Final = DOCS / "index.md"
PICTURE: Final = DOCS / "images" / "first-run.svg"
BLOCK: Final = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN: Final = "runs/titles"
TEMPERATURE: Final = 0.5
SAMPLES: Final = 5
MAX_CHARACTERS: Final = 52
"""Characters of a sample that fit in a line of the picture."""

WIDTH, TOP, BOTTOM, LEFT, RIGHT = 360, 22, 122, 28, 348
LINE: Final = 17
Points = Sequence[tuple[float, float]]
BLUE: Final = "var(--color-brand-primary,#0b5f8a)"
ORANGE: Final = "var(--color-drawing-accent,#c8600c)"


def main(titles: Path) -> None:
    """Run the commands of the page and rewrite their output."""
    page = PAGE.read_text("utf-8")
    block = BLOCK.search(page)
    assert block is not None
    commands = re.findall(r"^\$ (?:.*\\\n)*.*$", block[1], re.MULTILINE)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(titles, Path(folder) / "titles.csv")
        outputs = [_run(command.removeprefix("$ "), Path(folder)) for command in commands]
        PICTURE.write_text(draw(read_history(Path(folder) / RUN)), "utf-8")
    content = "\n".join([*commands, outputs[-1]])
    PAGE.write_text(page[: block.start(1)] + content + page[block.end(1) :], "utf-8")


def _run(command: str, folder: Path) -> str:
    arguments = shlex.split(command.replace("\\\n", " "))[1:]
    words = [sys.executable, "-m", "charloom", *arguments]
    return subprocess.run(words, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def draw(history: History) -> str:
    """Return the losses of a run and some of its samples as SVG."""
    training, validation = history.curves.training, history.curves.validation
    losses = [bits for _, bits in (*training[len(training) // 20 :], *validation)]
    last = max(seconds for seconds, _ in (*training, *validation))
    x = Scale(low=0, high=last, start=LEFT, stop=RIGHT)
    y = Scale.from_values(losses, BOTTOM, TOP)
    samples = choose(history.samples, SAMPLES)
    parts = [*_axes(x, y), _curve(training, x, y, ORANGE, "4 3"), _curve(validation, x, y, BLUE)]
    parts += [_label("training", 290, 34, ORANGE), _label("validation", 225, 34, BLUE)]
    parts += [
        f'<circle cx="{x(seconds):.1f}" cy="{y(bits):.1f}" r="3" style="fill:{BLUE}"/>'
        for seconds, bits in validation
    ]
    parts += _sample_lines(samples)
    height = BOTTOM + 52 + LINE * len(samples)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
    fonts = 'font-family="system-ui,sans-serif" font-size="10.5" fill="currentColor">'
    return "\n".join([head + fonts, *parts, "</svg>\n"])


def choose(samples: Sequence[Sample], count: int) -> list[Sample]:
    """Return samples of one temperature, the first and the last and some between them."""
    by_text = {sample.text: sample for sample in samples if sample.temperature == TEMPERATURE}
    found = list(by_text.values())
    last = len(found) - 1
    indices = dict.fromkeys(round(k * last / (count - 1)) for k in range(count))
    return [found[index] for index in indices]


def _axes(x: Scale, y: Scale) -> list[str]:
    parts = [_text(LEFT, 10, "bits per character")]
    for tick in y.ticks(4):
        parts.append(_line(f"M{LEFT} {y(tick):.1f}H{RIGHT}", "currentColor", 'stroke-opacity=".2"'))
        parts.append(_text(LEFT - 5, y(tick) + 4, axis_label(tick), 'text-anchor="end"'))
    for seconds in range(0, int(x.high) + 1, 30):
        time = format_duration(seconds)
        parts.append(_text(x(seconds), BOTTOM + 13, time, 'text-anchor="middle"'))
    return parts


def _sample_lines(samples: Sequence[Sample]) -> list[str]:
    first = BOTTOM + 40
    parts = []
    for number, sample in enumerate(samples):
        y = first + LINE * number
        text = textwrap.shorten(sample.text, MAX_CHARACTERS, placeholder=" …")
        parts.append(_text(LEFT - 5, y, format_duration(sample.seconds), 'text-anchor="end"'))
        parts.append(
            _text(LEFT + 4, y, text, 'font-family="ui-monospace,monospace" font-size="10"')
        )
    return parts


def _curve(
    points: Sequence[tuple[float, float]], x: Scale, y: Scale, color: str, dash: str = ""
) -> str:
    visible = [(x(seconds), y(bits)) for seconds, bits in points if bits <= y.high]
    path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in visible)
    more = f'stroke-width="1.8" stroke-dasharray="{dash}"' if dash else 'stroke-width="2"'
    return _line(path, color, more)


def _line(path: str, color: str, attributes: str) -> str:
    return f'<path d="{path}" style="stroke:{color}" fill="none" {attributes}/>'


def _label(text: str, x: float, y: float, color: str) -> str:
    return _text(x, y, text, f'style="fill:{color}"')


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{html.escape(text)}</text>'


if __name__ == "__main__":
    main(Path(sys.argv[1]))
