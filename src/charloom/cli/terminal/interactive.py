"""``charloom generate --interactive``: the user and a model write a text in turns.

Commands are lines of standard input, answers are lines on standard error. Nothing is redrawn in
place, so it works in pipes and with screen readers. The finished text goes to standard output.
"""

import io
import re
import sys
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from charloom.cli.terminal import output
from charloom.cli.terminal.columns import display_width, pad
from charloom.errors import SettingsError
from charloom.formatting import format_percent, quote
from charloom.settings import SamplingSettings
from charloom.text.cleaning import clean_prompt
from charloom.text.vocabulary import EOS

if TYPE_CHECKING:
    from charloom.generation.session import Choice, Session
    from charloom.model import Model

_BEGIN: Final = (
    "Type the number of a symbol to choose it, or press Enter to sample one; ? shows help."
)
_HELP: Final = """\
  NUMBER  chooses this symbol of the list
  Enter   samples one symbol
  +TEXT   adds TEXT to the text; + alone adds a line break
  r       generates to the end of the text; r 50 generates 50 symbols
  u       undoes the last step; u 3 the last three; each r is one step
          (sampled symbols that were undone are sampled anew, with the next seed)
  q       quits, as the end of the input does, and writes the text
  ?       shows this help"""
_INPUT_FORMS: Final = "a number of the list, Enter, +TEXT, r, u, q, or ? for help"
_END_MESSAGES: Final = {
    "eos": "The text ends here.",
    "length": "The text has all the symbols that --length allows.",
    "stop": "The text ends here, before a stop string.",
}
_UNDO_OR_QUIT: Final = "u undoes, q quits."
_MAX_TEXT_COLUMNS: Final = 240
"""Columns that are shown of the end of the text."""
_LINE_BREAK_COLUMNS: Final = 40
"""Columns that a line break counts as."""
_MAX_SYMBOL_COLUMNS: Final = 24
"""Longer symbols do not move the percentages of the others to the right."""
_MAX_ECHOED: Final = 40
"""Characters that are shown of a line that is no command."""
_INVISIBLE_CATEGORIES: Final = {"Zs", "Zl", "Zp", "Cf", "Mn", "Me", "Mc"}
"""Unicode categories of characters that are invisible, or invisible on their own."""


def interact(model: "Model", prompt: str, settings: SamplingSettings, choice_count: int) -> None:
    """Continue a cleaned prompt by the commands of the user.

    ``choice_count`` next symbols are offered at each step.
    The text is written at the end of the input, and also when the user interrupts.
    """
    session = model.generator.session(prompt, settings)
    if isinstance(sys.stdin, io.TextIOWrapper):  # the command line, whatever its locale, is UTF-8
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    output.write_message(_BEGIN)
    try:
        _Dialogue(model, session, choice_count).run()
    finally:
        output.write_message()
        output.write_result(session.text)


class _Dialogue:
    """Executes commands on one text, until the end of the input."""

    def __init__(self, model: "Model", session: "Session", choice_count: int) -> None:
        self._model = model
        self._session = session
        self._choice_count = choice_count
        self._choices: list[Choice] = []
        self._extending_commands: tuple[tuple[str, Callable[[str], None]], ...] = (
            (r"\s*(\d{1,9})\s*", self._choose),
            (r"\s*()", lambda _: self._generate("1")),
            (r"(?s)\+(.*)", self._type),
            (r"\s*r\s*(|[1-9]\d{0,8})\s*", self._generate),
        )
        self._other_commands: tuple[tuple[str, Callable[[str], None]], ...] = (
            (r"\s*u\s*(|[1-9]\d{0,8})\s*", self._undo),
            (r"\s*\?\s*()", lambda _: output.write_message(_HELP)),
        )

    def run(self) -> None:
        """Read and execute commands until ``q`` or the end of the input."""
        self._show()
        while (line := _read_command()) is not None and line.strip() != "q":
            self._execute(line)

    def _execute(self, line: str) -> None:
        for pattern, command in self._extending_commands:
            if match := re.fullmatch(pattern, line):
                if self._session.stopped is None:
                    command(match[1])
                else:
                    output.note(f"the text has ended, nothing can be added; {_UNDO_OR_QUIT}")
                return
        for pattern, command in self._other_commands:
            if match := re.fullmatch(pattern, line):
                command(match[1])
                return
        echoed = quote(line if len(line) <= _MAX_ECHOED else line[:_MAX_ECHOED] + "…")
        output.note(f"{echoed} is not understood; type {_INPUT_FORMS}.")

    def _choose(self, number: str) -> None:
        if 1 <= int(number) <= len(self._choices):
            self._session.choose(self._choices[int(number) - 1].index)
            self._show()
        else:
            output.note(f"there is no choice {number}; there are 1 to {len(self._choices)}.")

    def _type(self, text: str) -> None:
        cleaned = clean_prompt(text or "\n", self._model.record.text)
        try:
            self._session.type(cleaned)
        except SettingsError as error:
            output.note(str(error))
        else:
            output.note_unknown_symbols(self._model.record.vocabulary.unknown_symbols(cleaned))
            self._show()

    def _generate(self, symbols: str) -> None:
        """Generate and show a number of symbols, or the rest of the text."""
        _show_tail(self._session.committed, end="")
        for chunk in self._session.generate(int(symbols) if symbols else None):
            output.write_message(chunk, end="")
        output.write_message(self._session.pending)
        self._show_choices()

    def _undo(self, steps: str) -> None:
        if self._session.undo(int(steps or 1)):
            self._show()
        else:
            output.note("there is nothing to undo; the text is as it began.")

    def _show(self) -> None:
        """Show the end of the text and the next choices."""
        _show_tail(self._session.text or "(nothing yet)")
        self._show_choices()

    def _show_choices(self) -> None:
        """List the most probable next symbols, or the reason why the text has ended."""
        self._choices = self._session.choices(self._choice_count)
        if self._session.stopped is not None:
            output.write_message(f"{_END_MESSAGES[self._session.stopped]} {_UNDO_OR_QUIT}")
            return
        names = [_display_name(choice) for choice in self._choices]
        columns = min(max(map(display_width, names)), _MAX_SYMBOL_COLUMNS)
        digits = len(str(len(names)))
        for number, (name, choice) in enumerate(zip(names, self._choices, strict=True), start=1):
            percent = format_percent(choice.probability, 1)
            output.write_message(f"  {number:>{digits}}  {pad(name, columns)}  {percent:>7}")


def _read_command() -> str | None:
    """Prompt for a line and return it; None at the end of the input."""
    output.write_message("> ", end="")
    line = sys.stdin.readline() if sys.stdin else ""
    # A terminal echoes typed lines; other input is echoed here, and so is the end of the input.
    if not line or not sys.stdin.isatty():
        output.write_message(line.removesuffix("\n"))
    return line.removesuffix("\n") if line else None


def _show_tail(text: str, end: str = "\n") -> None:
    """Show the end of a text, after an empty line."""
    first, columns = len(text), 0
    while first and columns < _MAX_TEXT_COLUMNS:
        first -= 1
        columns += _LINE_BREAK_COLUMNS if text[first] == "\n" else display_width(text[first])
    output.write_message("\n" + ("…" if first else "") + text[first:], end=end)


def _display_name(choice: "Choice") -> str:
    """Return a symbol in quotes; invisible characters as their code points."""
    if choice.index == EOS:
        return "the end"
    symbol = choice.symbol
    if symbol != " " and all(unicodedata.category(c) in _INVISIBLE_CATEGORIES for c in symbol):
        symbol = "".join(f"<U+{ord(character):04X}>" for character in symbol)
    return quote(symbol)
