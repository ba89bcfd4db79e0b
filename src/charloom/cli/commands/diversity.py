"""``charloom diversity``: how a model's texts change with the temperature, in figures."""

from typing import TYPE_CHECKING

from charloom.cli.commands.memorisation import DEFAULTS, Count, Length
from charloom.cli.options.shared import FirstSeed, Json, Run, Training
from charloom.cli.terminal import output
from charloom.formatting import format_percent_cell
from charloom.settings import SamplingSettings

if TYPE_CHECKING:
    from charloom.evaluation.diversity import Diversity

DEFAULT_TEXTS = 200


def diversity(
    run: Run,
    *,
    n: Count = DEFAULT_TEXTS,
    length: Length = DEFAULTS.length,
    seed: FirstSeed = DEFAULTS.seed,
    training: Training = None,
    json: Json = False,
) -> None:
    """Tell how varied, long, likely and copied a model's texts are at ten temperatures.

    The last row has the same figures of held-out texts: where a model's texts come near to it in
    all columns, they vary as real ones do.
    """
    from charloom.evaluation.diversity import measure_model_diversity
    from charloom.evaluation.training_texts import recover_corpus
    from charloom.model import Model

    settings = SamplingSettings(seed=seed, length=length)
    model = Model.load(run)
    corpus = recover_corpus(model.record, training or ())
    rows = measure_model_diversity(model.record, model.generator, model.scorer, corpus, settings, n)
    if json:
        output.write_json([row.to_json() for row in rows])
        return
    grams = list(rows[0].distinct)
    names = [f"distinct {n}-grams" for n in grams]
    header = ("temperature", "length", "bits/char", "ended", *names, "copied", "whole")
    output.write_table([header, *map(_cells, rows)], right=range(1, len(header)))


def _cells(row: "Diversity") -> tuple[str, ...]:
    return (
        "held out" if row.temperature is None else f"{row.temperature:.1f}",
        f"{row.mean_length:.1f}",
        "" if row.bits_per_character is None else f"{row.bits_per_character:.3f}",
        *(
            format_percent_cell(fraction, missing="")
            for fraction in (row.ended, *row.distinct.values(), row.copied, row.whole)
        ),
    )
