"""Output is shown as the record was shortened, and compared in its parts without numbers."""

import pytest
from examples.output import WIDTH, as_lines, differences, shown, stable

from charloom.jit.notice import FIRST_TIME

TRAINING = (
    "  training  7,220 texts, 303,582 characters",
    "      note  32 of 7,600 texts are copies of an earlier one.",
    "      0:07  epoch 1, validation 3.285 bits/char",
    "    greedy  Sout  Stare",
    "  temp 0.5  Chend  bing",
)


def test_lines_without_the_notice_of_compiling() -> None:
    assert as_lines(f"\n      note  {FIRST_TIME}\nfirst  \n\nlast\n\n") == ("first", "", "last")
    assert as_lines("10 %\r100 %\ndone\n") == ("100 %", "done")
    assert as_lines("") == ("",)


def test_lines_are_left_out_where_the_record_leaves_them_out() -> None:
    lines = [str(n) for n in range(10)]
    assert shown(lines, ["x"]) == lines
    assert shown(lines, ["a", "b", "   ...", "c"]) == ["0", "1", "   ...", "9"]
    assert shown(lines, ["a", "...", "b", "...", "c"]) == ["0", "...", "9"]
    assert shown(lines, ["a", "..."]) == ["0", "..."]
    assert shown(lines[:3], ["a", "b", "...", "c"]) == ["0", "1", "2"]


def test_long_messages_are_wrapped() -> None:
    words = ("word " * 60).strip()
    wrapped = shown([f"charloom: {words}"], [])
    assert max(map(len, wrapped)) <= WIDTH
    assert " ".join(wrapped) == f"charloom: {words}"
    for whole in (words, f"2\t{words}", '{"text": "' + words + '"}', f"        0.3   {words}"):
        assert shown([whole], []) == [whole]
    lines = ["first", f"charloom: {words}", "third", "fourth", "last"]
    assert shown(lines, ["a", "b", "...", "c"]) == ["first", *wrapped, "...", "last"]


def test_messages_headings_and_rows_are_stable() -> None:
    assert list(stable(TRAINING)) == [
        "training",
        "note 0 of 0 texts are copies of an earlier one.",
    ]
    table = ("temperature  length  bits/char", "0.5             9.3      1.058", "a  b", "c  d")
    assert list(stable(table)) == ["temperature length bits/char"]
    assert list(stable(["2.816\tFears  for", "charloom: tried 12 texts"])) == [
        "charloom: tried 0 texts"
    ]


@pytest.mark.parametrize(
    "recorded",
    [
        TRAINING,
        ("  training  9 texts", "      note  1 of 2 texts are", "copies of an earlier one."),
        ("  training  9 texts", "...", "  temp 0.5  Chend"),
    ],
)
def test_the_same_output_with_other_numbers(recorded: tuple[str, ...]) -> None:
    assert not list(differences(TRAINING, recorded))


def test_a_wrong_record_is_noticed() -> None:
    wrong = ("  symbols  82", "      note  5 of 9 texts are copies.", "charloom: done")
    assert list(differences(TRAINING, wrong)) == [
        "the page has 'symbols', the output has not",
        "the page has 'note 0 of 0 texts are copies.', the output has not",
        "the page has 'charloom: done', the output has not",
    ]
    assert not list(differences(TRAINING, TRAINING[:1]))
    assert not list(differences(TRAINING, ()))
    assert list(differences(("",), ("some text",))) == [
        "the page has an output and the command printed nothing"
    ]
