"""``charloom memorisation``: measure how much of a model's texts was copied."""

import dataclasses
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from charloom.cli.options.declared import setting_option, takes_options
from charloom.cli.options.parsers import parse_int
from charloom.cli.options.sampling import DEFAULTS, FirstSeed, Length, count_option
from charloom.cli.options.shared import Json, Run, Training, Validation, option
from charloom.cli.terminal import output
from charloom.cli.terminal.inputs import read_blocks
from charloom.formatting import format_percent_cell, quote
from charloom.settings import SamplingSettings
from charloom.settings.measurements import MEMORISATION_TEMPERATURE, MEMORISATION_TEXTS

if TYPE_CHECKING:
    from charloom.evaluation.memorisation import Memorisation, OverlapFigures
    from charloom.model import Model

DEFAULT_SHOWN = 3

Shown = Annotated[
    int,
    option(
        "--show",
        metavar="NUMBER",
        parser=parse_int,
        default=DEFAULT_SHOWN,
        help="Longest copied spans to show, with their origin.",
    ),
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """Options that select the samples: existing ones, or how to sample new ones."""

    n: Annotated[int, count_option(MEMORISATION_TEXTS, "Texts to sample.")] = MEMORISATION_TEXTS
    temperature: Annotated[
        float,
        setting_option(
            SamplingSettings, "temperature", default=MEMORISATION_TEMPERATURE, group="Options"
        ),
    ] = MEMORISATION_TEMPERATURE
    length: Length = DEFAULTS.length
    seed: FirstSeed = DEFAULTS.seed
    sources: Annotated[
        list[str] | None,
        option("--samples", metavar="SOURCE", help="Existing samples to measure, not new ones."),
    ] = None


@takes_options(sample_options=SampleOptions)
def memorisation(
    run: Run,
    *,
    sample_options: SampleOptions,
    training: Training = None,
    valid: Validation = None,
    show: Shown = DEFAULT_SHOWN,
    json: Json = False,
) -> None:
    """Measure how much of a model's texts was copied from its training texts.

    Independent texts share words and phrases too, so the same is measured for held-out texts of
    about the same number and length. Only the difference was memorised.
    """
    from charloom.model import Model

    model, sources = Model.load(run), sample_options.sources
    figures = model.memorisation(
        sample_options.n,
        texts=_read_samples(model, sources) if sources else None,
        temperature=sample_options.temperature,
        length=sample_options.length,
        seed=sample_options.seed,
        training=training or (),
        validation=valid,
    )
    if json:
        output.write_json(figures.to_json())
        return
    _print_figures(figures, show)


def _read_samples(model: "Model", sources: list[str]) -> list[str]:
    return [text for block in read_blocks(sources, model.record.text) for text in block.texts()]


def _print_figures(figures: "Memorisation", shown: int) -> None:
    assert figures.held_out is not None
    output.write_table(
        [("", "samples", "held out"), *_rows(figures.samples, figures.held_out)], right=(1, 2)
    )
    spans = [(n, span) for n, span in enumerate(figures.samples.spans, 1) if span is not None]
    for n, span in sorted(spans, key=lambda item: -item[1].characters)[:shown]:
        output.write_result("")
        output.write_result(
            f"{span.characters} characters of sample {n:,} are in document "
            f"{span.document + 1:,}, from character {span.place + 1:,} on:"
        )
        output.write_result(f"  {quote(span.text)}")


def _rows(samples: "OverlapFigures", held_out: "OverlapFigures") -> Iterable[tuple[str, str, str]]:
    """Yield the name of each metric and its value for samples and held-out texts."""

    def row(name: str, get: Any, form: Any) -> tuple[str, str, str]:
        return name, form(get(samples)), form(get(held_out))

    percent = partial(format_percent_cell, missing="-")
    yield row("texts", lambda overlap: overlap.texts, "{:,}".format)
    yield row("characters", lambda overlap: overlap.characters, "{:,}".format)
    yield row("a training document, whole", lambda overlap: overlap.whole, percent)
    yield row("within a training document", lambda overlap: overlap.within, percent)
    for quantile in samples.longest_quantiles:
        name = {"0.5": "median", "1.0": "longest"}.get(quantile, f"{float(quantile):.0%} quantile")
        yield row(
            f"longest copied span, {name}",
            lambda overlap, q=quantile: overlap.longest_quantiles[q],
            "{:,}".format,
        )
    for k in samples.covered:
        yield row(
            f"in copied spans of {k} or more", lambda overlap, k=k: overlap.covered[k], percent
        )
    for n in samples.novel_ngrams:
        yield row(f"new {n}-grams", lambda overlap, n=n: overlap.novel_ngrams[n], percent)
