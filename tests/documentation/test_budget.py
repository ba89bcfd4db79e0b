"""For a moment, trainings have a few steps, and other commands are as written."""

import pytest
from examples.budget import in_a_moment
from examples.page import Command


def command(source: str, kind: str = "console") -> Command:
    return Command(kind=kind, source=source, line=1, output_begin=0, output_end=0, recorded=())


@pytest.mark.parametrize(
    ("source", "short"),
    [
        ("charloom train a --minutes 0.04 -o b", "charloom train a --steps 3 -o b"),
        ("charloom train a --minutes 60", "charloom train a --steps 3"),
        ("charloom train a --epochs 20", "charloom train a --steps 3"),
        ("zcat a | charloom train - --steps 500", "zcat a | charloom train - --steps 3"),
        ("charloom train a -o b", "charloom train --steps 3 a -o b"),
        ("charloom train a -o b --resume", "charloom train a -o b --resume"),
        (
            "charloom compare a --search 20 --minutes 1",
            "charloom compare a --search 2 --steps 3",
        ),
        ("charloom generate a -n 5 > b", "charloom generate a -n 5 > b"),
    ],
)
def test_budgets_of_commands(source: str, short: str) -> None:
    assert in_a_moment(command(source)) == short


def test_budgets_in_python() -> None:
    source = "charloom.train('a', minutes=60)\nLineScorer(epochs=10, hidden=64)\nx = 'minutes'\n"
    short = "charloom.train('a', steps=3)\nLineScorer(steps=3, hidden=64)\nx = 'minutes'\n"
    assert in_a_moment(command(source, "python")) == short
