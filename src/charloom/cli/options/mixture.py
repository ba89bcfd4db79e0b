"""The option ``--mix``: a mixture of a model with others."""

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from charloom.cli.options.parsers import decode_argument
from charloom.cli.options.shared import option
from charloom.errors import SettingsError

if TYPE_CHECKING:
    from charloom.model import Model


MIN_REST: Final = 1e-9
"""Smallest weight of the first model; a smaller one is an error of rounding."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MixtureOptions:
    """Other models, with weights."""

    mix: Annotated[
        list[str] | None,
        option(
            "--mix",
            metavar="RUN=WEIGHT",
            parser=decode_argument,
            help="Add the probabilities of another model with this weight, below 1; RUN has the "
            "rest. May be repeated.",
        ),
    ] = None

    @property
    def folders(self) -> list[Path]:
        """The folders of the other models."""
        return [path for path, _ in map(_parse, self.mix or ())]

    def load(self, run: Path) -> "Model":
        """Return the model of a folder, mixed with the others if there are any.

        Raises SettingsError for wrong weights, and the errors of ``charloom.mix``.
        """
        from charloom.model import Model

        if not self.mix:
            return Model.load(run)
        from charloom.mixture import mix

        others = [_parse(text) for text in self.mix]
        rest = 1 - math.fsum(weight for _, weight in others)
        if rest < MIN_REST:
            raise SettingsError(
                f"--mix has weights of sum {1 - rest:g}; the sum must be below 1, and RUN has the "
                "rest."
            )
        return mix([run, *(path for path, _ in others)], [rest, *(w for _, w in others)])


def _parse(text: str) -> tuple[Path, float]:
    """Return the folder and the weight of one option."""
    path, _, number = text.rpartition("=")
    try:
        weight = float(number)
    except ValueError:
        weight = 0.0
    if not path or not 0 < weight < 1:
        raise SettingsError(
            f"--mix is {text!r}; give a model folder and a weight between 0 and 1, such as "
            "runs/facts=0.3."
        )
    return Path(path), weight
