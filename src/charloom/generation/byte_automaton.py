r"""From a regular expression to a deterministic automaton over the bytes of UTF-8.

The automaton is built by outlines-core, with the syntax of Rust's regex crate
(https://docs.rs/regex): ``.`` excludes the line feed, and there are no look-arounds or back
references. The library searches for a match inside a text, but here whole texts must match. So it
gets the expression between ``\n(?:`` and ``)\z``, for two reasons:

- It follows the first alternative that matches: from ``a|ab`` it would never generate ``ab``, and
  from ``a*?`` nothing at all. With ``\z`` at the end, no alternative matches before the end of the
  text.
- It refuses an expression that may begin with an assertion, and one that may be empty does, before
  ``\z``. With a line feed in front, none does; ``ByteAutomaton.start`` is the state after the line
  feed.
"""

import re
import threading
from collections.abc import Callable, Collection, Iterator
from typing import Any

from charloom.errors import SettingsError

MAX_SECONDS = 10.0
"""Seconds that building an automaton may take."""
MAX_SIZE = 100_000
"""Characters and classes of an expression, with repetitions expanded. A larger expression could
exhaust memory within ``MAX_SECONDS``."""
MAX_QUOTED = 40
"""Characters of an expression or a prompt that a message shows at most."""

_BYTES = 256
_NOTHING, _END = _BYTES, _BYTES + 1
"""Token ids for the empty token and for the end of the text, as outlines-core needs them."""

# The next token of an expression, outside and inside a character class.
_OUTSIDE = re.compile(
    r"""\\[pPxuU]\{[^}]*\} | \\.                                # escapes
    | \(\?<?[=!] | \(\?P= | \(\?P?<[^>]*> | \(\?[a-zA-Z-]*[:)]  # groups, and flags
    | \[\^?(?:-+|\])? | \{[\d\s,]+\} | .""",
    re.VERBOSE | re.DOTALL,
)
# A bracket opens a nested class, unless it ends a range.
_INSIDE = re.compile(
    r"""\[\^?(?:-+|\])? | \] | --
    | (?:\\[pPxuU]\{[^}]*\} | \\. | .) (?:-(?![\]-])(?:\\.|.))?""",
    re.VERBOSE | re.DOTALL,
)
_REFUSED = {
    r"\(\?<?[=!]": "look-around, {!r}, which an automaton cannot do: write it without.",
    r"\\[1-9k]|\(\?P=": "a back reference, {!r}, which an automaton cannot do: leave it out.",
    r"\\[bB<>]": "a word boundary, {!r}, which is not supported: name the characters instead.",
    r"\^|\\A": "{!r} after its beginning; the text is matched as a whole: leave it out, or write "
    r"'\^' for the character.",
}


class ByteAutomaton:
    """The automaton of an expression. Its states are numbered by outlines-core."""

    def __init__(self, pattern: str, *, max_seconds: float = MAX_SECONDS) -> None:
        """Raise SettingsError for a pattern that is not valid or too large."""
        # Texts are matched from their beginning, so a leading anchor has no effect.
        inner = re.sub(r"\A(?:\^|\\A)+", "", pattern)
        _check(pattern, inner)
        self._index = _build(pattern, inner, max_seconds)
        self.pattern = pattern
        self.start = self.walk(self._index.get_initial_state(), b"\n")
        """The state before the first byte; None if no text matches."""

    def walk(self, state: int | None, data: bytes) -> int | None:
        """Return the state after some bytes; None if no match begins with them."""
        for byte in data:
            if state is None:
                return None
            state = self._index.get_next_state(state, byte)
        return state

    def transitions(self, state: int) -> list[tuple[int, int]]:
        """Return each byte that may follow, with the state after it."""
        tokens = self._index.get_allowed_tokens(state)
        return [(t, self._index.get_next_state(state, t)) for t in tokens if t < _BYTES]

    def is_match(self, state: int) -> bool:
        """Return whether the bytes that lead to a state are a whole match."""
        return bool(self._index.is_final_state(state))

    def shortest_completion(
        self, state: int | None, preferred: Collection[int] = ()
    ) -> bytes | None:
        """Return the shortest bytes from a state to a match; None if there is none.

        Ties go to bytes of ``preferred``, then to lower bytes.
        """
        paths = {} if state is None else {state: b""}
        queue = list(paths)
        for source in queue:
            if self.is_match(source):
                return paths[source]
            transitions = self.transitions(source)
            for byte, target in sorted(transitions, key=lambda t: (t[0] not in preferred, t)):
                if target not in paths:
                    paths[target] = paths[source] + bytes([byte])
                    queue.append(target)
        return None


def quote(text: str) -> str:
    """Return a text in quotes, shortened to MAX_QUOTED characters, for a message."""
    return repr(text) if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]!r}..."


def _tokens(pattern: str) -> Iterator[str]:
    """Yield the tokens of an expression; of a class, only its opening bracket."""
    position = depth = 0
    while match := (_INSIDE if depth else _OUTSIDE).match(pattern, position):
        position = match.end()
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
    """Raise SettingsError for unsupported syntax, and for a size above MAX_SIZE.

    ``inner`` is the pattern without leading anchors. A repetition multiplies the size of the group
    or class before it, which is ``last``.
    """
    groups, last, total = [0], 0, 0
    for token in _tokens(inner):
        for refused, reason in _REFUSED.items():
            if re.fullmatch(refused, token):
                raise SettingsError(
                    f"the expression to match, {quote(pattern)}, has {reason.format(token)}"
                )
        added = 0
        if token.startswith("(") and not token.endswith(")"):
            groups.append(total)
        elif token == ")" and len(groups) > 1:
            last = total - groups.pop()
        elif token.startswith("{") and token != "{":
            added = last * (max(map(int, re.findall(r"\d+", token)), default=1) - 1)
            last += added
        elif token not in "*+?|)":
            added = last = 1
        total += added
        if total > MAX_SIZE:
            raise too_large_error(pattern)


def _build(pattern: str, inner: str, max_seconds: float) -> Any:
    """Return the ``outlines_core.Index`` of an expression."""
    from outlines_core import Index, Vocabulary

    tokens = {bytes([byte]): [byte] for byte in range(_BYTES)}
    # With the empty token, every state has a successor: itself. The library reports a state without
    # successors as an error of the vocabulary, although other branches may match.
    vocabulary = Vocabulary(_END, tokens | {b"": [_NOTHING]})

    def build() -> Any:
        # 'a)(b' is not valid by itself, but is between parentheses. This call always fails: on the
        # word boundary if the expression is valid, and otherwise on the expression.
        try:
            Index(rf"\b|{inner}", vocabulary)
        except ValueError as error:
            if "word boundaries" not in str(error):
                raise
        try:
            return Index(rf"\n(?:{inner})\z", vocabulary)
        except ValueError:
            # The parenthesis is inside a comment of verbose mode: end the line first.
            return Index(f"\\n(?:{inner}\n)\\z", vocabulary)

    try:
        return _run_within(max_seconds, build, pattern)
    except ValueError:
        raise _invalid_error(pattern) from None


def _run_within(seconds: float, build: Callable[[], Any], pattern: str) -> Any:
    """Return the result of ``build``; raises SettingsError if it takes longer.

    The library cannot be interrupted: its thread continues until it or the process ends.
    """
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(build())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not results:
        raise too_large_error(pattern)
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


def too_large_error(pattern: str) -> SettingsError:
    """Return the error for an expression that would take too much memory or time."""
    return SettingsError(
        f"the expression to match, {quote(pattern)}, is too large; repeat less, "
        r"or use smaller classes, such as [a-z] in place of \w."
    )


def _invalid_error(pattern: str) -> SettingsError:
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
