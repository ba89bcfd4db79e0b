"""At a fraction of the budget, trainings last a moment and other commands are as written."""

import pytest
from examples.budget import at_budget, minutes
from examples.page import Command


def command(source: str, kind: str = "console") -> Command:
    return Command(
        kind=kind, source=source, line=1, output_begin=0, output_end=0, recorded=()
    )


@pytest.mark.parametrize(
    ("source", "short"),
    [
        ("charloom train a --minutes 0.04 -o b", "charloom train a --minutes 0.002 -o b"),
        ("charloom train a --minutes 60", "charloom train a --minutes 0.005"),
        ("charloom train a --epochs 20", "charloom train a --steps 3"),
        ("zcat a | charloom train - --steps 500", "zcat a | charloom train - --steps 3"),
        ("charloom train a -o b", "charloom train --steps 3 a -o b"),
        ("charloom train a -o b --resume", "charloom train a -o b --resume"),
        (
            "charloom compare a --search 20 --minutes 1",
            "charloom compare a --search 2 --minutes 0.005",
        ),
        ("charloom generate a -n 5 > b", "charloom generate a -n 5 > b"),
    ],
)
def test_budgets_of_commands(source: str, short: str) -> None:
    assert at_budget(command(source), 0.05) == short
    assert at_budget(command(source), 1) == source


def test_budgets_in_python() -> None:
    source = "charloom.train('a', minutes=60)\nLineScorer(epochs=10, hidden=64)\nx = 'minutes'\n"
    short = "charloom.train('a', minutes=0.005)\nLineScorer(steps=3, hidden=64)\nx = 'minutes'\n"
    assert at_budget(command(source, "python"), 0.05) == short
    assert at_budget(command(source, "python"), 1) == source


def test_minutes_are_a_fraction_up_to_a_limit() -> None:
    assert minutes(0.02, 0.05) == 0.001
    assert minutes(2, 0.05) == 0.005
