"""``charloom temperatures``: show texts at several temperatures."""

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

from charloom.cli.options.declared import setting_option
from charloom.cli.options.labels import parse_label
from charloom.cli.options.sampling import Label, Seed
from charloom.cli.options.shared import Json, Prompts, Run
from charloom.cli.terminal import output
from charloom.cli.terminal.inputs import clean_prompts, random_seed
from charloom.formatting import indent_continuation, quote
from charloom.settings import SamplingSettings

if TYPE_CHECKING:
    from charloom.generation.generator import Generator

TEMPERATURES = (0.3, 0.8, 1.0, 1.3, 1.8)
_UNPROMPTED_TEXTS = 3
_DEFAULT_LENGTH = 120

Length = Annotated[int, setting_option(SamplingSettings, "length", default=_DEFAULT_LENGTH)]


def temperatures(
    run: Run,
    prompts: Prompts = None,
    *,
    length: Length = _DEFAULT_LENGTH,
    seed: Seed = None,
    label: Label = None,
    json: Json = False,
) -> None:
    """Show texts of a model at five temperatures, 0.3 to 1.8.

    Each prompt is continued once at each temperature. Without a prompt, three texts are generated
    from the empty one. The seed is the same at all temperatures.
    """
    settings = SamplingSettings(length=length, seed=random_seed() if seed is None else seed)
    from charloom.model import Model

    model = Model.load(run)
    settings = replace(settings, label=parse_label(label, model.record.labels))
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
    """Return ``n`` texts at each temperature, with prompt, seed and bits."""
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
    """Write a block for each prompt, with one text a row; further lines are indented."""
    for number, (prompt, block) in enumerate(groupby(rows, key=lambda row: str(row["prompt"]))):
        if number:
            output.write_result("")
        output.write_result(f"temperature   {quote(prompt) if prompt else 'from nothing'}")
        for row in block:
            output.write_result(
                f"{row['temperature']:>11.1f}   {indent_continuation(row['text'], 14)}"
            )
