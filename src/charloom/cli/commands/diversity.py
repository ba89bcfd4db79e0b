"""``charloom diversity``: measure texts at ten temperatures."""

from typing import TYPE_CHECKING, Annotated

from charloom.cli.options.checker import CheckerOptions
from charloom.cli.options.declared import takes_options
from charloom.cli.options.sampling import DEFAULTS, FirstSeed, Length, count_option
from charloom.cli.options.shared import Json, Run, Training, Validation
from charloom.cli.terminal import output
from charloom.formatting import format_percent_cell
from charloom.settings.measurements import DIVERSITY_TEXTS

if TYPE_CHECKING:
    from charloom.evaluation.diversity import Diversity

Count = Annotated[int, count_option(DIVERSITY_TEXTS, "Texts to sample at each temperature.")]


@takes_options(checker_options=CheckerOptions)
def diversity(
    run: Run,
    *,
    n: Count = DIVERSITY_TEXTS,
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
    from charloom.model import Model

    checker = checker_options.make()
    rows = Model.load(run).diversity(
        n,
        length=length,
        seed=seed,
        training=training or (),
        validation=valid,
        checker=checker,
    )
    if json:
        output.write_json([row.to_json() for row in rows])
        return
    grams = list(rows[0].distinct)
    names = [f"distinct {n}-grams" for n in grams]
    names = ["bits/char", "ended", *names, "copied", "whole"]
    if checker is not None:
        names += ["accepted", "unique", "novel"]
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
                *(() if row.accepted is None else (row.accepted, row.unique, row.novel)),
            )
        ),
    )
