"""An outlier detector of texts with scikit-learn's interface.

Axis: D texts.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from charloom.api import train
from charloom.data.cache import temporary_cache
from charloom.errors import CorpusError, SettingsError
from charloom.evaluation.calibration import FALSE_ALARMS, MIN_TEXTS, Calibration
from charloom.evaluation.score_lines import BitsThreshold, Threshold
from charloom.events import Event, Stopped
from charloom.model import Model
from charloom.runs.plan import Plan
from charloom.settings import Cell, Level
from charloom.sklearn.texts import read_texts
from charloom.text.cleaning import clean_document
from charloom.text.documents import Document

Floats = NDArray[np.float64]
Measure = Literal["bits_per_character", "surprise"]

_PASSED_ON: Final = ("cell", "hidden", "layers", "level", "minutes", "epochs", "steps", "base")
"""Parameters that are arguments of ``charloom.train``."""
_REFUSED: Final = (
    "sources",
    "texts",
    "column",
    "extend",
    "output",
    "force",
    "resume",
    "checkpoint_seconds",
    "log",
    "on_start",
)
"""Arguments of ``charloom.train`` that an estimator has no use for."""
_WITHOUT_SAMPLES: Final[Mapping[str, Any]] = MappingProxyType({"temperatures": (), "index": False})
"""Settings unless others are given: scores need neither samples nor an index of the texts."""


class LineScorer(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Detect texts that are improbable under a model trained on typical ones.

    Args:
        cell: ``"lstm"``, ``"gru"`` or ``"rnn"``. Parameters up to ``base`` are arguments of
            ``charloom.train``; None leaves one out.
        hidden: Units of each layer.
        layers: Number of stacked layers.
        level: ``"char"``, ``"byte"``, ``"grapheme"``, ``"word"`` or ``"closed-word"``.
        minutes: Minutes of each ``fit``; 2 without any budget.
        epochs: Passes over the training texts, instead of ``minutes``.
        steps: Optimizer steps, instead of ``minutes``.
        base: A model, or its folder, whose weights training starts from.
        measure: ``"bits_per_character"``, or ``"surprise"``: standard deviations above the mean
            of usual texts of the same length, which needs about a thousand texts.
        contamination: The fraction of the texts of ``fit`` that are outliers, above 0 and at most
            0.5. ``"auto"``: the limit that 1 % of the held-out texts exceed.
        random_state: The seed of training: a number, a ``RandomState`` to draw it from, or None
            for NumPy's global one.
        train_options: More arguments of ``charloom.train`` by name, such as
            ``{"dropout": 0.2}``. Those of sources and of the model folder are refused.

    Attributes:
        model_: The ``charloom.Model``, also to generate or to save.
        offset_: The limit: ``decision_function`` is ``score_samples`` minus ``offset_``.
        calibration_: With ``measure="surprise"``, the mean and variance by length; else None.
        n_features_in_: 1 after a table or an array of one column, else missing.
        feature_names_in_: The name of the column of a table.

    Texts are a list, an array, a column of pandas or polars, or one column of two dimensions.
    ``fit`` sets a fraction of them aside for validation, as every training does. It leaves neither
    a model folder nor ids in the cache behind. Equal numbers of ``random_state`` give equal
    results on a CPU with ``epochs`` or ``steps``.

    Every method raises a subclass of CharloomError for a mistake that a user can correct. Before
    ``fit``, methods that need a trained model raise scikit-learn's NotFittedError.
    """

    def __init__(
        self,
        *,
        cell: Cell | None = None,
        hidden: int | None = None,
        layers: int | None = None,
        level: Level | None = None,
        minutes: float | None = None,
        epochs: int | None = None,
        steps: int | None = None,
        base: Model | str | Path | None = None,
        measure: Measure = "bits_per_character",
        contamination: float | Literal["auto"] = "auto",
        random_state: int | np.random.RandomState | None = 0,
        train_options: Mapping[str, Any] | None = None,
    ) -> None:
        # scikit-learn clones an estimator by its parameters, so they are kept as they were given.
        self.cell = cell
        self.hidden = hidden
        self.layers = layers
        self.level = level
        self.minutes = minutes
        self.epochs = epochs
        self.steps = steps
        self.base = base
        self.measure = measure
        self.contamination = contamination
        self.random_state = random_state
        self.train_options = train_options

    def fit(self, X: Any, y: object = None) -> Self:
        """Train a model on texts and find the limit of outliers; ``y`` is ignored.

        The first Ctrl-C ends training after the current step and raises KeyboardInterrupt, so that
        a grid search ends too.
        """
        self._check_parameters()
        texts = read_texts(self, X, reset=True)
        options = self._options()
        held_out: list[str] = []
        reasons: list[str] = []

        def keep_held_out(plan: Plan) -> None:
            dataset = plan.corpus.validation
            held_out.extend(map(dataset.text, range(len(dataset))))
            if self.measure == "surprise" and sum(map(_count_lines, held_out)) < MIN_TEXTS:
                raise _too_few(held_out)

        def keep_reason(event: Event) -> None:
            if isinstance(event, Stopped):
                reasons.append(event.reason)

        listeners = [*options.pop("listeners", ()), keep_reason]
        with temporary_cache():
            model = train(texts=texts, on_start=keep_held_out, listeners=listeners, **options)
        if reasons != ["budget"]:
            raise KeyboardInterrupt
        self.model_ = model
        self.calibration_ = self._calibration(held_out)
        self.offset_ = self._offset(texts, held_out)
        return self

    def score_samples(self, X: Any) -> Floats:
        """Return the score of each text, (D,): the higher, the more usual.

        It is minus the bits per character, or minus the surprise; see ``measure``.
        """
        check_is_fitted(self)
        return self._scores(read_texts(self, X))

    def decision_function(self, X: Any) -> Floats:
        """Return ``score_samples`` minus ``offset_``, (D,): negative for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Return -1 for each outlier and 1 for each other text, (D,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def score(self, X: Any, y: object = None) -> float:
        """Return minus the bits per character of all texts together; ``y`` is ignored.

        A grid search without ``scoring`` finds the parameters with the highest one.
        """
        check_is_fitted(self)
        return -self.model_.bits_per_character(read_texts(self, X))

    def __sklearn_tags__(self) -> Tags:
        """Return scikit-learn's tags: texts, one-dimensional, exact unless timed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.non_deterministic = self.epochs is None and self.steps is None
        return tags

    def _check_parameters(self) -> None:
        measures = ("bits_per_character", "surprise")
        if self.measure not in measures:
            raise SettingsError(
                f"measure is {self.measure!r:.80}; allowed: {' or '.join(measures)}."
            )
        is_number = isinstance(self.contamination, numbers.Real)
        if self.contamination != "auto" and not (is_number and 0 < self.contamination <= 0.5):
            raise SettingsError(
                f"contamination is {self.contamination!r:.80}; allowed: auto, or a number above 0 "
                "and at most 0.5."
            )
        if not isinstance(self.train_options, Mapping | None):
            raise SettingsError(
                f"train_options is {self.train_options!r:.80}; it must be a dictionary of "
                "arguments of charloom.train, such as {'dropout': 0.2}."
            )

    def _options(self) -> dict[str, Any]:
        """Return arguments of ``charloom.train``."""
        given = dict(self.train_options or {})
        for name in given:
            if not isinstance(name, str):
                raise SettingsError(
                    f"train_options has {name!r:.80}; its keys are names of arguments of "
                    "charloom.train, such as 'dropout'."
                )
            if name in _PASSED_ON or name == "seed":
                parameter = "random_state" if name == "seed" else name
                raise SettingsError(
                    f"train_options has {name!r}, which is the parameter {parameter} of "
                    "LineScorer; set that one."
                )
            if name in _REFUSED:
                raise SettingsError(
                    f"train_options has {name!r}, but fit trains on X and without a model folder; "
                    "leave it out, and save a folder with model_.save."
                )
        own_values = {name: getattr(self, name) for name in _PASSED_ON}
        own = {name: value for name, value in own_values.items() if value is not None}
        return {**_WITHOUT_SAMPLES, **given, **own, "seed": _seed(self.random_state)}

    def _calibration(self, held_out: list[str]) -> Calibration | None:
        if self.measure == "bits_per_character":
            return None
        record = self.model_.record.calibration
        if record is None:
            raise _too_few(held_out)
        return Calibration.from_json(record)

    def _offset(self, texts: list[str], held_out: list[str]) -> float:
        if self.contamination != "auto":
            return float(np.quantile(self._scores(texts), self.contamination))
        if self.calibration_ is not None:
            return -self.calibration_.limit
        return float(np.quantile(self._scores(held_out), FALSE_ALARMS))

    def _scores(self, texts: list[str]) -> Floats:
        threshold: Threshold = self.calibration_ or BitsThreshold(np.inf)
        cleaning = self.model_.record.text
        documents = (Document(text=clean_document(text, cleaning)) for text in texts)
        scores = list(self.model_.scorer.score(documents))
        bits_D = np.array([score.bits for score in scores])
        characters_D = np.array([score.characters for score in scores], dtype=np.float64)
        return -threshold.surprise(bits_D, characters_D)


def _seed(random_state: int | np.random.RandomState | None) -> int:
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31))


def _count_lines(text: str) -> int:
    return sum(map(bool, text.split("\n")))


def _too_few(held_out: list[str]) -> CorpusError:
    return CorpusError(
        f"measure is surprise, and {sum(map(_count_lines, held_out))} lines are held out to "
        f"calibrate it; at least {MIN_TEXTS} are needed; give more texts, a larger valid_fraction "
        "in train_options, or use measure='bits_per_character'."
    )
