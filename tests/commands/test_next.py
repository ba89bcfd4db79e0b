from pathlib import Path

import pytest
from command_line import Charloom

from charloom.model import Model


def test_json_has_all_symbols_most_probable_first(charloom: Charloom, model: Path) -> None:
    done = charloom("next", model, "bad", "--json")
    [entries] = done.records
    expected = Model.load(model).next("bad")
    assert [(e["symbol"], e["probability"]) for e in entries] == expected
    chances = [e["probability"] for e in entries]
    assert chances == sorted(chances, reverse=True)
    assert len(entries) == 14, "13 letters and <eos>, without <unk>"
    assert charloom("next", model, "bad", "--json", "--top", 3).records == [entries[:3]]


def test_bars_are_as_long_as_symbols_are_probable(charloom: Charloom, model: Path) -> None:
    done = charloom("next", model, "bad", "--top", 14)
    expected = Model.load(model).next("bad")
    lines = done.out.splitlines()
    assert (done.code, done.err, len(lines)) == (0, "", 14)
    for line, (symbol, probability) in zip(lines, expected, strict=True):
        assert line.startswith("<eos>" if symbol == "<eos>" else f'"{symbol}"')
        assert f" {100 * probability:.1f} %" in line
        bar = line.partition(" %")[2].strip()
        eighths = sum(" ▏▎▍▌▋▊▉█".index(block) for block in bar)
        assert eighths == pytest.approx(320 * probability / expected[0][1], abs=0.5)


def test_ten_symbols_are_shown_by_default(charloom: Charloom, model: Path) -> None:
    assert len(charloom("next", model, "").out.splitlines()) == 10


def test_a_label_changes_the_probabilities(charloom: Charloom, labelled: Path) -> None:
    [entries] = charloom("next", labelled, "a", "--label", "Sports", "--json").records
    expected = Model.load(labelled).next("a", label="Sports")
    assert [(e["symbol"], e["probability"]) for e in entries] == expected


def test_an_unknown_symbol_is_noted(charloom: Charloom, model: Path) -> None:
    done = charloom("next", model, "aX")
    assert done.code == 0
    assert done.err == 'charloom: the model does not know "X": <unk> is fed in its place.\n'
