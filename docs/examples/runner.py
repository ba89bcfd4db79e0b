"""Run the commands of a page in order, and compare their output with the page."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from examples.budget import in_a_moment
from examples.errors import ExampleError
from examples.output import as_lines, differences, shown
from examples.page import CONSOLE, PYTHON, Command, Page
from examples.session import PythonSession
from examples.workshop import Workshop

_DRAW: Final = """
import base64, re, charloom
card = charloom.load({run!r})._repr_html_()
[image] = re.findall(r"data:image/svg[+]xml;base64,([A-Za-z0-9+/=]+)", card)
print(base64.b64decode(image).decode())
"""
"""Python that prints the image of the card that notebooks show of a model."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Output:
    """The output of one command, by lines."""

    command: Command
    lines: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """The outputs of a page, and the content of its pictures and HTML files by name."""

    outputs: tuple[Output, ...]
    pictures: Mapping[str, str]
    files: Mapping[str, str]


def run_page(page: Page, name: str, workshop: Workshop) -> Result:
    """Return the output of each command that is run, and the pictures.

    Results of an earlier build are used if neither commands nor sources have changed.

    Raises:
        ExampleError: A command failed.
    """
    commands = [command for command in page.commands if command.not_run is None]
    pictures = [dataclasses.astuple(picture) for picture in page.pictures]
    made = [pictures, page.files] if page.files else pictures
    content = json.dumps([page.needs, [(c.kind, c.source) for c in commands], made])
    folder = workshop.results(name)
    file = folder / "outputs.json"

    def make() -> None:
        file.write_text(json.dumps(_run(page, commands, name, workshop)), "utf-8")

    workshop.kept(folder, content, make)
    outputs, drawn, files = json.loads(file.read_text("utf-8"))
    return Result(
        outputs=tuple(
            Output(command=command, lines=as_lines(output))
            for command, output in zip(commands, outputs, strict=True)
        ),
        pictures=drawn,
        files=files,
    )


def _run(
    page: Page, commands: list[Command], name: str, workshop: Workshop
) -> tuple[list[str], dict[str, str], dict[str, str]]:
    if not commands:
        return [], {}, {}
    folder = workshop.scratch(name, page.needs)
    session = PythonSession(folder, workshop.environment())
    outputs, pictures = [], {}
    try:
        for command in commands:
            source = command.source if workshop.in_full else in_a_moment(command)
            if command.kind == CONSOLE:
                succeeded, output = workshop.run_command(source, folder)
            else:
                assert command.kind == PYTHON
                succeeded, output = session.run("\n" * (command.line - 1) + source, page.path.name)
            if not succeeded:
                raise ExampleError(_message(page.path, command, source, output))
            outputs.append(output)
        for picture in page.pictures:
            succeeded, output = session.run(_DRAW.format(run=picture.run), "picture")
            if not succeeded:
                raise ExampleError(f"{page.path}: the picture {picture.file} failed\n{output}")
            pictures[picture.file] = output
        files = {file: (folder / file).read_text("utf-8") for file in page.files}
    finally:
        session.close()
    return outputs, pictures, files


def _message(path: Path, command: Command, source: str, output: str) -> str:
    prompt = "$ " if command.kind == CONSOLE else ""
    return f"{path}:{command.line}: the example failed\n{prompt}{source}\n{output}"


def check_outputs(page: Page, outputs: Sequence[Output], *, presence_only: bool = False) -> None:
    """Compare messages, headings and the presence of output with the record of the page.

    Raises:
        ExampleError: They differ.
    """
    wrong = []
    for output in outputs:
        command = output.command
        recorded = command.recorded
        if recorded and (presence_only or command.not_compared):
            recorded = ("any output",)
        for difference in differences(output.lines, recorded):
            wrong.append(
                "\n".join(
                    [
                        f"{page.path}:{command.line}: {difference}",
                        command.source,
                        *output.lines,
                        "If the page is wrong: python docs/run_examples.py --record",
                    ]
                )
            )
    if wrong:
        raise ExampleError("\n".join(wrong))


def page_outputs(outputs: Sequence[Output]) -> Mapping[int, list[str]]:
    """Return the lines that the page shows after each command, by the line of the command."""
    return {each.command.line: shown(each.lines, each.command.recorded) for each in outputs}
