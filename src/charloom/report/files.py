"""The report as files: a page, and the same figures as JSON."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from charloom.errors import OutputError
from charloom.model import Model
from charloom.model_folder.format import REPORT, REPORT_FIGURES
from charloom.model_folder.metrics import read_curves
from charloom.model_folder.writer import replace_files
from charloom.report.findings import Findings, examine, length_of, samples_of
from charloom.report.page import page_of, page_of_all
from charloom.runs.compare import Result
from charloom.settings import SamplingSettings

MOST_SAMPLED: Final = 6
"""Models, the best ones, whose samples are shown side by side."""


def report(run: Path, folder: Path | None = None, **choices: Any) -> tuple[Path, Findings]:
    """Write the report of a model; return the page's place, and what it tells.

    The page and its figures go into the model folder, or into ``folder``, which is made if need be.
    ``choices`` are those of ``examine``, which says what is raised; OutputError if a file
    cannot be written.
    """
    if folder is not None and folder.exists() and not folder.is_dir():
        raise OutputError(
            f"{folder} is a file; name a folder for {REPORT} and {REPORT_FIGURES} with --output."
        )
    findings = examine(run, **choices)
    return _written(folder or run, page_of(findings), findings.to_json()), findings


def report_all(
    folder: Path, results: Sequence[Result], told: Callable[[str], None] = lambda what: None
) -> Path:
    """Write the report of the models that were compared in a folder, into it.

    Those that another machine has trained have figures only. Raises what ``report`` does.
    """
    ordered = sorted(results, key=lambda one: one.validation)
    curves = {one.name: read_curves(folder / one.name) for one in ordered}
    here = [one.name for one in ordered if (folder / one.name).is_dir()]
    best = examine(folder / here[0], told=told)
    settings = SamplingSettings(length=length_of(best.figures))
    samples = {
        name: samples_of(Model.load(folder / name), settings, most_labels=1)[0]
        for name in here[:MOST_SAMPLED]
    }
    figures = {
        "runs": [one.to_json() | {"curves": curves[one.name].to_json()} for one in ordered],
        "samples": {name: own.to_json() for name, own in samples.items()},
        "best": best.to_json(),
    }
    return _written(folder, page_of_all(ordered, curves, samples, best), figures)


def _written(folder: Path, page: str, figures: Any) -> Path:
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
