"""Parsers of values on the command line.

Each raises ValueError with the value and the allowed ones.
"""


def parse_int(text: str) -> int:
    """Return the whole number in ``text``."""
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number.") from None


def parse_count(text: str) -> int:
    """Return the whole number of at least 1 in ``text``."""
    if parse_int(text) < 1:
        raise ValueError(f"{text} is too small, it must be at least 1.")
    return parse_int(text)


def parse_float(text: str) -> float:
    """Return the number in ``text``."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number.") from None


def parse_floats(text: str) -> tuple[float, ...]:
    """Return the numbers in ``text``, which commas separate."""
    return tuple(map(parse_float, text.split(",")))


def parse_size(text: str) -> int | str:
    """Return the whole number in ``text``, or the word: 64 or one-hot."""
    return int(text) if text.isdecimal() else text


def parse_bias(text: str) -> tuple[str, float]:
    """Return the symbol and the number in ``SYMBOL=NUMBER``."""
    symbol, sign, value = decode_argument(text).rpartition("=")
    if not sign or not symbol:
        raise ValueError(f"{text!r} is no bias; give a symbol and a number, such as e=-2.")
    return symbol, parse_float(value)


def decode_argument(text: str) -> str:
    """Return an argument decoded as UTF-8, independent of the locale.

    Python keeps a byte that it could not decode as a lone surrogate.
    """
    try:
        return text.encode(errors="surrogateescape").decode(errors="replace")
    except UnicodeEncodeError:  # other surrogates, on Windows: reading a prompt repairs them
        return text
