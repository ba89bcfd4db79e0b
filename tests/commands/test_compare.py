import re
from pathlib import Path

import pytest
from command_line import Charloom

from charloom.runs.compare import Comparison, RunInterrupted

LINES = [f"line {k} of a story, {k * k}" for k in range(60)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES), "utf-8")
    return path


def test_the_table_lists_the_best_network_first(
    charloom: Charloom, source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "c"
    options = ("--cell", "rnn,gru", "--layers", "1,2", "--hidden", 4, "--steps", 3, "-o", folder)
    done = charloom("compare", source, *options, "--test", source)
    assert done.code == 0
    header, *rows = done.out.splitlines()
    assert re.split("  +", header.strip()) == [
        *("parameters", "validation", "test", "above training"),
        *("learned/s", "written/s", "best at"),
    ]
    names = [row.split()[0] for row in rows]
    assert sorted(names) == sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert set(names) == {
        f"{cell}-{layers}-4-units" for cell in ("rnn", "gru") for layers in ("1-layer", "2-layers")
    }
    figures = [float(row.split()[2]) for row in rows]
    assert figures == sorted(figures)
    assert "rnn-1-layer-4-units, 1 of 4" in done.err
    assert "gru-2-layers-4-units, 4 of 4" in done.err
    [records] = charloom("compare", source, *options, "--test", source, "--json").records
    assert [one["name"] for one in records] == names
    assert [f"{one['validation']:.4f}" for one in records] == [row.split()[2] for row in rows]
    for record in records:
        [told] = charloom("evaluate", folder / record["name"], source, "--json").records
        assert record["test"] == pytest.approx(told["bits_per_character"], rel=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--hidden", "64,many"),
            "hidden is '64,many'; allowed: whole numbers with commas between, such as 64,128.",
        ),
        (
            ("--storage", "sqlite://"),
            "--storage was given without --search; add that.",
        ),
        (("--layers", "0"), "layers is 0; it must be a number of at least 1."),
        (
            ("--cell", ","),
            "an empty list cannot be compared; give one or more of cell, layers, hidden, each with "
            "its values.",
        ),
    ],
)
def test_wrong_options_are_refused_and_leave_no_folder(
    charloom: Charloom, source: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    done = charloom("compare", source, "-o", tmp_path / "c", *options)
    assert (done.code, done.out, done.err) == (2, "", f"charloom: {message}\n")
    assert not (tmp_path / "c").exists()


@pytest.mark.needs("optuna")
def test_a_search_is_resumed_with_the_same_command(
    charloom: Charloom, source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "c"
    options = ("--cell", "rnn,gru", "--hidden", "3,4", "--steps", 3, "-o", folder)
    first = charloom("compare", source, *options, "--search", 2)
    assert first.code == 0
    header, *rows = first.out.splitlines()
    assert re.split("  +", header.strip())[-2:] == ["rate", "dropout"]
    assert len(rows) == 2
    more = charloom("compare", source, *options, "--search", 3, "--json")
    [records] = more.records
    assert sorted(one["name"][:3] for one in records) == ["001", "002", "003"]
    assert "3 of 3" in more.err
    assert "2 of 3" not in more.err
    figures = [one["validation"] for one in records]
    assert figures == sorted(figures)
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {
        one["name"] for one in records
    }
    other = charloom("compare", source, *options, "--search", 3, "--dropout", 0.1)
    assert other.code == 2
    assert "was started with" in other.err


def test_an_interruption_ends_with_130_and_says_how_to_resume(
    charloom: Charloom, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise RunInterrupted

    monkeypatch.setattr(Comparison, "run", interrupted)
    done = charloom("compare", source, "--steps", 3, "-o", tmp_path / "c")
    assert (done.code, done.out) == (130, "")
    assert done.err.splitlines()[-1] == (
        "charloom: everything is saved; the same compare command resumes this run."
    )
