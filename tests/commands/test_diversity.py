"""``charloom diversity``: a row for each temperature, and one of held-out texts."""

import json
from pathlib import Path

import pytest
from command_line import Charloom

import charloom as library
from charloom.evaluation.diversity import distinct_ngram_fraction

LINES = [f"line {k} of a story that no other line tells, {k * k}" for k in range(80)]
SAMPLING = ("-n", 4, "--length", 20)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diversity")
    (folder / "lines.txt").write_text("\n".join(LINES), "utf-8")
    library.train(
        folder / "lines.txt", output=folder / "run", steps=3, hidden=8, device="cpu", seed=1
    )
    return folder / "run"


def test_texts_are_sampled_at_ten_temperatures(charloom: Charloom, run: Path) -> None:
    done = charloom("diversity", run, *SAMPLING, "--json")
    assert (done.code, done.err) == (0, "")
    [rows] = done.records
    assert [row["temperature"] for row in rows] == [
        *(0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.3, 1.5, 1.8, None)
    ]
    drawn = library.load(run).generate(n=4, length=20, temperature=1.3)
    assert rows[7]["mean_length"] == sum(map(len, drawn)) / 4


def test_the_seed_is_that_of_the_first_text(charloom: Charloom, run: Path) -> None:
    [default] = charloom("diversity", run, *SAMPLING, "--json").records
    [zero] = charloom("diversity", run, *SAMPLING, "--seed", 0, "--json").records
    assert zero == default
    [rows] = charloom("diversity", run, *SAMPLING, "--seed", 5, "--json").records
    drawn = library.load(run).generate(n=4, length=20, temperature=1.5, seed=5)
    assert rows[8]["mean_length"] == sum(map(len, drawn)) / 4


def test_the_table_has_the_figures_of_the_json(charloom: Charloom, run: Path) -> None:
    [rows] = charloom("diversity", run, *SAMPLING, "--json").records
    header, *lines = charloom("diversity", run, *SAMPLING).out.splitlines()
    grams = list(rows[0]["distinct"])
    names = [f"distinct {n}-grams" for n in grams]
    columns = ["temperature", "length", "bits/char", "ended", *names, "copied", "whole"]
    assert header.split() == " ".join(columns).split()
    assert len(lines) == len(rows) == 11
    for line, row in zip(lines, rows, strict=True):
        name = "held out" if row["temperature"] is None else str(row["temperature"])
        assert line.strip().startswith(f"{name} ")
        assert f" {row['mean_length']:.1f} " in line
        assert f" {row['bits_per_character']:.3f} " in line
        assert f" {row['distinct'][grams[0]]:.1%} " in line


def test_held_out_texts_are_those_of_other_training_texts(
    charloom: Charloom, run: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("\n".join(f"{k:08} bottles" for k in range(50)), "utf-8")
    [rows] = charloom("diversity", run, *SAMPLING, "--training", other, "--json").records
    assert rows[-1]["mean_length"] == len("00000000 bottles")


def test_missing_training_texts_are_refused(charloom: Charloom, tmp_path: Path) -> None:
    source, run = tmp_path / "gone.txt", tmp_path / "run"
    source.write_text("\n".join(LINES), "utf-8")
    library.train(source, output=run, steps=1, hidden=4, device="cpu")
    source.unlink()
    done = charloom("diversity", run)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(
        "charloom: the training texts of this model are no longer where they were; "
        "name them with --training: "
    )


def test_the_library_returns_the_same_figures(charloom: Charloom, run: Path) -> None:
    [rows] = charloom("diversity", run, *SAMPLING, "--seed", 5, "--json").records
    found = library.load(run).diversity(4, length=20, seed=5)
    assert json.loads(json.dumps([row.to_dict() for row in found])) == rows


def test_existing_texts_have_a_row_beside_held_out_texts(run: Path) -> None:
    model = library.load(run)
    texts = ["abab", "line 7 of a story that no other line tells, 49"]
    own, held_out = model.diversity(texts=texts)
    assert (own.texts, own.mean_length, own.temperature, own.ended) == (2, 25, None, None)
    assert held_out.texts == 2
    bits = sum(score.bits for score in model.score(texts, details=True))
    assert own.bits_per_character == pytest.approx(bits / 52)
    # ab, ba of the first text; the second is cut, so that both rows have as many characters.
    size = min(50, round(2 * held_out.mean_length))
    assert own.distinct["2"] == distinct_ngram_fraction(texts, 2, size)
    for wrong, message in (
        ({"texts": []}, "there is no text to measure; give at least one."),
        ({"n": 0}, "n is 0; it must be a whole number of at least 1."),
    ):
        with pytest.raises(library.CharloomError) as error:
            model.diversity(**wrong)
        assert str(error.value) == message


@pytest.mark.needs("polars")
def test_the_rows_are_a_table_of_polars(run: Path) -> None:
    import polars

    rows = library.load(run).diversity(4, length=20)
    frame = polars.DataFrame(rows)
    assert frame.rows(named=True) == [row.to_dict() for row in rows]
