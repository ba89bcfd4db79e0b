"""Options of a command that accepts or rejects texts."""

import dataclasses
from typing import TYPE_CHECKING, Annotated

from charloom.cli.options.parsers import parse_float
from charloom.cli.options.shared import option
from charloom.errors import SettingsError

if TYPE_CHECKING:
    from charloom.generation.checker import Checker

GROUP = "Checked texts"


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckerOptions:
    """The command, which no model folder holds, and its time."""

    checker: Annotated[
        str | None,
        option(
            "--checker",
            metavar="COMMAND",
            group=GROUP,
            help="Program that reads one text a line, and writes 1 for an accepted and 0 for "
            "another; a line break within a text is \\n.",
        ),
    ] = None
    checker_timeout: Annotated[
        float | None,
        option(
            "--checker-timeout",
            metavar="SECONDS",
            group=GROUP,
            parser=parse_float,
            default=60,
            help="Time that the checker has for up to 1,000 texts.",
        ),
    ] = None

    def make(self) -> "Checker | None":
        """Return the checker; None without one.

        Raises SettingsError for a time without a checker, and for a command that is none.
        """
        from charloom.generation.checker import make_checker

        if self.checker is not None:
            return make_checker(self.checker, self.checker_timeout)
        if self.checker_timeout is not None:
            raise SettingsError("--checker-timeout was given without --checker; add that.")
        return None
