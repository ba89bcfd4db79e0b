"""The findings of a small model, compared with the library and with other modules."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from hostile import LABELS

import charloom
from charloom.errors import SettingsError, SourceError
from charloom.evaluation.training_texts import iter_texts, recover_corpus
from charloom.model import Model
from charloom.report.analyze import (
    DIVERSITY_SAMPLES,
    MAX_LENGTH,
    MEMORISATION_SAMPLES,
    MIN_LENGTH,
    TEMPERATURES,
    analyze,
    sample_at_temperatures,
    sample_length,
)
from charloom.report.findings import Findings
from charloom.report.page import render_model_page
from charloom.settings import SamplingSettings


@pytest.fixture(scope="module")
def model(run: Path) -> Model:
    return Model.load(run)


def test_evaluation_is_that_of_the_held_out_texts(findings: Findings, model: Model) -> None:
    held_out = list(iter_texts(recover_corpus(model.record).validation))
    assert findings.evaluation.documents == len(held_out) > 0
    # With one boundary a text.
    assert findings.evaluation.characters == sum(map(len, held_out)) + len(held_out)
    reached = model.record.metrics["bits_per_character"]
    assert findings.evaluation.bits_per_character == pytest.approx(reached, rel=1e-6)
    assert findings.model["reached"] == model.record.metrics


def test_labels_are_predicted_for_every_held_out_text(findings: Findings) -> None:
    assert findings.classification is not None
    assert set(findings.classification.labels) == set(LABELS)
    assert findings.classification.counts_CC.sum() == findings.evaluation.documents


def test_numbers_of_samples_are_those_of_the_constants(findings: Findings) -> None:
    assert findings.memorisation.samples.texts == MEMORISATION_SAMPLES
    *sampled, held_out = findings.diversity
    assert {row.texts for row in sampled} == {DIVERSITY_SAMPLES}
    assert held_out.temperature is None


def test_chosen_texts_come_first_and_are_not_cleaned_for_a_model_of_uncleaned_texts(
    findings: Findings,
) -> None:
    chosen = [text for text in findings.surprise if text.given]
    assert list(findings.surprise[: len(chosen)]) == chosen
    assert ["".join(symbol for symbol, _ in text.symbols[:-1]) for text in chosen] == [
        *("</b><script>1</script>", "naïve\ttext")
    ]


def test_stages_are_announced_in_order(run: Path) -> None:
    stages: list[str] = []
    analyze(Model.load(run), on_progress=stages.append)
    assert stages == [
        "reading the training texts",
        "scoring held-out texts",
        "generating texts and searching for copies",
        "computing baselines",
    ]


def test_blank_text_is_refused(run: Path) -> None:
    with pytest.raises(SettingsError) as error:
        analyze(Model.load(run), chosen=["a", " \n"])
    assert str(error.value) == '--text is " \\n"; it must not be blank.'


def test_samples_are_those_of_the_generator(findings: Findings, model: Model) -> None:
    assert [samples.label for samples in findings.samples] == list(model.record.labels)
    length = sample_length(findings.evaluation)
    for samples in findings.samples:
        assert tuple(samples.texts) == TEMPERATURES
        for temperature, texts in samples.texts.items():
            settings = SamplingSettings(
                seed=0, length=length, temperature=temperature, label=samples.label
            )
            generated = model.generator.generate("", settings, n=len(texts))
            assert [text.text for text in generated] == list(texts)
            assert len(texts) == (2 if temperature else 1)


def test_one_label_has_twice_as_many_samples(model: Model) -> None:
    [samples] = sample_at_temperatures(model, SamplingSettings(length=5), max_labels=1)
    assert {temperature: len(texts) for temperature, texts in samples.texts.items()} == {
        temperature: 4 if temperature else 1 for temperature in TEMPERATURES
    }


@pytest.mark.parametrize(
    ("symbols", "documents", "length"),
    [(10, 10, MIN_LENGTH), (5050, 100, 202), (10**6, 10, MAX_LENGTH)],
)
def test_sample_length_is_four_times_the_mean_within_limits(
    findings: Findings, symbols: int, documents: int, length: int
) -> None:
    evaluation = dataclasses.replace(findings.evaluation, symbols=symbols, documents=documents)
    assert sample_length(evaluation) == length


def test_missing_texts_leave_a_report_without_measurements(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(run, moved)
    record = Model.load(moved).record
    gone = {"sources": ["gone.jsonl"], "validation": None}
    Model(dataclasses.replace(record, provenance={**record.provenance, **gone})).save(
        moved, force=True
    )
    found = analyze(Model.load(moved), chosen=["abc"])
    assert not isinstance(found, Findings)
    assert found.missing is not None
    assert found.missing.startswith(
        "the training texts of this model are no longer where they were; name them with "
        "--training: no file, folder, glob or corpus is named 'gone.jsonl'"
    )
    assert found.samples
    assert len(found.surprise) == 1
    page = render_model_page(found)
    assert "Missing texts" in page
    assert 'id="samples"' in page
    assert 'id="quality"' not in page
    sources = [str(name) for name in record.provenance["sources"]]
    assert isinstance(analyze(Model.load(moved), training=sources), Findings)
    with pytest.raises(SourceError, match="absent"):
        analyze(Model.load(moved), training=["absent"])


def test_a_validation_file_that_moved_is_named(tmp_path: Path) -> None:
    texts, held_out = tmp_path / "x.txt", tmp_path / "v.txt"
    texts.write_text("".join(f"line {n} of a text\n" for n in range(80)), "utf-8")
    held_out.write_text("".join(f"line {n} of another\n" for n in range(20)), "utf-8")
    run = tmp_path / "run"
    charloom.train(texts, output=run, validation=held_out, steps=2, hidden=8)
    new = held_out.rename(tmp_path / "moved.txt")
    missing = analyze(Model.load(run)).missing
    assert missing is not None
    assert missing.startswith(
        "the validation texts of this model are no longer where they were; name them with --valid: "
    )
    found = analyze(Model.load(run), validation=str(new))
    assert isinstance(found, Findings)
    assert found.evaluation.documents == 20
