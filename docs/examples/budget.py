"""Commands and Python whose trainings last a moment.

A run of all examples in full is for the site. CI runs them in a moment each, which shows that they
are accepted and finish.
"""

import re
from typing import Final

from examples.page import PYTHON, Command

STEPS: Final = 3
"""Steps of a training in place of its minutes or epochs."""
_TRAINS: Final = re.compile(r"\bcharloom (train|compare)\b")
_BUDGETS: Final = ("--steps", "--resume")


def in_a_moment(command: Command) -> str:
    """Return the source of a command with trainings of a few steps."""
    if command.kind == PYTHON:
        return re.sub(r"\b(minutes|epochs|steps)=[\d.]+", f"steps={STEPS}", command.source)
    match = _TRAINS.search(command.source)
    if match is None:
        return command.source
    text = re.sub(r"--(minutes|epochs|steps) [\d.]+", f"--steps {STEPS}", command.source)
    text = re.sub(r"--search \d+", "--search 2", text)
    if not any(option in text for option in _BUDGETS):
        place = text.index(match[0]) + len(match[0])
        text = f"{text[:place]} --steps {STEPS}{text[place:]}"
    return text
