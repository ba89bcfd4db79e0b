"""``charloom memorisation``: how much a model copies from the texts that it learned from."""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from charloom.cli.commands.evaluate import read_blocks
from charloom.cli.options.shared import (
    FirstSeed,
    Json,
    Run,
    Training,
    length_option,
    option,
    parse_count,
    parse_float,
    parse_int,
)
from charloom.cli.terminal import output
from charloom.formatting import format_percent_cell, quote
from charloom.settings import SamplingSettings

if TYPE_CHECKING:
    from charloom.evaluation.memorisation import Memorisation, OverlapFigures
    from charloom.model import Model

DEFAULT_SAMPLES = 1000
DEFAULT_SHOWN = 3
DEFAULTS = SamplingSettings()

Count = Annotated[
    int,
    option(
        "-n",
        metavar="COUNT",
        parser=parse_count,
        default=DEFAULT_SAMPLES,
        help="How many texts to write.",
    ),
]
Length = Annotated[int, length_option(DEFAULTS.length)]
Temperature = Annotated[
    float,
    option(
        "--temperature",
        metavar="NUMBER",
        parser=parse_float,
        default=1.0,
        help="How freely they are drawn.",
    ),
]
SamplesOption = Annotated[
    list[str] | None,
    option("--samples", metavar="SOURCE", help="Texts that were written, in place of new ones."),
]
Shown = Annotated[
    int,
    option(
        "--show",
        metavar="NUMBER",
        parser=parse_int,
        default=DEFAULT_SHOWN,
        help="How many of the longest copied spans to show, with where they come from.",
    ),
]


def memorisation(
    run: Run,
    *,
    n: Count = DEFAULT_SAMPLES,
    temperature: Temperature = 1.0,
    length: Length = DEFAULTS.length,
    seed: FirstSeed = DEFAULTS.seed,
    samples: SamplesOption = None,
    training: Training = None,
    show: Shown = DEFAULT_SHOWN,
    json: Json = False,
) -> None:
    """Tell how much of a model's texts was copied from those that it learned from.

    Real texts share words and phrases with each other too, so the same is told of held-out texts,
    about as many and as long: the difference is what the model learned by heart.
    """
    from charloom.evaluation.memorisation import measure_memorisation
    from charloom.evaluation.sample_sets import matched_held_out
    from charloom.evaluation.training_texts import iter_texts, recover_corpus
    from charloom.model import Model

    settings = SamplingSettings(temperature=temperature, seed=seed, length=length)
    model = Model.load(run)
    corpus = recover_corpus(model.record, training or ())
    written = _read_samples(model, samples) if samples else _draw_samples(model, settings, n)
    found = measure_memorisation(
        documents=iter_texts(corpus.training),
        samples=written,
        held_out=matched_held_out(corpus.validation, written, model.record.text.unit),
    )
    if json:
        output.write_json(found.to_json())
        return
    _print_figures(found, show)


def _read_samples(model: "Model", sources: list[str]) -> list[str]:
    blocks = read_blocks(sources, model.record.text, None, None, None, None)
    return [text for block in blocks for text in block.texts()]


def _draw_samples(model: "Model", settings: SamplingSettings, n: int) -> list[str]:
    from charloom.evaluation.sample_sets import draw_samples

    return [one.text for one in draw_samples(model.generator, settings, n, model.record.labels)]


def _print_figures(found: "Memorisation", shown: int) -> None:
    assert found.held_out is not None
    output.write_table(
        [("", "samples", "held out"), *_rows(found.samples, found.held_out)], right=(1, 2)
    )
    spans = [(place, span) for place, span in enumerate(found.samples.spans, 1) if span is not None]
    for place, span in sorted(spans, key=lambda one: -one[1].characters)[:shown]:
        output.write_result("")
        output.write_result(
            f"{span.characters} characters of sample {place:,} stand in document "
            f"{span.document + 1:,}, from character {span.place + 1:,} on:"
        )
        output.write_result(f"  {quote(span.text)}")


def _rows(samples: "OverlapFigures", held_out: "OverlapFigures") -> Iterable[tuple[str, str, str]]:
    """Return name, figure of the samples, and figure of the held-out texts."""

    def row(name: str, of: Any, form: Any) -> tuple[str, str, str]:
        return name, form(of(samples)), form(of(held_out))

    percent = partial(format_percent_cell, missing="-")
    yield row("texts", lambda one: one.texts, "{:,}".format)
    yield row("characters", lambda one: one.characters, "{:,}".format)
    yield row("a training document, whole", lambda one: one.whole, percent)
    yield row("within a training document", lambda one: one.within, percent)
    for quantile in samples.longest_quantiles:
        name = {0.5: "median", 1.0: "longest"}.get(quantile, f"{quantile:.0%} quantile")
        yield row(
            f"longest copied span, {name}",
            lambda one, q=quantile: one.longest_quantiles[q],
            "{:,}".format,
        )
    for k in samples.covered:
        yield row(f"in copied spans of {k} or more", lambda one, k=k: one.covered[k], percent)
    for n in samples.novel_ngrams:
        yield row(f"new {n}-grams", lambda one, n=n: one.novel_ngrams[n], percent)
