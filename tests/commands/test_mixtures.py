"""``--mix`` of generate, next, score and evaluate: the mixture of the library."""

from pathlib import Path
from typing import Any

import pytest
from command_line import Charloom
from records import folder

import charloom as library
from charloom.settings import NetworkSettings


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    path = tmp_path_factory.mktemp("runs")
    one = folder(path / "one")
    other = folder(path / "other=2", network=NetworkSettings(cell="gru", hidden=9, input=3))
    return one, other


def test_the_commands_use_the_mixture(charloom: Charloom, runs: tuple[Path, Path]) -> None:
    one, other = runs
    mixture = library.mix([one, other], [0.75, 0.25])
    option = ("--mix", f"{other}=0.25")
    done = charloom("generate", one, "a", "-n", 5, "--seed", 3, "--length", 9, *option)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == mixture.generate("a", n=5, seed=3, length=9)
    [entries] = charloom("next", one, "ab", "--json", *option).records
    assert [(one["symbol"], one["probability"]) for one in entries] == mixture.next("ab")
    scored = charloom("score", one, "--format", "jsonl", *option, stdin="abc\ncab\n").records
    bits = [record["bits_per_character"] for record in scored]
    assert bits == pytest.approx(mixture.score(["abc", "cab"]), rel=1e-9)


def test_evaluate_shows_each_model_alone(
    charloom: Charloom, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    one, other = runs
    texts = ["abc", "cab", "xyz"]
    (tmp_path / "t.txt").write_text("\n".join(texts), "utf-8")
    arguments = ("evaluate", one, tmp_path / "t.txt", "--mix", f"{other}=0.25")
    [figures] = charloom(*arguments, "--json").records
    mixture = library.mix([one, other], [0.75, 0.25])
    expected = mixture.evaluate(texts).bits_per_character
    assert figures["bits_per_character"] == pytest.approx(expected, rel=1e-9)
    first, second = figures["models"]
    for part, path, weight in ((first, one, 0.75), (second, other, 0.25)):
        alone = library.load(path).evaluate(texts)
        assert (part["model"], part["weight"]) == (str(path), weight)
        assert part["bits_per_character"] == pytest.approx(alone.bits_per_character, rel=1e-9)
        assert part["unknown"] == alone.unknown == 3
    lines = charloom(*arguments).out.splitlines()[-4:]
    assert lines[0].split() == ["weight", "bits", "per", "character", "unknown"]
    assert lines[1].split()[:2] == ["mixture", f"{expected:.4f}"]
    assert lines[2].split()[-3:] == ["0.75", f"{first['bits_per_character']:.4f}", "3"]
    assert lines[3].startswith(f"{other} alone")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--mix", "runs/b"),
            "--mix is 'runs/b'; give a model folder and a weight between 0 and 1, such as "
            "runs/facts=0.3.",
        ),
        (
            ("--mix", "runs/b=1"),
            "--mix is 'runs/b=1'; give a model folder and a weight between 0 and 1, such as "
            "runs/facts=0.3.",
        ),
        (
            ("--mix", "a=0.5", "--mix", "b=0.75"),
            "--mix has weights of sum 1.25; the sum must be below 1, and RUN has the rest.",
        ),
        (
            ("--mix", "nowhere=0.5"),
            "there is no model folder nowhere; name one that charloom train made, such as "
            "runs/facts.",
        ),
    ],
)
def test_wrong_mixtures_are_refused(
    charloom: Charloom, runs: tuple[Path, Path], options: tuple[Any, ...], line: str
) -> None:
    for command in (("generate", runs[0]), ("next", runs[0], "a"), ("score", runs[0], __file__)):
        done = charloom(*command, *options)
        assert (done.code, done.out, done.err) == (2, "", f"charloom: {line}\n")


def test_baselines_of_a_mixture_are_refused(charloom: Charloom, runs: tuple[Path, Path]) -> None:
    done = charloom("evaluate", runs[0], __file__, "--baselines", "--mix", f"{runs[1]}=0.5")
    assert (done.code, done.err) == (
        2,
        "charloom: --baselines and --mix contradict each other; give one of them.\n",
    )
