"""``charloom score``: score lines by how surprising they are to a model."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

from charloom.cli.options.declared import SettingOptions, takes_options
from charloom.cli.options.mixture import MixtureOptions
from charloom.cli.options.parsers import parse_float
from charloom.cli.options.shared import Format, Run, argument, option
from charloom.cli.options.tables import SCORED_TABLE_SETTINGS
from charloom.cli.terminal import output
from charloom.cli.terminal.inputs import (
    TableOptions,
    check_format,
    read_blocks,
    read_input_lines,
)
from charloom.cli.terminal.score_summary import ScoreSummary
from charloom.errors import SettingsError
from charloom.formatting import escape_controls
from charloom.settings import TextSettings

if TYPE_CHECKING:
    from charloom.data.input_lines import InputLine
    from charloom.evaluation.score_lines import ScoredLine, Threshold
    from charloom.model import Model

    Result = tuple[InputLine, ScoredLine | None]
    """A line, and its score unless it is blank or cannot be read."""

OptionalSources = Annotated[
    list[str] | None,
    argument("[SOURCE]...", "Files, folders, globs; - or nothing for standard input."),
]
PerSymbol = Annotated[
    bool,
    option("--per-symbol", help="Also write the bits of each symbol and of the end of the line."),
]
Classify = Annotated[
    bool,
    option(
        "--classify",
        help="Write the label with which each line is most probable; with --label-column, also how "
        "often it is that of the line.",
    ),
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ThresholdOptions:
    """Options of marking outliers."""

    threshold: Annotated[
        str | None,
        option(
            "--threshold",
            metavar="BITS|auto",
            help="Mark lines with more bits per character than this; auto: than 99 % of the "
            "held-out lines of similar length.",
        ),
    ] = None
    calibrate: Annotated[
        list[str] | None,
        option(
            "--calibrate",
            metavar="SOURCE",
            default="the held-out texts of the model",
            help="Typical texts, not in the training set, from which --threshold auto is "
            "estimated.",
        ),
    ] = None
    false_alarms: Annotated[
        float | None,
        option(
            "--false-alarms",
            metavar="FRACTION",
            default=0.01,
            parser=parse_float,
            help="Fraction of typical texts that --threshold auto may mark.",
        ),
    ] = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class TruthOptions:
    """Options of measuring the detection of outliers."""

    truth_column: Annotated[
        str | None,
        option(
            "--truth-column",
            metavar="COLUMN",
            help="Column by which lines are known as outliers: measure how well they are detected.",
        ),
    ] = None
    positive: Annotated[
        str | None,
        option("--positive", metavar="VALUE", help="Value of that column for outliers."),
    ] = None


@takes_options(
    mixture=MixtureOptions,
    thresholds=ThresholdOptions,
    truth=TruthOptions,
    options=SCORED_TABLE_SETTINGS,
)
def score(
    run: Run,
    sources: OptionalSources = None,
    *,
    form: Format = None,
    per_symbol: PerSymbol = False,
    classify: Classify = False,
    mixture: MixtureOptions,
    thresholds: ThresholdOptions,
    truth: TruthOptions,
    options: SettingOptions,
) -> None:
    """Score lines by how surprising they are to a model.

    Writes the bits per character of each line, then the line. With --threshold, a ! between them
    marks an outlier; with --classify, the label is written there. Lines are cleaned as the training
    texts were. A blank line stays blank. A ? marks a line without a score, and precedes the reason.
    Lines from a pipe are scored as they arrive.
    """
    check_format(form)
    model = mixture.load(run)
    # Lines are scored, whatever the texts of the model are.
    settings = dataclasses.replace(
        model.record.text, unit="line", separator=None, separator_regex=None
    )
    limit = _resolve_threshold(model, settings, thresholds)
    tables = _table_options(truth, options)
    summary = ScoreSummary(
        labels=model.record.labels,
        positive=truth.positive,
        false_alarms=_expected_false_alarms(thresholds),
    )
    write: Callable[..., None] = _write_json if form == "jsonl" else _write_text
    for batch in read_input_lines(sources or ["-"], settings, tables):
        for line, scored in _score_batch(
            model, batch, summary, threshold=limit, per_symbol=per_symbol, classify=classify
        ):
            write(line, scored)
            summary.count(line, scored)
        output.flush()
    summary.write()


def _table_options(truth: TruthOptions, options: SettingOptions) -> TableOptions:
    if (truth.truth_column is None) != (truth.positive is None):
        given, other = ("--positive", "--truth-column")
        if truth.positive is None:
            given, other = other, given
        raise SettingsError(f"{given} was given without {other}; add that.")
    if truth.truth_column is not None:
        if "label_column" in options:
            raise SettingsError(
                "--truth-column and --label-column were both given; one of them is allowed."
            )
        options = {**options, "label_column": truth.truth_column}
    return TableOptions(**{"errors": "replace", **options})


def _score_batch(
    model: "Model", batch: list["InputLine"], summary: ScoreSummary, **requested: Any
) -> Iterator["Result"]:
    """Yield each line of a batch with its score; None for one without text."""
    from charloom.evaluation.score_lines import score_lines
    from charloom.text.documents import Document, to_blocks

    documents = (
        Document(text=line.text, label=summary.known_label(line)) for line in batch if line.text
    )
    blocks = score_lines(model.scorer, to_blocks(documents), **requested)
    scored = (line for block in blocks for line in block)
    for line in batch:
        yield line, next(scored) if line.text else None


def _resolve_threshold(
    model: "Model", settings: TextSettings, options: ThresholdOptions
) -> "Threshold | None":
    """Return the threshold of outliers, None if none was requested.

    Raises SettingsError if the model has no calibration and none was given for ``auto``.
    """
    from charloom.evaluation.calibration import FALSE_ALARMS, Calibration, calibrate_on_blocks
    from charloom.evaluation.score_lines import BitsThreshold

    rate = FALSE_ALARMS if options.false_alarms is None else options.false_alarms
    if not 0 < rate < 1:
        raise SettingsError(f"false-alarms is {rate:g}; allowed: a fraction above 0 and below 1.")
    if options.threshold != "auto":
        for name, value in (
            ("--calibrate", options.calibrate),
            ("--false-alarms", options.false_alarms),
        ):
            if value:
                raise SettingsError(f"{name} was given without --threshold auto; add that.")
        return None if options.threshold is None else BitsThreshold(_parse_bits(options.threshold))
    if options.calibrate:
        blocks = read_blocks(options.calibrate, settings)
        return calibrate_on_blocks(model.scorer, blocks).with_false_alarms(rate)
    if model.record.calibration is None:
        if not model.record.tensors:
            raise SettingsError(
                "a mixture has no calibration; name usual texts that its models were not trained "
                "on with --calibrate, or give --threshold as bits per character."
            )
        raise SettingsError(
            "this model has no calibration: too few texts were held out, or its run was "
            "interrupted; name usual texts that it was not trained on with --calibrate, or give "
            "--threshold as bits per character."
        )
    return Calibration.from_json(model.record.calibration).with_false_alarms(rate)


def _expected_false_alarms(options: ThresholdOptions) -> float | None:
    """Return the fraction of lines that should be marked, None if it is not known."""
    from charloom.evaluation.calibration import FALSE_ALARMS

    if options.threshold != "auto":
        return None
    return FALSE_ALARMS if options.false_alarms is None else options.false_alarms


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


def _write_text(line: "InputLine", scored: "ScoredLine | None") -> None:
    if scored is None:
        output.write_result("" if line.fault is None else f"?\t{escape_controls(line.fault)}")
        return
    cells = [f"{scored.score.bits_per_character:.3f}"]
    if scored.outlier is not None:
        cells.append("!" if scored.outlier else "")
    if scored.label is not None:
        cells.append(scored.label)
    output.write_result("\t".join([*cells, escape_controls(line.given)]))
    for symbol, bits in scored.symbols or ():
        output.write_result(f"\t{bits:.3f}\t{escape_controls(symbol)}")


def _write_json(line: "InputLine", scored: "ScoredLine | None") -> None:
    record: dict[str, Any] = {"source": line.source, "line": line.number, "text": line.given}
    if scored is None:
        output.write_json(record | {"bits_per_character": None} | _without_none(fault=line.fault))
        return
    record |= {
        "bits": scored.score.bits,
        "characters": scored.score.characters,
        "bits_per_character": scored.score.bits_per_character,
        "unknown": scored.score.unknown,
    }
    output.write_json(
        record
        | _without_none(
            surprise=scored.surprise,
            outlier=scored.outlier,
            label=scored.label,
            probabilities=scored.probabilities,
            symbols=scored.symbols,
        )
    )


def _without_none(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
