"""The notes at the end of scoring; their figures are tested with the command."""

import pytest

from charloom.cli.terminal.score_summary import ScoreSummary
from charloom.data.input_lines import InputLine


def line(label: str | None) -> InputLine:
    return InputLine(source="X", number=1, given="a", text="a", label=label)


def test_a_label_is_known_or_none(capsys: pytest.CaptureFixture[str]) -> None:
    summary = ScoreSummary(labels=("a", "b"), positive=None, false_alarms=None)
    assert [summary.known_label(line(label)) for label in ("a", "c", None)] == ["a", None, None]
    summary.write()
    assert capsys.readouterr().err == (
        'charloom: labels that the model does not know count as none: "c".\n'
    )


def test_a_truth_is_no_label() -> None:
    summary = ScoreSummary(labels=("a",), positive="a", false_alarms=None)
    assert summary.known_label(line("a")) is None
