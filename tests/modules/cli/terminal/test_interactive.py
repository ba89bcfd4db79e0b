"""Dialogues: the lines typed by a user, and the answers, compared to the letter."""

import io
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from command_line import CommandResult
from networks import Probabilities, make_vocabulary, markov_tensors
from records import record

from charloom.cli.terminal import output
from charloom.cli.terminal.interactive import interact
from charloom.model import Model
from charloom.settings import Level, SamplingSettings, TextSettings

BEGIN = "Type the number of a symbol to choose it, or press Enter to sample one; ? shows help.\n"
NOT_UNDERSTOOD = (
    "is not understood; type a number of the list, Enter, +TEXT, r, u, q, or ? for help.\n"
)
Talk = Callable[..., CommandResult]


def chain(
    chances_VV: Probabilities, symbols: list[str], level: Level = "char", **text: Any
) -> Model:
    """Return a model with these probabilities of the next symbol after each symbol."""
    network, tensors = markov_tensors(chances_VV)
    return Model(
        record(
            text=TextSettings(level=level, **text),
            network=network,
            vocabulary=make_vocabulary(symbols, level),
            tensors={key: tensor.astype(np.float32) for key, tensor in tensors.items()},
        )
    )


# The text abcabc...; after c, a line break and the end have a quarter of the probability each.
ROUND = chain(
    [
        [0, 0, 1, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 1, 0],
        [0.25, 0, 0.5, 0, 0, 0.25],
        [0, 0, 1, 0, 0, 0],
    ],
    ["a", "b", "c", "\n"],
)


@pytest.fixture
def talk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Talk:
    """Return a function that runs a dialogue with these lines as input."""

    def talk(
        *lines: str, prompt: str = "", model: Model = ROUND, choices: int = 9, **settings: Any
    ) -> CommandResult:
        stdin = "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="ascii"))
        settings = {"top_k": 3, "min_p": 1e-6, "temperature": 1.0} | settings
        interact(model, prompt, SamplingSettings(**settings), choices)
        captured = capsys.readouterr()
        return CommandResult(code=0, out=captured.out, err=captured.err)

    return talk


def test_dialogue_with_every_command(talk: Talk) -> None:
    done = talk("1", "", "2", "+ab", "r 4", "u", "u 2", "3", "q", prompt="b", seed=3)
    assert done.err == BEGIN + (
        "\n"
        "b\n"
        '  1  "c"  100.0 %\n'
        "> 1\n"
        "\n"
        "bc\n"
        '  1  "a"       50.0 %\n'
        "  2  the end   25.0 %\n"
        '  3  "\\n"      25.0 %\n'
        "> \n"
        "\n"
        "bca\n"
        '  1  "b"  100.0 %\n'
        "> 2\n"
        "charloom: there is no choice 2; there are 1 to 1.\n"
        "> +ab\n"
        "\n"
        "bcaab\n"
        '  1  "c"  100.0 %\n'
        "> r 4\n"
        "\n"
        "bcaabcabc\n"
        '  1  "a"       50.0 %\n'
        "  2  the end   25.0 %\n"
        '  3  "\\n"      25.0 %\n'
        "> u\n"
        "\n"
        "bcaab\n"
        '  1  "c"  100.0 %\n'
        "> u 2\n"
        "\n"
        "bc\n"
        '  1  "a"       50.0 %\n'
        "  2  the end   25.0 %\n"
        '  3  "\\n"      25.0 %\n'
        "> 3\n"
        "\n"
        "bc\n"
        "\n"
        '  1  "a"  100.0 %\n'
        "> q\n"
        "\n"
    )
    assert done.out == "bc\n\n"


def test_end_of_the_input_ends_the_dialogue(talk: Talk) -> None:
    done = talk()
    assert done.err == BEGIN + '\n(nothing yet)\n  1  "a"  100.0 %\n> \n\n'
    assert done.out == "\n"


def test_closed_standard_input_ends_the_dialogue(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    interact(ROUND, "ab", SamplingSettings(), 3)
    assert capsys.readouterr().out == "ab\n"


def answer(done: CommandResult, number: int) -> str:
    """Return the answer to a line, counted from 0."""
    return done.err.split("\n> ")[number + 1].partition("\n")[2] + "\n"


@pytest.mark.parametrize(
    ("lines", "settings", "text", "why"),
    [
        (["+abc", "2"], {}, "abc", "The text ends here."),
        (["r"], {"length": 3}, "abc", "The text has all the symbols that --length allows."),
        (["+ab"], {"length": 2}, "ab", "The text has all the symbols that --length allows."),
        (["r"], {"stop": ("cc", "bc")}, "a", "The text ends here, before a stop string."),
    ],
)
def test_ended_text_refuses_everything_but_undo(
    talk: Talk, lines: list[str], settings: dict[str, Any], text: str, why: str
) -> None:
    refused = ["1", "", "r", "r 3", "+ab"]
    done = talk(*lines, *refused, "u", **settings)
    assert answer(done, len(lines) - 1) == f"\n{text}\n{why} u undoes, q quits.\n"
    for number in range(len(lines), len(lines) + len(refused)):
        assert answer(done, number) == (
            "charloom: the text has ended, nothing can be added; u undoes, q quits.\n"
        )
    assert answer(done, len(lines) + len(refused)).endswith('"  100.0 %\n') or len(lines) == 2


def test_help(talk: Talk) -> None:
    done = talk(" ? ", "q")
    assert answer(done, 0) == (
        "  NUMBER  chooses this symbol of the list\n"
        "  Enter   samples one symbol\n"
        "  +TEXT   adds TEXT to the text; + alone adds a line break\n"
        "  r       generates to the end of the text; r 50 generates 50 symbols\n"
        "  u       undoes the last step; u 3 the last three; each r is one step\n"
        "          (sampled symbols that were undone are sampled anew, with the next seed)\n"
        "  q       quits, as the end of the input does, and writes the text\n"
        "  ?       shows this help\n"
    )
    assert max(map(len, done.err.splitlines())) < 100


@pytest.mark.parametrize(
    "line", ["hello", "r 0", "r -1", "u 0", "u x", "q 1", "-1", "1 2", "9" * 30, "rr", "?r", " +a"]
)
def test_line_that_is_no_command_is_echoed_with_the_commands(talk: Talk, line: str) -> None:
    done = talk(line)
    assert answer(done, 0) == f'charloom: "{line}" {NOT_UNDERSTOOD}'
    assert done.out == "\n"


def test_echoed_line_is_truncated_and_escaped(talk: Talk) -> None:
    done = talk("\x1b[A" + 50 * "x")
    assert answer(done, 0) == f'charloom: "\\u001b[A{37 * "x"}…" {NOT_UNDERSTOOD}'


def test_number_outside_the_list_is_refused(talk: Talk) -> None:
    done = talk("0", "4", "3", prompt="c")
    for number, choice in enumerate("04"):
        assert answer(done, number) == (
            f"charloom: there is no choice {choice}; there are 1 to 3.\n"
        )
    assert done.out == "c\n\n"


def test_undo_at_the_start_is_refused(talk: Talk) -> None:
    done = talk("u", "+ab", "u 5", "u")
    expected = "charloom: there is nothing to undo; the text is as it began.\n"
    assert answer(done, 0) == answer(done, 3) == expected
    assert answer(done, 2) == '\n(nothing yet)\n  1  "a"  100.0 %\n'


def test_generating_again_after_undo_uses_the_next_seed(talk: Talk) -> None:
    """The texts are those of the seeds 1, 2 and 3, as of ``generate -n 3 --seed 1``."""
    settings = SamplingSettings(seed=1, temperature=1.0, top_k=3, min_p=1e-6)
    texts = [one.text for one in ROUND.generator.generate("c", settings, n=3)]
    assert len(set(texts)) == 3
    done = talk("r", "u", "r", "u", "r", prompt="c", seed=1)
    for number, text in zip((0, 2, 4), texts, strict=True):
        assert answer(done, number) == f"\n{text}\nThe text ends here. u undoes, q quits.\n"
    assert done.out == texts[2] + "\n"


def test_typed_text_is_cleaned_and_its_unknown_symbols_are_noted(talk: Talk) -> None:
    done = talk("+a\x07b e\u0301&lt;", prompt="c")
    assert answer(done, 0) == (
        'charloom: the model does not know " ", "é", "<": <unk> is fed in their place.\n'
        "\n"
        "cab é<\n"
        '  1  "a"  100.0 %\n'
    )
    assert done.out == "cab é<\n"


def test_typed_text_is_not_cleaned_for_a_model_of_uncleaned_texts(talk: Talk) -> None:
    plain = chain(np.full((3, 3), 1 / 3), ["a"], clean=False)
    done = talk("+&lt; e\u0301 ", model=plain)
    assert done.out == "&lt; e\u0301 \n"


def test_plus_alone_adds_a_line_break(talk: Talk) -> None:
    done = talk("+", "+b", prompt="a")
    assert answer(done, 0) == '\na\n\n  1  "a"  100.0 %\n'
    assert done.out == "a\nb\n"


def test_invalid_utf8_is_typed_as_unknown_symbols(talk: Talk) -> None:
    done = talk("+a\udcff")
    assert done.out == "a\ufffd\n"
    assert answer(done, 0).startswith('charloom: the model does not know "\ufffd": <unk> is fed ')


def test_typed_text_that_is_too_long_or_cannot_match_is_refused(talk: Talk) -> None:
    done = talk("+abcabc", "+b", "+a", length=5, match="a[bc]+", top_k=2)
    assert answer(done, 0) == (
        "charloom: 6 symbols were typed, and the length of 5 leaves room for 5; "
        "type fewer, or begin again with a larger length.\n"
    )
    assert answer(done, 1) == (
        "charloom: 'b' cannot be typed here: no match of 'a[bc]+' continues with it within the "
        "length of 5 symbols; type something else, or undo.\n"
    )
    assert answer(done, 2) == '\na\n  1  "b"  100.0 %\n'


def test_beginning_of_a_stop_string_is_shown_until_the_string_is_complete(talk: Talk) -> None:
    done = talk("r 2", "r 1", stop=("bc",))
    assert answer(done, 0) == '\nab\n  1  "c"  100.0 %\n'
    assert answer(done, 1) == (
        "\na\nThe text ends here, before a stop string. u undoes, q quits.\n"
    )
    assert done.out == "a\n"


def test_number_of_choices_is_as_requested(talk: Talk) -> None:
    assert answer(talk("+c", choices=2), 0) == (
        '\nc\n  1  "a"       50.0 %\n  2  the end   25.0 %\n'
    )
    even = chain(np.full((14, 14), 1 / 14), list("abcdefghijkl"))
    shown = answer(talk("+a", choices=11, model=even, top_k=None), 0)
    assert shown.splitlines()[2] == "   1  the end    7.7 %"
    assert shown.splitlines()[12] == '  11  "j"        7.7 %'


def test_invisible_symbols_are_listed_by_code_points_or_escapes(talk: Talk) -> None:
    symbols = [" ", "\n", "\t", "\x1b", '"', "\\", "\xa0", "\u0301", "\u200d", "e\u0301", "😀"]
    even = chain(np.full((13, 13), 1 / 13), symbols, "grapheme", clean=False)
    shown = answer(talk("+😀", choices=12, model=even, top_k=None), 0).splitlines()[2:]
    assert [line[6:].removesuffix("8.3 %").rstrip() for line in shown] == [
        *("the end", '" "', '"\\n"', '"\\t"', '"\\u001b"', '"\\""', '"\\\\"'),
        *('"<U+00A0>"', '"<U+0301>"', '"<U+200D>"', '"e\u0301"', '"😀"'),
    ]


def test_percentages_are_aligned_beside_wide_symbols_but_not_beside_very_long_ones(
    talk: Talk,
) -> None:
    words = chain(np.full((6, 6), 1 / 6), ["漢", "word", " ", 30 * "x"], "word")
    assert answer(talk("+漢", model=words, top_k=None), 0) == (
        "\n"
        "漢\n"
        "  1  the end                    20.0 %\n"
        '  2  "漢"                       20.0 %\n'
        '  3  "word"                     20.0 %\n'
        '  4  " "                        20.0 %\n'
        '  5  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"   20.0 %\n'
    )


def test_bytes_are_shown_as_a_character_once_it_is_complete(talk: Talk) -> None:
    first, second = "<0xC3>", "<0xA9>"
    chances = np.array([[0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0.5, 0, 0.5, 0]])
    accents = chain(chances, [first, second], "byte")
    done = talk("1", "r 1", "r 1", model=accents, temperature=0.0, top_k=None, min_p=None)
    assert answer(done, 0).startswith('\n\ufffd\n  1  "<0xA9>"  100.0 %\n')
    assert answer(done, 1).startswith("\né\n  1  the end    50.0 %\n")
    assert done.out == "é\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (240 * "b", 240 * "b"),
        (241 * "b", "…" + 240 * "b"),
        ("b" + 120 * "漢", "…" + 120 * "漢"),
        ("a\nb\nc\nd\ne\nf\ng\nb", "…\nc\nd\ne\nf\ng\nb"),
    ],
)
def test_only_the_end_of_a_long_text_is_shown(talk: Talk, text: str, shown: str) -> None:
    """240 columns, of which a line break counts as 40; also before generated symbols."""
    done = talk("r 1", prompt=text, length=1)
    assert done.err.startswith(f"{BEGIN}\n{shown}\n  1  ")
    added = done.out[len(text) :]
    assert answer(done, 0).startswith(f"\n{shown}{added}The text has all the symbols ")
    assert done.out[: len(text)] == text


def test_control_characters_are_escaped_on_standard_error(talk: Talk) -> None:
    plain = chain(np.full((4, 4), 1 / 4), ["a", "\x1b"], clean=False)
    done = talk("+\x1b[31m", model=plain)
    assert "\x1b" not in done.err
    assert "\n<0x1B>[31m\n  1  " in answer(done, 0)
    assert done.out == "\x1b[31m\n"


class Terminal:
    """A standard input that echoes by itself; the line ^C is an interruption."""

    def __init__(self, *lines: str) -> None:
        self.lines = iter([*lines, ""])

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        line = next(self.lines)
        if line == "^C":
            raise KeyboardInterrupt
        return line


def test_terminal_input_is_not_echoed_a_second_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("+ab\n", "q\n"))
    interact(ROUND, "c", SamplingSettings(top_k=1), 3)
    assert capsys.readouterr().err == (
        f'{BEGIN}\nc\n  1  "a"  100.0 %\n> \ncab\n  1  "c"  100.0 %\n> \n'
    )
    monkeypatch.setattr(sys, "stdin", Terminal())
    interact(ROUND, "c", SamplingSettings(top_k=1), 3)
    assert capsys.readouterr().err == f'{BEGIN}\nc\n  1  "a"  100.0 %\n> \n\n'


def test_interruption_at_the_prompt_writes_the_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("+ab\n", "^C"))
    with pytest.raises(KeyboardInterrupt):
        interact(ROUND, "c", SamplingSettings(top_k=1), 3)
    captured = capsys.readouterr()
    assert captured.out == "cab\n"
    assert captured.err.endswith("\n> \n")


def test_interruption_while_generating_writes_the_symbols_so_far(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written: list[str] = []

    def interrupt_after_cab(text: str = "", *, end: str = "\n") -> None:
        written.append(text)
        if written[-3:] == ["c", "a", "b"]:
            raise KeyboardInterrupt

    monkeypatch.setattr(output, "write_message", interrupt_after_cab)
    monkeypatch.setattr(sys, "stdin", Terminal("r\n"))
    with pytest.raises(KeyboardInterrupt):
        interact(ROUND, "ab", SamplingSettings(temperature=0.0), 3)
    assert capsys.readouterr().out == "abcab\n"
