"""Commands and Python whose trainings last a moment.

A run of all examples in full is for the site. CI runs them in a moment each, which shows that they
are accepted and finish.
"""

import re
from typing import Final

from examples.page import PYTHON, Command

STEPS: Final = 3
"""Steps of a training in place of its minutes or epochs."""
SAMPLES: Final = 5
"""Texts of a measurement that samples hundreds."""
_TRAINS: Final = re.compile(r"\bcharloom (train|compare)\b")
_SAMPLES_MANY: Final = re.compile(r"\bcharloom (diversity|memorisation)\b")
_BUDGETS: Final = ("--steps", "--resume")


def in_a_moment(command: Command) -> str:
    """Return the source of a command with a few steps and samples."""
    if command.kind == PYTHON:
        return re.sub(r"\b(minutes|epochs|steps)=[\d.]+", f"steps={STEPS}", command.source)
    match = _TRAINS.search(command.source)
    if match is None:
        return _SAMPLES_MANY.sub(rf"\g<0> -n {SAMPLES}", command.source)
    text = re.sub(r"--(minutes|epochs|steps) [\d.]+", f"--steps {STEPS}", command.source)
    text = re.sub(r"--search \d+", "--search 2", text)
    if not any(option in text for option in _BUDGETS):
        place = text.index(match[0]) + len(match[0])
        text = f"{text[:place]} --steps {STEPS}{text[place:]}"
    return text
