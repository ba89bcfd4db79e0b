import math
import os
from collections.abc import Callable

import pytest

from charloom.cli.options.parsers import (
    decode_argument,
    parse_bias,
    parse_count,
    parse_float,
    parse_floats,
    parse_int,
    parse_size,
)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_int, "-3", -3),
        (parse_count, "1", 1),
        (parse_float, "1e-3", 0.001),
        (parse_float, "-inf", -math.inf),
        (parse_floats, "3,0.5", (3.0, 0.5)),
        (parse_floats, "2", (2.0,)),
        (parse_size, "64", 64),
        (parse_size, "one-hot", "one-hot"),
        (parse_bias, "e=-2", ("e", -2.0)),
        (parse_bias, "===1", ("==", 1.0)),
        (parse_bias, "<eos>=-inf", ("<eos>", -math.inf)),
        (decode_argument, "é", "é"),
        (decode_argument, os.fsencode("é").decode("ascii", "surrogateescape"), "é"),
        (decode_argument, "a\udcff", "a\ufffd"),
        (decode_argument, "a\ud800", "a\ud800"),
    ],
)
def test_the_text_of_an_option_is_parsed(
    parse: Callable[[str], object], text: str, value: object
) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_int, "2.5", "'2.5' is not a whole number."),
        (parse_count, "0", "0 is too small, it must be at least 1."),
        (parse_count, "x", "'x' is not a whole number."),
        (parse_float, "high", "'high' is not a number."),
        (parse_floats, "3,high", "'high' is not a number."),
        (parse_floats, "3,", "'' is not a number."),
        (parse_bias, "e", "'e' is no bias; give a symbol and a number, such as e=-2."),
        (parse_bias, "=1", "'=1' is no bias; give a symbol and a number, such as e=-2."),
        (parse_bias, "e=x", "'x' is not a number."),
    ],
)
def test_wrong_text_is_refused_with_the_allowed_values(
    parse: Callable[[str], object], text: str, message: str
) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert str(caught.value) == message
