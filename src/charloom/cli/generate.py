"""``charloom generate``: write new texts from a trained model."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

from charloom.cli import output
from charloom.cli.options import (
    Label,
    Length,
    Prompts,
    Run,
    Seed,
    count,
    decoded,
    number,
    option,
)
from charloom.errors import SettingsError
from charloom.settings import SamplingSettings

if TYPE_CHECKING:
    from charloom.generation.generator import Generator
    from charloom.generation.texts import Generated
    from charloom.model import Model

_DEFAULT = SamplingSettings()
_FORMATS = ("text", "jsonl")
_AT_ONCE = 256

Count = Annotated[
    int, option("-n", metavar="COUNT", parser=count, default=1, help="Texts for each prompt.")
]
Temperature = Annotated[
    float | None,
    option(
        "--temperature",
        metavar="NUMBER",
        parser=number,
        default=_DEFAULT.temperature,
        help="Below 1 safer, above 1 wilder, 0 greedy.",
    ),
]
Greedy = Annotated[bool, option("--greedy", help="Always take the most probable symbol.")]
Stop = Annotated[
    list[str] | None,
    option(
        "--stop",
        metavar="TEXT",
        parser=decoded,
        help="End a text before this string; may be repeated.",
    ),
]
Stream = Annotated[bool, option("--stream", help="Show each text symbol by symbol.")]
Format = Annotated[
    str,
    option("--format", metavar="text|jsonl", default="text", help="jsonl: an object a text."),
]


def generate(
    run: Run,
    prompts: Prompts = None,
    *,
    n: Count = 1,
    length: Length = _DEFAULT.length,
    temperature: Temperature = None,
    greedy: Greedy = False,
    seed: Seed = None,
    stop: Stop = None,
    label: Label = None,
    stream: Stream = False,
    form: Format = "text",
) -> None:
    """Write new texts from a trained model.

    A text begins with the prompt and goes on until the model ends it. The same model, prompt, seed
    and temperature give the same text everywhere.
    """
    if greedy and temperature is not None:
        raise SettingsError(
            f"--greedy and --temperature {temperature:g} contradict each other; give one of them."
        )
    check_format(form)
    if stream and form == "jsonl":
        raise SettingsError("--stream and --format jsonl contradict each other; give one of them.")
    settings = SamplingSettings(
        temperature=0.0 if greedy else _DEFAULT.temperature if temperature is None else temperature,
        length=length,
        stop=tuple(stop or ()),
        seed=random_seed() if seed is None else seed,
        label=label,
    )
    seeds = settings.seeds(n)
    from charloom.model import Model

    model = Model.load(run)
    known = clean_prompts(model, prompts)
    if stream:
        _stream(model, known, settings, seeds)
        return
    gap = _separator(model, known)
    texts = (text for prompt in known for text in _drawn(model.generator, prompt, settings, seeds))
    for index, text in enumerate(texts):
        if form == "jsonl":
            output.record(_entry(text))
        else:
            output.result((gap if index else "") + text.text)


def random_seed() -> int:
    """Return a seed that is short enough to be typed again."""
    return secrets.randbelow(2**32)


def check_format(form: str) -> None:
    """Raise SettingsError unless ``form`` is a format of results."""
    if form not in _FORMATS:
        raise SettingsError(f"format is {form!r}; allowed: {', '.join(_FORMATS)}.")


def clean_prompts(model: "Model", prompts: list[str] | None) -> list[str]:
    """Return the prompts as the model reads them, [""] for none; tell of symbols not known."""
    from charloom.text.cleaning import clean_prompt

    cleaned = [clean_prompt(prompt, model.record.text) for prompt in prompts or [""]]
    vocabulary = model.record.vocabulary
    output.note_unknown(symbol for prompt in cleaned for symbol in vocabulary.unknown(prompt))
    return cleaned


def _drawn(
    generator: "Generator", prompt: str, settings: SamplingSettings, seeds: range
) -> Iterator["Generated"]:
    """Yield a text of each seed; the first ones are there before the last are begun."""
    for first in seeds[::_AT_ONCE]:
        n = min(_AT_ONCE, seeds.stop - first)
        yield from generator.generate(prompt, replace(settings, seed=first), n)


def _separator(model: "Model", prompts: list[str]) -> str:
    """Return what stands between texts: an empty line where one may have several lines."""
    breaks = not model.record.vocabulary.unknown("\n") or any("\n" in text for text in prompts)
    return "\n" if breaks or model.record.text.unit != "line" else ""


def _entry(generated: "Generated") -> dict[str, Any]:
    return {
        "text": generated.text,
        "prompt": generated.prompt,
        "seed": generated.seed,
        "bits": generated.bits,
        "symbols": generated.symbols,
        "stopped": generated.stopped,
        "label": generated.label,
    }


def _stream(model: "Model", prompts: list[str], settings: SamplingSettings, seeds: range) -> None:
    """Write a text of each seed for each prompt, every piece as soon as it is known."""
    gap = _separator(model, prompts)
    for index, (prompt, seed) in enumerate(product(prompts, seeds)):
        pieces = model.generator.stream(prompt, replace(settings, seed=seed))
        output.result((gap if index else "") + prompt, end="")
        for piece in pieces:
            output.result(piece, end="")
            output.flush()
        output.result("")
