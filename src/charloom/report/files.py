"""The report as files: a page, and the same figures as JSON."""

import dataclasses
import html
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from charloom.errors import OutputError
from charloom.evaluation.model_parts import ModelParts
from charloom.evaluation.run_result import RunResult
from charloom.files import exists, is_dir, replace_files
from charloom.formatting import unusable_folder_message
from charloom.generation.checker import Checker
from charloom.model_folder.format import REPORT, REPORT_FIGURES
from charloom.model_folder.metrics import read_curves
from charloom.records import Record
from charloom.report.analyze import MAX_LENGTH, analyze, sample_at_temperatures, sample_length
from charloom.report.findings import Findings
from charloom.report.page import render_comparison_page, render_model_page
from charloom.settings import SamplingSettings

MAX_SAMPLED_MODELS: Final = 6
"""Number of models of a comparison, the best, whose samples are shown."""
_FRAME: Final = (
    '<div>{path}</div><iframe sandbox srcdoc="{page}" title="Report of {name}" '
    'style="width:100%;height:640px;border:1px solid #8888"></iframe>'
)


@dataclasses.dataclass(frozen=True)
class WrittenReport(Record):
    """A report on disk, shown as its page in a notebook.

    It is a path too, that of the page: ``open`` and ``Path`` accept it.
    """

    page: Path
    """The path of ``report.html``."""
    figures: Mapping[str, Any]
    """The content of ``report.json``."""

    def __fspath__(self) -> str:
        return str(self.page)

    def _repr_html_(self) -> str:
        # The page is passed by value: a notebook server cannot read any path. Its styles do not
        # reach the notebook, and ``sandbox`` keeps scripts out.
        texts = {
            "path": str(self.page),
            "name": self.figures["name"],
            "page": self.page.read_text("utf-8"),
        }
        return _FRAME.format_map({key: html.escape(text) for key, text in texts.items()})


def write_report(model: ModelParts, folder: Path, **analysis_options: Any) -> WrittenReport:
    """Write the report of a model: a page, and the same figures as JSON.

    The files are written into ``folder``, which is made if it is missing. ``analysis_options`` are
    arguments of ``analyze``. Raises what ``analyze`` raises, and OutputError if a file cannot be
    written.
    """
    if _is_other_file(folder):
        raise OutputError(
            f"{folder} is a file; name a folder for {REPORT} and {REPORT_FIGURES} with --output."
        )
    findings = analyze(model, **analysis_options)
    figures = findings.to_json()
    return WrittenReport(_write(folder, render_model_page(findings), figures), figures)


def write_comparison_report(
    folder: Path,
    results: Sequence[RunResult],
    on_progress: Callable[[str], None] = lambda message: None,
    checker: Checker | None = None,
) -> Path:
    """Write the report of a comparison into its folder; return the path of the page.

    Models that were trained on another machine have no folder here, and so no samples. Raises what
    ``write_report`` raises.
    """
    ordered = sorted(results, key=lambda run: run.validation)
    curves = {run.name: read_curves(folder / run.name) for run in ordered}
    trained_here = [run.name for run in ordered if is_dir(folder / run.name)]
    best = analyze(
        ModelParts.load(folder / trained_here[0]), checker=checker, on_progress=on_progress
    )
    length = sample_length(best.evaluation) if isinstance(best, Findings) else MAX_LENGTH
    settings = SamplingSettings(length=length)
    samples = {
        name: sample_at_temperatures(ModelParts.load(folder / name), settings, max_labels=1)[0]
        for name in trained_here[:MAX_SAMPLED_MODELS]
    }
    figures = {
        "runs": [run.to_json() | {"curves": curves[run.name].to_json()} for run in ordered],
        "samples": {name: texts.to_json() for name, texts in samples.items()},
        "best": best.to_json(),
    }
    return _write(folder, render_comparison_page(ordered, curves, samples, best), figures)


def _is_other_file(path: Path) -> bool:
    try:
        return exists(path) and not is_dir(path)
    except OSError as error:
        raise OutputError(unusable_folder_message(path, error)) from error


def _write(folder: Path, page: str, figures: Any) -> Path:
    content = json.dumps(figures, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_files(folder, {REPORT: page.encode(), REPORT_FIGURES: content.encode()})
    except OSError as error:
        raise OutputError(
            f"{folder / REPORT} cannot be written ({error.strerror or error}); free some space, or "
            "name another folder with --output."
        ) from error
    return folder / REPORT
