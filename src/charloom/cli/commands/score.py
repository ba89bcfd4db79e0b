"""``charloom score``: how surprising each line is to a model."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from charloom.cli.commands.evaluate import drop_unknown_labels, read_blocks
from charloom.cli.commands.generate import check_format
from charloom.cli.options.shared import (
    Columns,
    Header,
    LabelColumn,
    RecordedEncoding,
    Run,
    argument,
    option,
)
from charloom.cli.terminal import output
from charloom.errors import SettingsError
from charloom.formatting import escape_controls
from charloom.settings import TextSettings

if TYPE_CHECKING:
    from charloom.evaluation.score_lines import ScoredLine, Threshold
    from charloom.model import Model

OptionalSources = Annotated[
    list[str] | None,
    argument("[SOURCE]...", "Files, folders, globs; -, or nothing, for standard input."),
]
Format = Annotated[
    str,
    option("--format", metavar="text|jsonl", default="text", help="jsonl: an object a line."),
]
PerSymbol = Annotated[
    bool,
    option("--per-symbol", help="Also tell the bits of each symbol, and of the end of the line."),
]
ThresholdOption = Annotated[
    str | None,
    option(
        "--threshold",
        metavar="BITS|auto",
        help="Mark lines that take more bits per character; auto: more than 99 % of the held-out "
        "lines of their length do.",
    ),
]
Calibrate = Annotated[
    list[str] | None,
    option(
        "--calibrate",
        metavar="SOURCE",
        default="the model's held-out texts",
        help="With --threshold auto: usual texts, which the model did not learn from.",
    ),
]
Classify = Annotated[
    bool,
    option("--classify", help="Tell the label under which each line is most probable."),
]


def score(
    run: Run,
    sources: OptionalSources = None,
    *,
    form: Format = "text",
    per_symbol: PerSymbol = False,
    threshold: ThresholdOption = None,
    calibrate: Calibrate = None,
    classify: Classify = False,
    columns: Columns = None,
    label_column: LabelColumn = None,
    header: Header = None,
    encoding: RecordedEncoding = None,
) -> None:
    """Score lines by how surprising they are to a model.

    Writes the bits per character of each line, then the line; with --threshold a ! between them
    where it is an outlier, with --classify its label. Lines are cleaned as those that the model
    learned from; blank ones are left out. A pipe is read as it comes.
    """
    check_format(form)
    from charloom.evaluation.score_lines import score_lines
    from charloom.model import Model

    model = Model.load(run)
    settings = replace(model.record.text, unit="line")
    limit = _resolve_threshold(model, settings, threshold, calibrate)
    texts = read_blocks(
        sources or ["-"], settings, columns, label_column, header, encoding, live=True
    )
    write: Callable[[ScoredLine], None] = _write_text if form == "text" else _write_json
    known = drop_unknown_labels(texts, model.record.labels)
    for lines in score_lines(
        model.scorer, known, threshold=limit, per_symbol=per_symbol, classify=classify
    ):
        for line in lines:
            write(line)
        output.flush()


def _resolve_threshold(
    model: "Model", settings: TextSettings, given: str | None, sources: list[str] | None
) -> "Threshold | None":
    """Return what lines are held against; raises SettingsError for what cannot be."""
    from charloom.evaluation.calibration import Calibration, calibrate_on_blocks
    from charloom.evaluation.score_lines import BitsThreshold

    if given != "auto":
        if sources:
            raise SettingsError("--calibrate was given without --threshold auto; add that.")
        return None if given is None else BitsThreshold(_parse_bits(given))
    if sources:
        return calibrate_on_blocks(
            model.scorer, read_blocks(sources, settings, None, None, None, None)
        )
    if model.record.calibration is None:
        raise SettingsError(
            "this model does not know what usual texts take: too few were held out, or its run was "
            "cut short; name some that it did not learn from with --calibrate, or give --threshold "
            "as bits per character."
        )
    return Calibration.from_json(model.record.calibration)


def _parse_bits(given: str) -> float:
    try:
        bits = float(given)
    except ValueError:
        bits = -1.0
    if not bits >= 0:
        raise SettingsError(
            f"threshold is {given!r}; allowed: auto, or bits per character from 0, such as 4.5."
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
