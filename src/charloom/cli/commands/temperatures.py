"""``charloom temperatures``: the same prompts at several temperatures, as a table."""

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

from charloom.cli.commands.generate import clean_prompts, random_seed
from charloom.cli.options.shared import Json, Label, Prompts, Run, Seed, length_option
from charloom.cli.terminal import output
from charloom.formatting import indent_continuation, quote
from charloom.settings import SamplingSettings

if TYPE_CHECKING:
    from charloom.generation.generator import Generator

TEMPERATURES = (0.3, 0.8, 1.0, 1.3, 1.8)
_UNPROMPTED_TEXTS = 3
_DEFAULT_LENGTH = 120

Length = Annotated[int, length_option(_DEFAULT_LENGTH)]


def temperatures(
    run: Run,
    prompts: Prompts = None,
    *,
    length: Length = _DEFAULT_LENGTH,
    seed: Seed = None,
    label: Label = None,
    json: Json = False,
) -> None:
    """Show what a model writes at five temperatures, 0.3 to 1.8.

    Each prompt is continued once at each temperature; without a prompt, three texts are written
    from nothing. The seed is the same at all temperatures.
    """
    settings = SamplingSettings(
        length=length, seed=random_seed() if seed is None else seed, label=label
    )
    from charloom.model import Model

    model = Model.load(run)
    rows = [
        row
        for prompt in clean_prompts(model, prompts)
        for row in _rows(model.generator, prompt, settings, 1 if prompts else _UNPROMPTED_TEXTS)
    ]
    if json:
        output.write_json(rows)
    else:
        _print_table(rows)


def _rows(
    generator: "Generator", prompt: str, settings: SamplingSettings, n: int
) -> list[dict[str, Any]]:
    """Return ``n`` texts at each temperature, with what they were made from."""
    return [
        {
            "prompt": prompt,
            "temperature": temperature,
            "seed": generated.seed,
            "text": generated.text,
            "bits": generated.bits,
            "stopped": generated.stopped,
        }
        for temperature in TEMPERATURES
        for generated in generator.generate(prompt, replace(settings, temperature=temperature), n)
    ]


def _print_table(rows: list[dict[str, Any]]) -> None:
    """Write one block a prompt: temperature, then text; further lines stand below the first."""
    for number, (prompt, block) in enumerate(groupby(rows, key=lambda row: str(row["prompt"]))):
        if number:
            output.write_result("")
        output.write_result(f"temperature   {quote(prompt) if prompt else 'from nothing'}")
        for row in block:
            output.write_result(
                f"{row['temperature']:>11.1f}   {indent_continuation(row['text'], 14)}"
            )
