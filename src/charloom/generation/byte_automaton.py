r"""From a regular expression to a deterministic automaton over the bytes of UTF-8.

outlines-core builds it, with the syntax of Rust's regex crate (https://docs.rs/regex): ``.`` is no
line feed, and there is neither look-around nor back reference. It is made to search for a match;
here texts are matched as a whole. So it is given the expression between ``\n(?:`` and ``)\z``:

- Of alternatives it goes on with the first that matches: ``a|ab`` would never give ``ab``, nor
  ``a*?`` anything. With ``\z`` behind them none matches before the text is at its end.
- It refuses what may begin with an assertion, as an expression does that may be empty before
  ``\z``. With a line feed in front none does; the line feed is walked over at once.
"""

import re
import threading
from collections.abc import Callable, Collection, Iterator
from typing import Any

from charloom.errors import SettingsError

MAX_SECONDS = 10.0
"""How long an automaton may take to be built."""
MAX_SIZE = 100_000
"""Characters and classes of an expression, repetitions written out: a bound on memory, of which
larger ones take too much within ``SECONDS``."""
MAX_QUOTED = 40
"""Characters of an expression or a prompt that a message shows."""

_BYTES = 256
_NOTHING, _END = _BYTES, _BYTES + 1
"""What the library calls no byte at all, and the end of the text."""

_OUTSIDE = re.compile(
    r"""\\[pPxuU]\{[^}]*\} | \\.                                # escapes
    | \(\?<?[=!] | \(\?P= | \(\?P?<[^>]*> | \(\?[a-zA-Z-]*[:)]  # groups, and flags
    | \[\^?(?:-+|\])? | \{[\d\s,]+\} | .""",
    re.VERBOSE | re.DOTALL,
)
# In a class a bracket opens another one, unless it ends a range.
_INSIDE = re.compile(
    r"""\[\^?(?:-+|\])? | \] | --
    | (?:\\[pPxuU]\{[^}]*\} | \\. | .) (?:-(?![\]-])(?:\\.|.))?""",
    re.VERBOSE | re.DOTALL,
)
_REFUSED = {
    r"\(\?<?[=!]": "look-around, {!r}, which an automaton cannot do: put it in another way.",
    r"\\[1-9k]|\(\?P=": "a back reference, {!r}, which an automaton cannot do: leave it out.",
    r"\\[bB<>]": "a word boundary, {!r}, which is not supported: name the characters instead.",
    r"\^|\\A": "{!r} after its beginning; the text is matched as a whole: leave it out, or write "
    r"'\^' for the character.",
}


class ByteAutomaton:
    """The automaton of an expression; a state is a number that the library gave it."""

    def __init__(self, pattern: str) -> None:
        """Raises SettingsError for a pattern that is no regular expression or too large."""
        # A text is matched from its beginning, so there these say nothing.
        inner = re.sub(r"\A(?:\^|\\A)+", "", pattern)
        _check(pattern, inner)
        self._index = _build(pattern, inner)
        self.pattern = pattern
        self.start = self.walk(self._index.get_initial_state(), b"\n")
        """The state before the first byte; None if no text matches."""

    def walk(self, state: int | None, data: bytes) -> int | None:
        """Return the state after some bytes, None if no match begins with them."""
        for byte in data:
            if state is None:
                return None
            state = self._index.get_next_state(state, byte)
        return state

    def transitions(self, state: int) -> list[tuple[int, int]]:
        """Return each byte that may come next, with the state after it."""
        tokens = self._index.get_allowed_tokens(state)
        return [(t, self._index.get_next_state(state, t)) for t in tokens if t < _BYTES]

    def is_match(self, state: int) -> bool:
        """Return whether what led to the state is a whole match."""
        return bool(self._index.is_final_state(state))

    def shortest_completion(
        self, state: int | None, preferred: Collection[int] = ()
    ) -> bytes | None:
        """Return the shortest bytes that lead from a state to a match, None if none do.

        Of equally short ones those that begin with a byte of ``preferred``, then the lowest.
        """
        paths = {} if state is None else {state: b""}
        waiting = list(paths)
        for here in waiting:
            if self.is_match(here):
                return paths[here]
            following = self.transitions(here)
            for byte, there in sorted(following, key=lambda pair: (pair[0] not in preferred, pair)):
                if there not in paths:
                    paths[there] = paths[here] + bytes([byte])
                    waiting.append(there)
        return None


def quote(text: str) -> str:
    """Return a text as messages show it: in quotes, and shortened."""
    return repr(text) if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]!r}..."


def _tokens(pattern: str) -> Iterator[str]:
    """Yield the tokens of an expression; of a class, which may have others in it, its beginning."""
    place = depth = 0
    while match := (_INSIDE if depth else _OUTSIDE).match(pattern, place):
        place = match.end()
        token = match.group()
        if token.startswith("["):
            depth += 1
            if depth == 1:
                yield token
        elif depth:
            depth -= token == "]"
        else:
            yield token


def _check(pattern: str, inner: str) -> None:
    """Refuse what the library cannot do, and what it would need too much memory for."""
    groups, last, total = [0], 0, 0
    for token in _tokens(inner):
        for refused, why in _REFUSED.items():
            if re.fullmatch(refused, token):
                raise SettingsError(
                    f"the expression to match, {quote(pattern)}, has {why.format(token)}"
                )
        more = 0
        if token.startswith("(") and not token.endswith(")"):
            groups.append(total)
        elif token == ")" and len(groups) > 1:
            last = total - groups.pop()
        elif token.startswith("{") and token != "{":
            more = last * (max(map(int, re.findall(r"\d+", token)), default=1) - 1)
            last += more
        elif token not in "*+?|)":
            more = last = 1
        total += more
        if total > MAX_SIZE:
            raise too_large_error(pattern)


def _build(pattern: str, inner: str) -> Any:
    """Return the library's automaton."""
    from outlines_core import Index, Vocabulary

    tokens = {bytes([byte]): [byte] for byte in range(_BYTES)}
    # By the empty token each state follows itself. A state that nothing follows is taken for a
    # fault of the vocabulary, though other branches of the expression may match.
    vocabulary = Vocabulary(_END, tokens | {b"": [_NOTHING]})

    def build() -> Any:
        # An expression can be wrong by itself and right between parentheses, as 'a)(b' is. This
        # one ends with an error too, but only if it can be read the error is about word boundaries.
        try:
            Index(rf"\b|{inner}", vocabulary)
        except ValueError as error:
            if "word boundaries" not in str(error):
                raise
        try:
            return Index(rf"\n(?:{inner})\z", vocabulary)
        except ValueError:
            # A comment of verbose mode has swallowed the parenthesis: end its line.
            return Index(f"\\n(?:{inner}\n)\\z", vocabulary)

    try:
        return _in_time(build, pattern)
    except ValueError:
        raise _unreadable(pattern) from None


def _in_time(build: Callable[[], Any], pattern: str) -> Any:
    """Return what ``build`` does; raises SettingsError if it takes too long.

    The library cannot be stopped: then its thread works on until it or the process ends.
    """
    results: list[Any] = []

    def work() -> None:
        try:
            results.append(build())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(MAX_SECONDS)
    if not results:
        raise too_large_error(pattern)
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


def too_large_error(pattern: str) -> SettingsError:
    """Return the error of an expression that would take too much memory or time."""
    return SettingsError(
        f"the expression to match, {quote(pattern)}, is too large; repeat less, "
        r"or use smaller classes, such as [a-z] in place of \w."
    )


def _unreadable(pattern: str) -> SettingsError:
    import regex

    reason = ""
    try:
        regex.compile(pattern, regex.VERSION1)
    except regex.error as error:
        reason = f": {error}"
    return SettingsError(
        f"the expression to match, {quote(pattern)}, cannot be read{reason}; allowed is the syntax "
        "of Rust's regex crate (https://docs.rs/regex), without look-around and back references."
    )
