"""The outlier detector for scikit-learn has the figures of its model and works in its tools."""

import concurrent.futures
import itertools
import pickle
import random
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

import charloom
from charloom.errors import CorpusError, SettingsError, SourceError
from charloom.evaluation.calibration import Calibration
from charloom.evaluation.score_lines import score_lines
from charloom.events import Event, Sample, Step
from charloom.settings import Level
from charloom.sklearn import LineScorer
from charloom.text.documents import Document, to_blocks

OPTIONS: dict[str, Any] = {
    "precision": "fp32",
    "batch_size": 16,
    "input": "one-hot",
    "temperatures": (),
}


def usual_lines(count: int, seed: int = 0) -> list[str]:
    """Return lines of a small grammar, of 9 to 60 characters."""
    draw = random.Random(seed)
    animals, verbs = ("fox", "hen", "goose", "donkey"), ("sees", "hears", "finds")
    parts = [
        f"the {draw.choice(animals)} {draw.choice(verbs)} {draw.randrange(100)}"
        for _ in range(3 * count)
    ]
    return [", ".join(parts[3 * n : 3 * n + draw.randrange(1, 4)]) for n in range(count)]


def unusual_lines(count: int) -> list[str]:
    """Return lines of random letters of the same alphabet."""
    draw = random.Random(1)
    letters = sorted(set("".join(usual_lines(50))))
    return ["".join(draw.choices(letters, k=draw.randrange(15, 50))) for _ in range(count)]


LINES = usual_lines(1200)


def quick(**changes: Any) -> LineScorer:
    parameters: dict[str, Any] = {"hidden": 24, "steps": 90, "train_options": OPTIONS}
    return LineScorer(**(parameters | changes))


@pytest.fixture(scope="module")
def fitted() -> LineScorer:
    return quick(measure="surprise").fit(LINES)


@pytest.fixture(scope="module")
def by_bits() -> LineScorer:
    return quick(contamination=0.03).fit(LINES)


def test_the_model_is_that_of_train(by_bits: LineScorer) -> None:
    expected = charloom.train(texts=LINES, hidden=24, steps=90, seed=0, **OPTIONS)
    for name, tensor in expected.record.tensors.items():
        assert np.array_equal(by_bits.model_.record.tensors[name], tensor), name


def test_scores_are_minus_the_bits_of_the_model(by_bits: LineScorer) -> None:
    texts = [*LINES[:40], "the &amp; fox", "", *unusual_lines(5)]
    assert by_bits.score_samples(texts).tolist() == [-bits for bits in by_bits.model_.score(texts)]
    assert by_bits.score(texts) == -by_bits.model_.bits_per_character(texts)
    assert by_bits.calibration_ is None


def test_a_contamination_is_the_fraction_of_the_training_texts(by_bits: LineScorer) -> None:
    scores = np.sort([-bits for bits in by_bits.model_.score(LINES)])
    assert by_bits.offset_ == pytest.approx(np.quantile(scores, 0.03), rel=1e-12)
    assert abs(int((by_bits.predict(LINES) == -1).sum()) - 36) <= LINES.count(LINES[0])


def test_outliers_have_scores_below_the_offset(by_bits: LineScorer) -> None:
    texts = [*LINES[:200], *unusual_lines(20)]
    scores, predicted = by_bits.score_samples(texts), by_bits.predict(texts)
    assert np.array_equal(by_bits.decision_function(texts), scores - by_bits.offset_)
    assert predicted.tolist() == [-1 if score < by_bits.offset_ else 1 for score in scores.tolist()]
    assert set(predicted.tolist()) == {-1, 1}


def test_by_default_one_percent_of_the_held_out_texts_is_above_the_limit() -> None:
    held_out = usual_lines(300, seed=8)
    options = OPTIONS | {"validation_texts": held_out}
    scorer = quick(steps=20, train_options=options).fit(LINES)
    bits = sorted(scorer.model_.score(held_out))
    assert scorer.offset_ == pytest.approx(-np.quantile(bits, 0.99), rel=1e-6)
    assert bits[-1] > bits[0]


def test_surprise_is_that_of_the_calibration(fitted: LineScorer) -> None:
    texts = [*LINES[:20], *unusual_lines(5)]
    record = fitted.model_.record.calibration
    assert record is not None
    (a, b), (c, d) = record["mean"], record["variance"]
    for text, score in zip(texts, fitted.score_samples(texts), strict=True):
        characters = len(text) + 1
        bits = fitted.model_.score([text])[0] * characters
        expected = (bits - a - b * characters) / (c + d * characters) ** 0.5
        assert score == pytest.approx(-expected, rel=1e-6, abs=1e-6)
    assert fitted.offset_ == -record["limit"]


def test_marked_lines_are_those_of_the_command_line(fitted: LineScorer) -> None:
    texts = [*LINES[:300], *unusual_lines(10)]
    record = fitted.model_.record.calibration
    assert record is not None
    blocks = to_blocks(Document(text=text) for text in texts)
    threshold = Calibration.from_json(record)
    marked = [
        line.outlier
        for block in score_lines(fitted.model_.scorer, blocks, threshold=threshold)
        for line in block
    ]
    assert (fitted.predict(texts) == -1).tolist() == marked
    assert set(marked) == {True, False}


def test_outliers_are_found(fitted: LineScorer) -> None:
    """The limit is estimated from 60 held-out lines, so that 1 % may well be 2 % of all lines.

    Of 500 lines at 2 %, 25 or more are above the limit once in 27,000 times.
    """
    assert (fitted.predict(unusual_lines(100)) == -1).all()
    assert (fitted.predict(usual_lines(500, seed=5)) == -1).sum() < 25


def test_a_pipeline_passes_texts_on() -> None:
    shouted = np.array([line.upper() for line in LINES[:300]], dtype=object)

    def lower(texts: NDArray[np.object_]) -> NDArray[np.object_]:
        return np.array([text.lower() for text in texts.ravel()], dtype=object)

    scorer = quick(steps=5)
    pipeline = make_pipeline(FunctionTransformer(lower), clone(scorer)).fit(shouted)
    assert np.array_equal(
        pipeline.score_samples(shouted), scorer.fit(LINES[:300]).score_samples(LINES[:300])
    )
    table = np.stack([np.arange(300).astype(object), shouted], axis=1)
    choose = ColumnTransformer([("text", FunctionTransformer(), [1])])
    chosen = make_pipeline(choose, FunctionTransformer(lower), clone(scorer)).fit(table)
    assert np.array_equal(chosen.decision_function(table), pipeline.decision_function(shouted))
    pipeline.set_params(linescorer__hidden=7).fit(shouted)
    assert pipeline[-1].model_.record.network.hidden == 7


def test_a_grid_search_finds_the_parameters_with_the_fewest_bits() -> None:
    lines, folds = LINES[:150], KFold(3)
    search = GridSearchCV(quick(), {"steps": [1, 30], "hidden": [4, 16]}, cv=folds).fit(lines)
    means = {}
    for steps, hidden in itertools.product((1, 30), (4, 16)):
        figures = []
        for train, test in folds.split(lines):
            texts = [lines[n] for n in train]
            model = charloom.train(texts=texts, hidden=hidden, steps=steps, **OPTIONS)
            figures.append(model.bits_per_character([lines[n] for n in test]))
        means[steps, hidden] = sum(figures) / 3
    best = min(means, key=means.__getitem__)
    assert (search.best_params_["steps"], search.best_params_["hidden"]) == best
    assert search.best_score_ == pytest.approx(-means[best], rel=1e-9)
    assert search.best_estimator_.score(lines) > -max(means.values())


def test_labelled_texts_measure_it_by_any_metric() -> None:
    texts = [line for pair in zip(LINES[:90], unusual_lines(90), strict=True) for line in pair]
    normal = np.array([1, 0] * 90)
    scorer = quick(base=quick().fit(LINES).model_, hidden=None, steps=1)
    scorer.set_params(train_options={"precision": "fp32", "learning_rate": 1e-9})
    figures = cross_val_score(scorer, texts, normal, scoring="roc_auc", cv=3)
    assert figures.min() > 0.99  # the weights of the base know usual lines only
    scores = scorer.fit(texts).score_samples(texts)
    assert roc_auc_score(normal, scores) == pytest.approx(1, abs=0.01)


def test_it_is_cloned_by_its_parameters_and_pickled_with_its_model(by_bits: LineScorer) -> None:
    other = clone(by_bits)
    assert other.get_params() == by_bits.get_params()
    assert not hasattr(other, "model_")
    again = pickle.loads(pickle.dumps(by_bits))
    assert np.array_equal(again.decision_function(LINES[:9]), by_bits.decision_function(LINES[:9]))
    assert repr(clone(quick(train_options=None))) == "LineScorer(hidden=24, steps=90)"


@pytest.mark.parametrize("method", ["score_samples", "decision_function", "predict", "score"])
def test_before_fit_it_is_not_fitted(method: str) -> None:
    with pytest.raises(NotFittedError, match="^This LineScorer instance is not fitted yet"):
        getattr(quick(), method)(LINES)


def test_a_model_has_neither_samples_nor_an_index_unless_they_are_wanted() -> None:
    events: list[Event] = []
    options: dict[str, Any] = {"listeners": [events.append]}
    scorer = LineScorer(hidden=4, steps=1, train_options=options).fit(LINES[:50])
    assert scorer.model_.record.document_index is None
    assert events and not any(isinstance(event, Sample) for event in events)
    options |= {"index": True, "temperatures": (0.0,)}
    index = scorer.fit(LINES[:50]).model_.record.document_index
    assert index is not None and any(line in index for line in LINES[:50])
    assert [event.temperature for event in events if isinstance(event, Sample)] == [0.0]


@pytest.mark.parametrize("level", ["char", "word"])
def test_nothing_is_left_behind(
    level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, temporary = tmp_path / "cache", tmp_path / "temporary"
    cache.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("CHARLOOM_CACHE", str(cache))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.chdir(tmp_path)
    options = OPTIONS | {"min_count": 2}  # rare words have a store of their own
    scorer = quick(steps=2, level=level, train_options=options).fit(LINES[:100])
    assert scorer.model_.record.vocabulary.level == level
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["cache", "temporary"]


def test_a_number_is_the_seed_and_a_random_state_draws_it() -> None:
    def seed(random_state: Any) -> int:
        scorer = quick(steps=1, random_state=random_state).fit(LINES[:50])
        number: int = scorer.model_.record.training.seed
        return number

    assert (seed(0), seed(np.int64(7))) == (0, 7)
    state = np.random.RandomState(3)
    drawn = [seed(state), seed(state)]
    assert drawn[0] != drawn[1]  # equal once in 2**31
    assert drawn[0] == seed(np.random.RandomState(3))
    with pytest.raises(ValueError, match="cannot be used to seed"):
        seed("three")


def test_ctrl_c_ends_a_grid_search_and_leaves_it_unfitted() -> None:
    def press(event: Event) -> None:
        if isinstance(event, Step):
            signal.raise_signal(signal.SIGINT)

    options = OPTIONS | {"listeners": [press]}
    scorer = quick(steps=10_000, train_options=options)
    with pytest.raises(KeyboardInterrupt):
        scorer.fit(LINES)
    assert not hasattr(scorer, "model_")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_threads_fit_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLOOM_CACHE", str(tmp_path))
    barrier = threading.Barrier(2, timeout=60)
    options = OPTIONS | {"on_read": lambda *_: barrier.wait()}
    scorers = [quick(steps=3, train_options=options) for _ in range(2)]
    parts = [LINES[:100], LINES[100:200]]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        fitted = list(pool.map(lambda scorer, part: scorer.fit(part), scorers, parts))
    for scorer, part in zip(fitted, parts, strict=True):
        alone = quick(steps=3).fit(part)
        assert np.array_equal(scorer.score_samples(LINES[:9]), alone.score_samples(LINES[:9]))
    assert list(tmp_path.rglob("*")) == []


def test_the_tags_are_those_of_texts() -> None:
    tags = get_tags(quick())
    assert tags.estimator_type == "outlier_detector"
    assert (tags.input_tags.string, tags.input_tags.two_d_array) == (True, False)
    assert tags.input_tags.one_d_array
    assert not tags.non_deterministic
    assert not get_tags(LineScorer(epochs=2)).non_deterministic
    assert get_tags(LineScorer(minutes=1)).non_deterministic


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"measure": "bits"}, "measure is 'bits'; allowed: bits_per_character or surprise."),
        (
            {"contamination": 0.7},
            "contamination is 0.7; allowed: auto, or a number above 0 and at most 0.5.",
        ),
        (
            {"contamination": "some"},
            "contamination is 'some'; allowed: auto, or a number above 0 and at most 0.5.",
        ),
        (
            {"train_options": 3},
            "train_options is 3; it must be a dictionary of arguments of charloom.train, such as "
            "{'dropout': 0.2}.",
        ),
        (
            {"train_options": {3: "hidden"}},
            "train_options has 3; its keys are names of arguments of charloom.train, such as "
            "'dropout'.",
        ),
        (
            {"train_options": {"hidden": 3}},
            "train_options has 'hidden', which is the parameter hidden of LineScorer; set that "
            "one.",
        ),
        (
            {"train_options": {"seed": 3}},
            "train_options has 'seed', which is the parameter random_state of LineScorer; set that "
            "one.",
        ),
        (
            {"train_options": {"output": "runs/x"}},
            "train_options has 'output', but fit trains on X and without a model folder; leave it "
            "out, and save a folder with model_.save.",
        ),
        ({"hidden": 0}, "hidden is 0; it must be a number of at least 1."),
        ({"epochs": 3}, "epochs and steps are both given; give one of them."),
    ],
)
def test_wrong_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        quick(**parameters).fit(LINES)
    assert str(error.value) == message


def test_an_option_that_train_does_not_know_is_refused() -> None:
    with pytest.raises(SettingsError, match="^there is no option 'hiden'; there are: "):
        quick(train_options={"hiden": 3}).fit(LINES)


def test_surprise_needs_texts_to_calibrate_it() -> None:
    def never(event: Event) -> None:
        pytest.fail("a step was taken")

    options = OPTIONS | {"listeners": [never]}
    with pytest.raises(CorpusError) as error:
        quick(measure="surprise", train_options=options).fit(usual_lines(400))
    assert str(error.value) == (
        "measure is surprise, and 20 lines are held out to calibrate it; at least 50 are needed; "
        "give more texts, a larger valid_fraction in train_options, or use "
        "measure='bits_per_character'."
    )


def test_texts_of_each_method_are_checked(by_bits: LineScorer) -> None:
    for method in (by_bits.score_samples, by_bits.predict, by_bits.score, clone(by_bits).fit):
        with pytest.raises(SourceError) as error:
            method(["a", None])
        assert str(error.value) == (
            "X[1] is None; a text is needed: leave such items out, or convert them with str()."
        )
