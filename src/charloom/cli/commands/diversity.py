"""``charloom diversity``: measure texts at ten temperatures."""

import dataclasses
from typing import TYPE_CHECKING, Annotated

from charloom.cli.options.checker import CheckerOptions
from charloom.cli.options.declared import takes_options
from charloom.cli.options.sampling import DEFAULTS, FirstSeed, Length, count_option
from charloom.cli.options.shared import Json, Run, Training, Validation
from charloom.cli.terminal import output
from charloom.formatting import format_percent_cell
from charloom.settings import SamplingSettings

if TYPE_CHECKING:
    from charloom.evaluation.diversity import Diversity

DEFAULT_TEXTS = 200

Count = Annotated[int, count_option(DEFAULT_TEXTS, "Texts to sample at each temperature.")]


@takes_options(checker_options=CheckerOptions)
def diversity(
    run: Run,
    *,
    n: Count = DEFAULT_TEXTS,
    length: Length = DEFAULTS.length,
    seed: FirstSeed = DEFAULTS.seed,
    training: Training = None,
    valid: Validation = None,
    checker_options: CheckerOptions,
    json: Json = False,
) -> None:
    """Measure variety, length, likelihood and copying of texts at ten temperatures.

    The last row has the same figures for held-out texts. Texts of a model that are close to it in
    all columns vary as much as real ones. With --checker: the texts that it accepts, the distinct
    ones among them, and of these the ones that are not in the training texts.
    """
    from charloom.evaluation.checked_texts import CheckedFigures
    from charloom.evaluation.diversity import measure_model_diversity
    from charloom.evaluation.training_texts import recover_corpus
    from charloom.model import Model

    settings = SamplingSettings(seed=seed, length=length)
    model = Model.load(run)
    corpus = recover_corpus(model.record, training or (), valid)
    checker = checker_options.make()
    rows = measure_model_diversity(
        model.record, model.generator, model.scorer, corpus, settings, n, checker
    )
    if json:
        output.write_json([row.to_json() for row in rows])
        return
    grams = list(rows[0].distinct)
    names = [f"distinct {n}-grams" for n in grams]
    names = ["bits/char", "ended", *names, "copied", "whole"]
    if checker is not None:
        names += [field.name for field in dataclasses.fields(CheckedFigures)]
    header = ("temperature", "length", *names)
    output.write_table([header, *map(_cells, rows)], right=range(1, len(header)))


def _cells(row: "Diversity") -> tuple[str, ...]:
    return (
        "held out" if row.temperature is None else f"{row.temperature:.1f}",
        f"{row.mean_length:.1f}",
        "" if row.bits_per_character is None else f"{row.bits_per_character:.3f}",
        *(
            format_percent_cell(fraction, missing="")
            for fraction in (
                row.ended,
                *row.distinct.values(),
                row.copied,
                row.whole,
                *(() if row.checked is None else dataclasses.astuple(row.checked)),
            )
        ),
    )
