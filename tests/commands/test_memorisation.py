"""``charloom memorisation`` with planted copies."""

import json
import re
from pathlib import Path

import pytest
from command_line import Charloom

import charloom as library

LINES = [f"line {k} of a story that no other line tells, {k * k}" for k in range(80)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memorisation")
    (folder / "lines.txt").write_text("\n".join(LINES), "utf-8")
    library.train(
        folder / "lines.txt", output=folder / "run", steps=3, hidden=8, device="cpu", seed=1
    )
    return folder


def test_planted_copies_are_found(charloom: Charloom, trained: Path) -> None:
    known = [line for line in LINES if line not in held_out(trained)]
    planted = [known[3], f"so {known[7][5:30]} and no more", "zzz"]
    (trained / "samples.txt").write_text("\n".join(planted), "utf-8")
    done = charloom("memorisation", trained / "run", "--samples", trained / "samples.txt", "--json")
    assert (done.code, done.err) == (0, "")
    [found] = done.records
    samples = found["samples"]
    assert samples["texts"] == 3
    assert samples["whole"] == samples["within"] == pytest.approx(1 / 3)
    whole, part, none = samples["spans"]
    assert known[whole["document"]] == whole["text"] == known[3]
    assert known[7][5:30] in part["text"]
    assert none is None
    assert found["held_out"]["texts"] == 3
    assert found["difference"]["whole"] == pytest.approx(1 / 3)


def held_out(trained: Path) -> set[str]:
    from charloom.evaluation.training_texts import iter_texts, recover_corpus

    return set(iter_texts(recover_corpus(library.load(trained / "run").record).validation))


def test_the_table_shows_the_origin_of_a_copy(charloom: Charloom, trained: Path) -> None:
    known = [line for line in LINES if line not in held_out(trained)]
    (trained / "one.txt").write_text(f"x{known[5]}", "utf-8")
    arguments = ("memorisation", trained / "run", "--samples", trained / "one.txt")
    out = charloom(*arguments).out
    assert re.search(r"^a training document, whole +0.0% +0.0%$", out, re.MULTILINE)
    assert out.endswith(
        f"\n{len(known[5])} characters of sample 1 are in document 6, from character 1 on:\n"
        f'  "{known[5]}"\n'
    )
    assert "are in document" not in charloom(*arguments, "--show", 0).out


def test_samples_are_generated_unless_given(charloom: Charloom, trained: Path) -> None:
    options = ("-n", 20, "--length", 30, "--seed", 3, "--temperature", 0.7, "--json")
    [found] = charloom("memorisation", trained / "run", *options).records
    drawn = library.load(trained / "run").generate(n=20, length=30, seed=3, temperature=0.7)
    assert found["samples"]["characters"] == sum(map(len, drawn))


def test_other_training_texts(charloom: Charloom, trained: Path) -> None:
    other = trained / "other.txt"
    other.write_text("\n".join(f"{k} bottles" for k in range(50)), "utf-8")
    options = ("--training", other, "-n", 5, "--json")
    [found] = charloom("memorisation", trained / "run", *options).records
    assert 40 <= found["documents"] < 50


def test_missing_training_texts_are_refused(
    charloom: Charloom, trained: Path, tmp_path: Path
) -> None:
    source, run = tmp_path / "gone.txt", tmp_path / "run"
    source.write_text("\n".join(LINES), "utf-8")
    library.train(source, output=run, steps=1, hidden=4, device="cpu")
    source.unlink()
    done = charloom("memorisation", run)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(
        "charloom: the training texts of this model are no longer where they were; "
        "name them with --training: "
    )


def test_the_library_returns_the_same_figures(charloom: Charloom, trained: Path) -> None:
    model, run = library.load(trained / "run"), trained / "run"
    options = ("-n", 20, "--length", 30, "--seed", 3, "--temperature", 0.7, "--json")
    [figures] = charloom("memorisation", run, *options).records
    found = model.memorisation(20, length=30, seed=3, temperature=0.7)
    assert found.to_json() == figures
    texts = [f" {LINES[3]} ", "z &amp; z"]  # cleaned by both
    (trained / "both.txt").write_text("\n".join(texts), "utf-8")
    [figures] = charloom(
        *("memorisation", run, "--samples", trained / "both.txt", "--json"),
        *("--training", trained / "lines.txt"),
    ).records
    found = model.memorisation(texts=texts, training=trained / "lines.txt")
    assert found.to_json() == figures
    plain = found.to_dict()
    assert plain["samples"]["covered"] == figures["samples"]["covered"]
    assert json.loads(json.dumps(plain)) == plain


@pytest.mark.needs("polars")
def test_the_figures_are_a_table_of_polars(trained: Path) -> None:
    import polars

    found = library.load(trained / "run").memorisation(texts=[LINES[3], "zzz"])
    [row] = polars.DataFrame((found,)).rows(named=True)
    assert row == found.to_dict()


def test_a_model_of_texts_in_memory_names_what_is_missing() -> None:
    model = library.train(texts=LINES, steps=1, hidden=4, device="cpu")
    for measure in (model.memorisation, model.diversity):
        with pytest.raises(library.CorpusError) as error:
            measure()
        assert str(error.value) == (
            "this model does not record its training texts; name them with --training."
        )
        with pytest.raises(library.SettingsError, match="^one string was given"):
            measure(texts="abc", training="facts")
    with pytest.raises(library.SettingsError, match="^n is 0; it must be a whole number"):
        model.memorisation(0, training="facts")
