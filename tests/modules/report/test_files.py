import html
import json
import re
import shutil
from pathlib import Path

import pytest

from charloom.errors import OutputError
from charloom.evaluation.model_parts import ModelParts
from charloom.evaluation.run_result import RunResult
from charloom.report.analyze import analyze
from charloom.report.files import write_comparison_report, write_report
from charloom.report.page import render_model_page


def result(name: str, validation: float) -> RunResult:
    return RunResult(
        name=name,
        cell="lstm",
        layers=1,
        hidden=8,
        dropout=0.0,
        learning_rate=0.01,
        parameters=1000,
        validation=validation,
        test=None,
        gap=None,
        training_rate=None,
        writing_rate=9000.0,
        seconds=3.0,
    )


def test_page_and_json_have_the_same_findings(run: Path, tmp_path: Path) -> None:
    report = write_report(ModelParts.load(run), tmp_path / "new" / "page", chosen=["<b>"])
    path = report.page
    assert path == tmp_path / "new" / "page" / "report.html"
    assert sorted(file.name for file in path.parent.iterdir()) == ["report.html", "report.json"]
    figures = json.loads(path.with_name("report.json").read_text("utf-8"))
    assert figures == json.loads(json.dumps(report.figures))
    assert figures["surprise"][0]["given"]
    assert path.read_text("utf-8") == render_model_page(
        analyze(ModelParts.load(run), chosen=["<b>"])
    )


def test_notebook_shows_the_page_in_a_frame_without_scripts(run: Path, tmp_path: Path) -> None:
    report = write_report(ModelParts.load(run), tmp_path, chosen=["<b>"])
    frames = re.findall(r'<iframe sandbox srcdoc="([^"]*)"', report._repr_html_())
    assert [html.unescape(frame) for frame in frames] == [Path(report).read_text("utf-8")]
    assert str(report.page) in report._repr_html_()


def test_file_in_place_of_the_folder_is_refused(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("", "utf-8")
    with pytest.raises(OutputError) as error:
        write_report(ModelParts.load(run), file)
    assert str(error.value) == (
        f"{file} is a file; name a folder for report.html and report.json with --output."
    )


def test_folder_that_cannot_be_made_is_named(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(OutputError) as error:
        write_report(ModelParts.load(run), tmp_path / "file" / "page")
    assert str(error.value) == (
        f"{tmp_path / 'file' / 'page' / 'report.html'} cannot be written (Not a directory); "
        "free some space, or name another folder with --output."
    )


def test_comparison_analyzes_the_best_run_that_was_trained_here(run: Path, tmp_path: Path) -> None:
    for name in ("second", "third"):
        shutil.copytree(run, tmp_path / name)
    results = [result("third", 2.5), result("elsewhere", 1.5), result("second", 2.0)]
    path = write_comparison_report(tmp_path, results)
    assert path == tmp_path / "report.html"
    figures = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert [run["name"] for run in figures["runs"]] == ["elsewhere", "second", "third"]
    assert [bool(run["curves"]["validation"]) for run in figures["runs"]] == [False, True, True]
    assert list(figures["samples"]) == ["second", "third"]
    assert figures["best"]["name"] == "second"
    assert "Best network trained on this machine: second" in path.read_text("utf-8")
