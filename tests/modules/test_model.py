"""A model cleans texts, calls its generator and scorer, and is the same after loading."""

import concurrent.futures
import copy
import dataclasses
import math
import multiprocessing
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from displays import Page, check_is_safe
from networks import make_vocabulary, random_tensors
from records import record

import charloom
from charloom.data.sources import Document
from charloom.errors import (
    CorpusError,
    LabelError,
    ModelFolderError,
    OutputError,
    SamplingError,
    SettingsError,
)
from charloom.model import Model
from charloom.model_folder.format import ModelRecord
from charloom.settings import (
    NetworkSettings,
    SamplingOptions,
    SamplingSettings,
    TextSettings,
    TrainingSettings,
)

LETTERS = "abcdefgh '"
NETWORK = NetworkSettings(cell="gru", hidden=6, layers=2, input=3)


def model(text: TextSettings | None = None) -> Model:
    return Model(
        ModelRecord(
            text=text or TextSettings(),
            network=NETWORK,
            training=TrainingSettings(steps=1),
            vocabulary=make_vocabulary(LETTERS),
            labels=("x", "y"),
            tensors=random_tensors(NETWORK, len(LETTERS) + 2, labels=2, seed=4, scale=0.7),
        )
    )


def test_texts_are_those_of_the_generator() -> None:
    settings = SamplingSettings(temperature=1.1, seed=3, length=9, label="y", stop=("ab", "h"))
    drawn = model().generator.generate("abc", settings, 5)
    texts = model().generate(
        "abc", n=5, temperature=1.1, seed=3, length=9, label="y", stop=["ab", "h"]
    )
    assert texts == [one.text for one in drawn]
    assert len(set(texts)) > 1


def test_by_default_one_text_from_an_empty_prompt() -> None:
    expected = model().generator.generate("", SamplingSettings())[0].text
    assert model().generate() == [expected]
    assert "".join(model().stream()) == expected


def test_a_stream_is_the_text_without_its_prompt() -> None:
    (text,) = model().generate("ab", temperature=1.0, seed=8, length=60, stop="gg", label="x")
    pieces = model().stream("ab", temperature=1.0, seed=8, length=60, stop="gg", label="x")
    assert "ab" + "".join(pieces) == text


def test_one_stop_string_need_not_be_in_a_list() -> None:
    settings = SamplingSettings(temperature=1.0, stop=("ab",), seed=2)
    expected = [one.text for one in model().generator.generate("", settings, 20)]
    assert model().generate(n=20, temperature=1.0, stop="ab", seed=2) == expected


def test_prompts_are_cleaned_as_the_record_says() -> None:
    clean, raw = model(), model(TextSettings(clean=False))
    assert clean.generate("a &#39;", length=1)[0].startswith("a '")
    assert raw.generate("a &#39;", length=1)[0].startswith("a &#39;")
    assert clean.next("a&#39;") == raw.next("a'") != raw.next("a&#39;")
    assert list(clean.stream("a&#39;")) == list(raw.stream("a'"))


def test_scored_texts_are_cleaned_as_the_record_says() -> None:
    clean, raw = model(), model(TextSettings(clean=False))
    assert clean.score([" a&#39; ", "b"]) == raw.score(["a'", "b"])
    assert clean.score([" a&#39; "]) != raw.score([" a&#39; "])


def test_scores_are_bits_per_character() -> None:
    texts = ["abc", "hhhh hh", ""]
    scores = list(model().scorer.score(Document(text=text) for text in texts))
    assert model().score(texts) == [score.bits / score.characters for score in scores]
    total = sum(score.bits for score in scores) / sum(score.characters for score in scores)
    assert model().bits_per_character(texts) == pytest.approx(total, rel=1e-12)
    assert model().score([]) == []


def test_next_depends_on_the_label() -> None:
    assert sum(probability for _, probability in model().next("ab")) < 1
    assert model().next("ab", label="x") != model().next("ab", label="y")


def test_the_generator_and_the_scorer_are_built_once() -> None:
    one = model()
    assert one.generator is one.generator
    assert one.scorer is one.scorer


def test_a_saved_and_loaded_model_is_the_same(tmp_path: Path) -> None:
    one, path = model(), tmp_path / "model"
    one.save(path)
    other = Model.load(path)
    assert other.record.labels == one.record.labels
    assert other.next("abc", "y") == one.next("abc", "y")
    assert other.generate("a", n=3, seed=5) == one.generate("a", n=3, seed=5)
    assert other.score(["abc"]) == one.score(["abc"])
    for key, tensor in one.record.tensors.items():
        assert np.array_equal(other.record.tensors[key], tensor)


def test_a_model_is_only_replaced_by_force(tmp_path: Path) -> None:
    path = tmp_path / "model"
    model().save(str(path))
    with pytest.raises(OutputError, match="already holds a model"):
        model().save(path)
    changed = Model(dataclasses.replace(model().record, labels=("u", "v")))
    changed.save(path, force=True)
    assert Model.load(str(path)).record.labels == ("u", "v")


def test_invalid_arguments_are_refused() -> None:
    with pytest.raises(SettingsError) as error:
        model().score("one string")
    assert str(error.value) == "one string was given; give a list of texts, such as [text]."
    with pytest.raises(SettingsError, match="temperature is -1"):
        model().generate(temperature=-1)
    with pytest.raises(SettingsError, match="n is 0; it must be a whole number of at least 1"):
        model().generate(n=0)
    with pytest.raises(LabelError, match="known labels: x, y"):
        model().stream(label="z")
    with pytest.raises(CorpusError, match="no document to evaluate"):
        model().bits_per_character([])


def test_a_prompt_that_is_no_text_is_refused() -> None:
    for call in (model().generate, model().stream, model().next):
        with pytest.raises(SettingsError) as error:
            call(5)  # type: ignore[arg-type]
        assert str(error.value) == "prompt is 5; it must be a text."


def test_repr_describes_the_network() -> None:
    assert repr(model()) == "<charloom.Model: GRU, 2 layers of 6, level char, 12 symbols>"
    metrics = {"bits_per_character": 2.34567}
    known = Model(dataclasses.replace(model().record, metrics=metrics))
    assert repr(known).endswith(", 12 symbols, 2.346 bits per character>")


def test_torch_is_never_imported(tmp_path: Path) -> None:
    model().save(tmp_path / "model")
    program = (
        "import sys; from charloom.model import Model; m = Model.load(sys.argv[1]);"
        "print(m.generate('a', length=20)[0], m.score(['ab'])[0]);"
        "assert 'torch' not in sys.modules"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "model")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    (text,) = model().generate("a", length=20)
    assert result.stdout == f"{text} {model().score(['ab'])[0]}\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stop": None}, "stop is None; allowed: a list of texts, such as ['a', 'b']."),
        ({"stop": 3}, "stop is 3; allowed: a list of texts, such as ['a', 'b']."),
        (
            {"topk": 3},
            "there is no option 'topk'; there are: temperature, length, min_length, stop, seed, "
            "label, top_k, top_p, min_p, repetition_penalty, repetition_span, bias, match, "
            "match_by, forbid, forbid_whole_words, forbid_ignore_case, novel, novel_file, unique, "
            "accepted_only, tries, beam, length_penalty.",
        ),
    ],
)
def test_invalid_sampling_options_are_refused(options: Any, message: str) -> None:
    for draw in (model().generate, model().stream):
        with pytest.raises(SettingsError) as caught:
            draw(**options)
        assert str(caught.value) == message


def test_one_string_or_path_is_a_value_of_several(tmp_path: Path) -> None:
    (free,) = model().generate("a", seed=3, length=30)
    path = tmp_path / "listed.txt"
    path.write_text(free, "utf-8")
    for listed in (path, str(path), [path], (str(path), path)):
        assert model().generate("a", seed=3, length=30, novel_file=listed) != [free]
    forbidden = free[2:4]
    for forbid in (forbidden, [forbidden], (forbidden,)):
        (text,) = model().generate("a", seed=3, length=30, forbid=forbid)
        assert forbidden not in text


def test_the_options_are_the_fields_of_the_settings() -> None:
    fields = [field.name for field in dataclasses.fields(SamplingSettings)]
    assert list(SamplingOptions.__annotations__) == fields


def test_options_for_whole_texts_are_refused_for_a_stream() -> None:
    several: list[Any] = [
        {"novel": True},
        {"novel_file": "names.txt"},
        {"unique": True},
        {"beam": 3},
    ]
    for options in several:
        with pytest.raises(SettingsError) as caught:
            model().stream(**options)
        assert str(caught.value) == (
            "beam, novel, novel-file, unique, accepted-only and match-by trial judge whole texts, "
            "which are not streamed; leave them out, or do not stream."
        )


def test_a_model_of_one_stream_writes_texts_of_full_length(tmp_path: Path) -> None:
    text = "so it goes, and so it ends. " * 40
    source = tmp_path / "x.txt"
    source.write_text(text, "utf-8")
    model = charloom.train(source, unit="stream", hidden=8, steps=3, window=16, batch_size=2)
    texts = model.generate(n=200, seed=1, length=40, temperature=2.0)
    assert {len(text) for text in texts} == {40}
    stopped = model.generate(n=20, seed=1, length=400, stop=["s"])
    assert all(len(text) < 400 for text in stopped)
    assert min(map(len, model.generate(n=200, seed=1, length=40, bias={"<eos>": 5}))) < 40


def test_several_prompts_have_n_texts_each() -> None:
    made = model()
    both = made.generate(["ab", "cd"], n=2, seed=5, length=6)
    assert both == made.generate("ab", n=2, seed=5, length=6) + made.generate(
        "cd", n=2, seed=5, length=6
    )
    assert made.generate([]) == []


def test_evaluation_has_the_figures_of_all_texts_and_of_labels() -> None:
    made = model()
    evaluation = made.evaluate(["abc", ("cab fab", "x"), ("bed", None)])
    assert evaluation.documents == 3 and set(evaluation.labels) == {"", "x"}
    assert made.evaluate(["abc", "ab"]).bits_per_character == made.bits_per_character(["abc", "ab"])
    with pytest.raises(LabelError) as error:
        made.evaluate([("abc", "z")])
    assert str(error.value) == "label 'z' is not known to this model; known labels: x, y."
    with pytest.raises(CorpusError):
        made.evaluate([])
    with pytest.raises(SettingsError, match="^one string was given"):
        made.evaluate("abc")


def test_a_model_is_pickled_and_copied_small_after_use() -> None:
    made = model()
    fresh = len(pickle.dumps(made))
    texts, scores = made.generate(n=3, length=9), made.score(["abc"])
    again = pickle.loads(pickle.dumps(made))
    assert (again.generate(n=3, length=9), again.score(["abc"])) == (texts, scores)
    assert len(pickle.dumps(made)) == fresh
    assert copy.deepcopy(made).generate(n=3, length=9) == texts


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_a_used_model_works_in_another_process(method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no start method {method}")
    made = model()
    expected = made.score(["abc", "bad"])
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
        assert pool.submit(made.score, ["abc", "bad"]).result() == expected


def test_threads_share_a_model() -> None:
    made = model()
    expected = [model().generate(seed=seed, length=40) for seed in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda seed: made.generate(seed=seed, length=40), range(8)))
    assert results == expected


def test_the_card_shows_samples_at_once_and_always_the_same() -> None:
    made = model()
    began = time.perf_counter()
    card = made._repr_html_()
    assert time.perf_counter() - began < 1
    check_is_safe(card)
    assert made._repr_html_() == card
    [first, *_] = made.generate(label="x", length=80)
    assert first in "".join(Page(card).texts)


def test_the_card_and_the_history_survive_saving_pickling_and_copying(tmp_path: Path) -> None:
    texts = [f"line {k} of a story" for k in range(40)]
    made = charloom.train(texts=texts, steps=12, hidden=8)
    assert made.history.curves.validation
    made.save(tmp_path / "m")
    loaded = charloom.load(tmp_path / "m")
    loaded.save(tmp_path / "n")
    copies = [pickle.loads(pickle.dumps(made)), copy.deepcopy(made), loaded]
    copies += [charloom.load(tmp_path / "n"), pickle.loads(pickle.dumps(loaded))]
    for other in copies:
        assert other.history == made.history
        assert other._repr_html_() == made._repr_html_()


def test_a_model_works_without_a_history_that_is_damaged_or_gone(tmp_path: Path) -> None:
    model().save(tmp_path / "m")
    (tmp_path / "m" / "metrics.jsonl").write_text("{\n")
    damaged = charloom.load(tmp_path / "m")
    with pytest.raises(ModelFolderError, match=r"metrics\.jsonl is damaged or cannot be read"):
        _ = damaged.history
    check_is_safe(damaged._repr_html_())
    damaged.save(tmp_path / "n")
    assert not (tmp_path / "n" / "metrics.jsonl").exists()
    moved = charloom.load(tmp_path / "n")
    (tmp_path / "n").rename(tmp_path / "elsewhere")
    assert moved.history.events == ()
    check_is_safe(moved._repr_html_())


def test_next_and_evaluate_have_displays() -> None:
    made = model()
    assert made.next("ab") == made.generator.next("ab")
    check_is_safe(made.next("ab")._repr_html_())
    evaluation = made.evaluate(["abc", ("cab fab", "x")])
    check_is_safe(evaluation._repr_html_())
    shown = Page(evaluation._repr_html_()).texts
    assert f"{evaluation.bits_per_character:.4f}" in shown
    assert 'label "x"' in shown
    endless = dataclasses.replace(evaluation, perplexity=math.inf)
    assert ("perplexity", "inf") in endless.rows()


class RejectsAll:
    """A checker that is false itself."""

    def __call__(self, text: str) -> bool:
        return False

    def __len__(self) -> int:
        return 0


def test_a_checker_that_is_false_itself_judges_too() -> None:
    with pytest.raises(SamplingError, match="not accepted"):
        model().generate(n=2, length=6, checker=RejectsAll())


@pytest.mark.parametrize("method", ["score", "evaluate", "classify", "vectors"])
def test_a_list_of_no_texts_is_refused(method: str) -> None:
    with pytest.raises(SettingsError) as caught:
        getattr(Model(record(("x", "y"))), method)([5])
    assert str(caught.value) == "text is 5; it must be a text."
