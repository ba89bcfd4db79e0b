"""Commands and Python at a fraction of the budget of their trainings.

A run of all examples in full is for the site; CI runs them in a moment each, which shows that they
are accepted and finish.
"""

import re
from typing import Final

from examples.page import PYTHON, Command

MAX_MINUTES: Final = 0.005
STEPS: Final = 3
_TRAINS: Final = re.compile(r"\bcharloom (train|compare)\b")
_BUDGETS: Final = ("--minutes", "--epochs", "--steps", "--resume")
_NUMBER: Final = r"([\d.]+)"


def at_budget(command: Command, fraction: float) -> str:
    """Return the source of a command with the budgets of its trainings cut to a fraction."""
    if fraction >= 1:
        return command.source
    if command.kind == PYTHON:
        return _python(command.source, fraction)
    match = _TRAINS.search(command.source)
    if match is None:
        return command.source
    text = re.sub(
        rf"--minutes {_NUMBER}",
        lambda found: f"--minutes {minutes(float(found[1]), fraction)}",
        command.source,
    )
    text = re.sub(r"--(epochs|steps) \d+", f"--steps {STEPS}", text)
    text = re.sub(r"--search \d+", "--search 2", text)
    if not any(option in text for option in _BUDGETS):
        place = text.index(match[0]) + len(match[0])
        text = f"{text[:place]} --steps {STEPS}{text[place:]}"
    return text


def _python(source: str, fraction: float) -> str:
    text = re.sub(
        rf"\bminutes={_NUMBER}",
        lambda found: f"minutes={minutes(float(found[1]), fraction)}",
        source,
    )
    return re.sub(r"\b(epochs|steps)=\d+", f"steps={STEPS}", text)


def minutes(full: float, fraction: float) -> float:
    """Return a fraction of a budget in minutes, at most ``MAX_MINUTES``."""
    return round(min(full * fraction, MAX_MINUTES), 4)
