"""The options of commands that generate text, parsed by Typer."""

from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from charloom.cli.options.declared import takes_options
from charloom.cli.options.sampling import OutputOptions, TextOptions, count_option


def parsed(*arguments: str) -> tuple[TextOptions, OutputOptions]:
    received: list[tuple[TextOptions, OutputOptions]] = []

    def generate(*, text_options: TextOptions, output_options: OutputOptions) -> None:
        received.append((text_options, output_options))

    app = typer.Typer()
    app.command()(takes_options(text_options=TextOptions, output_options=OutputOptions)(generate))
    done = CliRunner().invoke(app, [*arguments])
    assert done.exit_code == 0, done.output
    [options] = received
    return options


def test_options_left_out_are_none_or_false() -> None:
    """So the command can refuse an option that was given its default."""
    assert parsed() == (TextOptions(), OutputOptions())
    assert (TextOptions().n, TextOptions().labels, OutputOptions().choices) == (None, None, None)


def test_all_options_are_parsed() -> None:
    texts = ["--prompt-file", "a.txt", "-n", "3", "--settings", "s.toml", "--label", "x"]
    written = ["--format", "jsonl", "--stream", "--interactive", "--choices", "4"]
    assert parsed(*texts, "--label", "y", *written) == (
        TextOptions(
            prompt_file=Path("a.txt"), n=3, settings_file=Path("s.toml"), labels=["x", "y"]
        ),
        OutputOptions(form="jsonl", stream=True, interactive=True, choices=4),
    )


@pytest.mark.parametrize(("count", "code"), [("1", 0), ("0", 2), ("-1", 2), ("x", 2)])
def test_a_count_is_at_least_one(count: str, code: int) -> None:
    def measure(n: Annotated[int, count_option(200, "Texts to sample.")] = 200) -> None: ...

    app = typer.Typer()
    app.command()(measure)
    assert CliRunner().invoke(app, ["-n", count]).exit_code == code


def test_a_count_shows_its_default() -> None:
    assert count_option(200, "Texts to sample.").help == "Texts to sample. [default: 200]"
