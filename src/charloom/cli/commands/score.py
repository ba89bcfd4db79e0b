"""``charloom score``: score lines by how surprising they are to a model."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from charloom.cli.options.declared import SettingOptions, takes_options
from charloom.cli.options.shared import Format, Run, argument, option
from charloom.cli.options.tables import TABLE_SETTINGS
from charloom.cli.terminal import output
from charloom.cli.terminal.inputs import (
    TableOptions,
    check_format,
    drop_unknown_labels,
    read_blocks,
)
from charloom.errors import SettingsError
from charloom.formatting import escape_controls
from charloom.settings import TextSettings

if TYPE_CHECKING:
    from charloom.evaluation.score_lines import ScoredLine, Threshold
    from charloom.model import Model

OptionalSources = Annotated[
    list[str] | None,
    argument("[SOURCE]...", "Files, folders, globs; - or nothing for standard input."),
]
PerSymbol = Annotated[
    bool,
    option("--per-symbol", help="Also write the bits of each symbol and of the end of the line."),
]
ThresholdOption = Annotated[
    str | None,
    option(
        "--threshold",
        metavar="BITS|auto",
        help="Mark lines with more bits per character than this; auto: than 99 % of the held-out "
        "lines of similar length.",
    ),
]
Calibrate = Annotated[
    list[str] | None,
    option(
        "--calibrate",
        metavar="SOURCE",
        default="the held-out texts of the model",
        help="Typical texts, not in the training set, from which --threshold auto is estimated.",
    ),
]
Classify = Annotated[
    bool,
    option("--classify", help="Write the label with which each line is most probable."),
]


@takes_options(options=TABLE_SETTINGS)
def score(
    run: Run,
    sources: OptionalSources = None,
    *,
    form: Format = None,
    per_symbol: PerSymbol = False,
    threshold: ThresholdOption = None,
    calibrate: Calibrate = None,
    classify: Classify = False,
    options: SettingOptions,
) -> None:
    """Score lines by how surprising they are to a model.

    Writes the bits per character of each line, then the line. With --threshold, a ! between them
    marks an outlier; with --classify, the label is written there. Lines are cleaned as the training
    texts were, and blank lines are left out. Lines from a pipe are scored as they arrive.
    """
    check_format(form)
    from charloom.evaluation.score_lines import score_lines
    from charloom.model import Model

    model = Model.load(run)
    settings = replace(model.record.text, unit="line")
    limit = _resolve_threshold(model, settings, threshold, calibrate)
    blocks = read_blocks(sources or ["-"], settings, TableOptions(**options), live=True)
    write: Callable[[ScoredLine], None] = _write_json if form == "jsonl" else _write_text
    for lines in score_lines(
        model.scorer,
        drop_unknown_labels(blocks, model.record.labels),
        threshold=limit,
        per_symbol=per_symbol,
        classify=classify,
    ):
        for line in lines:
            write(line)
        output.flush()


def _resolve_threshold(
    model: "Model", settings: TextSettings, threshold: str | None, sources: list[str] | None
) -> "Threshold | None":
    """Return the threshold of outliers, None if none was requested.

    Raises SettingsError if the model has no calibration and none was given for ``auto``.
    """
    from charloom.evaluation.calibration import Calibration, calibrate_on_blocks
    from charloom.evaluation.score_lines import BitsThreshold

    if threshold != "auto":
        if sources:
            raise SettingsError("--calibrate was given without --threshold auto; add that.")
        return None if threshold is None else BitsThreshold(_parse_bits(threshold))
    if sources:
        return calibrate_on_blocks(model.scorer, read_blocks(sources, settings))
    if model.record.calibration is None:
        raise SettingsError(
            "this model has no calibration: too few texts were held out, or its run was "
            "interrupted; name usual texts that it was not trained on with --calibrate, or give "
            "--threshold as bits per character."
        )
    return Calibration.from_json(model.record.calibration)


def _parse_bits(threshold: str) -> float:
    try:
        bits = float(threshold)
    except ValueError:
        bits = -1.0
    if not bits >= 0:
        raise SettingsError(
            f"threshold is {threshold!r}; allowed: auto, or bits per character from 0, such as 4.5."
        )
    return bits


def _write_text(line: "ScoredLine") -> None:
    cells = [f"{line.score.bits_per_character:.3f}"]
    if line.outlier is not None:
        cells.append("!" if line.outlier else "")
    if line.label is not None:
        cells.append(line.label)
    output.write_result("\t".join([*cells, escape_controls(line.text)]))
    for symbol, bits in line.symbols or ():
        output.write_result(f"\t{bits:.3f}\t{escape_controls(symbol)}")


def _write_json(line: "ScoredLine") -> None:
    record: dict[str, Any] = {
        "text": line.text,
        "bits": line.score.bits,
        "characters": line.score.characters,
        "bits_per_character": line.score.bits_per_character,
        "unknown": line.score.unknown,
    }
    extra = {
        "surprise": line.surprise,
        "outlier": line.outlier,
        "label": line.label,
        "symbols": line.symbols,
    }
    output.write_json(record | {name: value for name, value in extra.items() if value is not None})
