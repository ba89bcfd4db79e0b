"""Run the commands of a page in order, and compare their output with the page."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from examples.budget import in_a_moment
from examples.errors import ExampleError
from examples.output import as_lines, differences, shown
from examples.page import CONSOLE, PYTHON, Command, Page
from examples.session import PythonSession
from examples.workshop import Workshop


@dataclasses.dataclass(frozen=True, kw_only=True)
class Output:
    """The output of one command, by lines."""

    command: Command
    lines: tuple[str, ...]


def run_page(page: Page, name: str, workshop: Workshop) -> list[Output]:
    """Return the output of each command that is run.

    Results of an earlier build are used if neither commands nor sources have changed.

    Raises:
        ExampleError: A command failed.
    """
    commands = [command for command in page.commands if command.not_run is None]
    content = json.dumps([page.needs, [(c.kind, c.line, c.source) for c in commands]])
    folder = workshop.results(name)
    file = folder / "outputs.json"

    def make() -> None:
        outputs = _run(page, commands, name, workshop)
        file.write_text(json.dumps(outputs), "utf-8")

    workshop.kept(folder, content, make)
    outputs = json.loads(file.read_text("utf-8"))
    return [
        Output(command=command, lines=as_lines(output))
        for command, output in zip(commands, outputs, strict=True)
    ]


def _run(page: Page, commands: list[Command], name: str, workshop: Workshop) -> list[str]:
    if not commands:
        return []
    folder = workshop.scratch(name, page.needs)
    session = PythonSession(folder, workshop.environment())
    outputs = []
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
    finally:
        session.close()
    return outputs


def _message(path: Path, command: Command, source: str, output: str) -> str:
    prompt = "$ " if command.kind == CONSOLE else ""
    return f"{path}:{command.line}: the example failed\n{prompt}{source}\n{output}"


def check_outputs(page: Page, outputs: list[Output], *, in_full: bool) -> None:
    """Compare messages, headings and the presence of output with the record of the page.

    Raises:
        ExampleError: They differ.
    """
    wrong = []
    for output in outputs:
        command = output.command
        if command.recorded:
            against = command.recorded if not command.not_compared else ("any output",)
            for difference in differences(
                output.lines, against, in_full=in_full and not command.not_compared
            ):
                text = "\n".join(output.lines)
                wrong.append(
                    f"{page.path}:{command.line}: {difference}\n{command.source}\n{text}\n"
                    "If the page is wrong: python docs/run_examples.py --record"
                )
    if wrong:
        raise ExampleError("\n".join(wrong))


def page_outputs(outputs: list[Output]) -> Mapping[int, list[str]]:
    """Return the lines that the page shows after each command, by the line of the command."""
    return {each.command.line: shown(each.lines, each.command.recorded) for each in outputs}
