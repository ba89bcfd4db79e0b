"""``charloom generate --interactive``: a person and a model write one text together.

Lines are read from standard input and answered on standard error, one after another, with nothing
that has to be seen in place: it works over any connection, in a pipe and with a screen reader. Only
the text itself goes to standard output, once it is done.
"""

import io
import re
import sys
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

from charloom.cli.terminal import output
from charloom.errors import SettingsError
from charloom.formatting import display_width, pad, quote
from charloom.settings import SamplingSettings
from charloom.text.cleaning import clean_prompt
from charloom.text.vocabulary import EOS

if TYPE_CHECKING:
    from charloom.generation.session import Choice, Session
    from charloom.model import Model

_BEGIN = "Take a symbol by its number, or press Enter to draw one; ? shows all that you can do."
_HELP = """\
  NUMBER  takes this symbol of the list
  Enter   draws one symbol
  +TEXT   types TEXT as it stands; + alone is a line break
  r       runs on to the end of the text; r 50 for 50 symbols
  u       undoes the last step; u 3 the last three; a run is one step
          (what was drawn and undone is drawn anew, with the next seed)
  q       quits, as the end of the input does, and writes the text
  ?       shows this"""
_INPUT_FORMS = "a number of the list, Enter, +TEXT, r, u, q, or ? for help"
_END_MESSAGES = {
    "eos": "The text ends here.",
    "length": "The text has all the symbols that --length allows.",
    "stop": "The text ends here, before a stop string.",
}
_UNDO_OR_QUIT = "u undoes, q quits."
_MAX_TEXT_COLUMNS = 240
"""How much of the end of the text is shown; a line break counts as half a line."""
_LINE_BREAK_COLUMNS = 40
_MAX_SYMBOL_COLUMNS = 24
"""Longer symbols do not move the percentages of the others to the right."""
_MAX_ECHOED = 40
"""Characters of a line that was not understood that are shown again."""
_INVISIBLE_CATEGORIES = {"Zs", "Zl", "Zp", "Cf", "Mn", "Me", "Mc"}
"""Categories of characters of which nothing is to be seen, or nothing where they stand alone."""


def interact(model: "Model", prompt: str, settings: SamplingSettings, choice_count: int) -> None:
    """Go on from a cleaned prompt as a person decides, offered so many choices at a time.

    The text so far is written when the person is done, and also when they interrupt it.
    """
    session = model.generator.session(prompt, settings)
    if isinstance(sys.stdin, io.TextIOWrapper):  # as command lines are, whatever the locale says
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    output.write_message(_BEGIN)
    try:
        _Conversation(model, session, choice_count).hold()
    finally:
        output.write_message()
        output.write_result(session.text)


class _Conversation:
    """One text, from the first list of choices to the end of the input."""

    def __init__(self, model: "Model", session: "Session", choices: int) -> None:
        self._model = model
        self._session = session
        self._choice_count = choices
        self._choices: list[Choice] = []

    def hold(self) -> None:
        """Show, ask and obey, line after line."""
        forms: tuple[tuple[str, Callable[[str], None]], ...] = (
            (r"\s*(\d{1,9})\s*", self._take),
            (r"\s*()", lambda _: self._run("1")),
            (r"(?s)\+(.*)", self._type),
            (r"\s*r\s*(|[1-9]\d{0,8})\s*", self._run),
            (r"\s*u\s*(|[1-9]\d{0,8})\s*", self._undo),
            (r"\s*\?\s*()", lambda _: output.write_message(_HELP)),
        )
        self._show()
        while (line := _read_command()) is not None and line.strip() != "q":
            for form, obey in forms:
                if match := re.fullmatch(form, line):
                    obey(match[1])
                    break
            else:
                seen = quote(line if len(line) <= _MAX_ECHOED else line[:_MAX_ECHOED] + "…")
                output.note(f"{seen} is not understood; type {_INPUT_FORMS}.")

    def _take(self, number: str) -> None:
        if self._can_continue():
            if 1 <= int(number) <= len(self._choices):
                self._session.choose(self._choices[int(number) - 1].index)
                self._show()
            else:
                output.note(f"there is no choice {number}; there are 1 to {len(self._choices)}.")

    def _type(self, text: str) -> None:
        if self._can_continue():
            cleaned = clean_prompt(text or "\n", self._model.record.text)
            try:
                self._session.type(cleaned)
            except SettingsError as error:
                output.note(str(error))
            else:
                output.note_unknown_symbols(self._model.record.vocabulary.unknown_symbols(cleaned))
                self._show()

    def _run(self, symbols: str) -> None:
        if self._can_continue():
            _show_tail(self._session.committed, end="")
            for piece in self._session.generate(int(symbols) if symbols else None):
                output.write_message(piece, end="")
            output.write_message(self._session.pending)
            self._show_choices()

    def _undo(self, steps: str) -> None:
        if self._session.undo(int(steps or 1)):
            self._show()
        else:
            output.note("there is nothing to undo; the text stands as it began.")

    def _can_continue(self) -> bool:
        """Return whether the text goes on; if not, tell what can be done."""
        if self._session.stopped is not None:
            output.note(f"the text has ended, nothing can be added; {_UNDO_OR_QUIT}")
        return self._session.stopped is None

    def _show(self) -> None:
        """Show the end of the text, and what may come next."""
        _show_tail(self._session.text or "(nothing yet)")
        self._show_choices()

    def _show_choices(self) -> None:
        """Show what may come next, likeliest first, or why nothing may."""
        self._choices = self._session.choices(self._choice_count)
        if self._session.stopped is not None:
            output.write_message(f"{_END_MESSAGES[self._session.stopped]} {_UNDO_OR_QUIT}")
            return
        names = [_display_name(choice) for choice in self._choices]
        columns = min(max(map(display_width, names)), _MAX_SYMBOL_COLUMNS)
        digits = len(str(len(names)))
        for number, (name, choice) in enumerate(zip(names, self._choices, strict=True), start=1):
            share = f"{100 * choice.probability:.1f} %"
            output.write_message(f"  {number:>{digits}}  {pad(name, columns)}  {share:>7}")


def _read_command() -> str | None:
    """Return the next line without its end; None at the end of the input."""
    output.write_message("> ", end="")
    line = sys.stdin.readline() if sys.stdin else ""
    # A terminal shows what is typed and the line break after it; here the rest is shown.
    if not line or not sys.stdin.isatty():
        output.write_message(line.removesuffix("\n"))
    return line.removesuffix("\n") if line else None


def _show_tail(text: str, end: str = "\n") -> None:
    """Show the end of a text, below an empty line."""
    first, columns = len(text), 0
    while first and columns < _MAX_TEXT_COLUMNS:
        first -= 1
        columns += _LINE_BREAK_COLUMNS if text[first] == "\n" else display_width(text[first])
    output.write_message("\n" + ("…" if first else "") + text[first:], end=end)


def _display_name(choice: "Choice") -> str:
    """Return how a symbol is listed: quoted, with a code for what cannot be seen."""
    if choice.index == EOS:
        return "the end"
    symbol = choice.symbol
    if symbol != " " and all(unicodedata.category(one) in _INVISIBLE_CATEGORIES for one in symbol):
        symbol = "".join(f"<U+{ord(one):04X}>" for one in symbol)
    return quote(symbol)
