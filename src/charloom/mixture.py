"""Mixtures of models: probabilities are weighted sums of those of several models."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.evaluation.evaluate import evaluate
from charloom.evaluation.mixture_scorer import MixtureScorer
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.generation.generator import Generator
from charloom.generation.mixture_decoder import MixtureEngine
from charloom.model import Model
from charloom.model_folder.document_index import DocumentIndex
from charloom.model_folder.format import ModelRecord
from charloom.network.engine import Engine
from charloom.network.mixture import Component
from charloom.records import Record
from charloom.settings.records import matches_type
from charloom.text.documents import Block, keep_labels
from charloom.text.vocabulary import UNK, Vocabulary

MIN_WEIGHT: Final = 1e-9
"""Smallest weight, as a fraction of the largest one."""


def mix(models: Sequence[Model | str | Path], weights: Sequence[float] | None = None) -> "Mixture":
    """Return a model whose probabilities are weighted sums of those of ``models``.

    Args:
        models: Two or more models, or their folders, of one level.
        weights: A number above 0 for each model, divided by their sum; equal ones if left out.

    Symbols are matched by their spelling; a model gives probability 0 to one that it lacks. Texts
    are cleaned as those of the first model. A label is that of all models that have it.

    Raises SettingsError for fewer than two models, for other weights, and for models that cannot be
    mixed; ModelFolderError for a folder that is missing or damaged.
    """
    if isinstance(models, str | Path | Model | Mapping) or len(models := list(models)) < 2:
        raise SettingsError("a mixture needs at least two models; give a list of them.")
    for model in models:
        if not isinstance(model, str | Path | Model):
            raise SettingsError(f"{model!r:.80} cannot be mixed; give models, or their folders.")
    loaded = [model if isinstance(model, Model) else Model.load(model) for model in models]
    return Mixture(loaded, [1.0] * len(loaded) if weights is None else weights)


def _refuse(name: str) -> Any:
    """Return a method that raises SettingsError: only a single model can do this."""

    def method(self: "Mixture", *arguments: Any, **options: Any) -> NoReturn:
        raise SettingsError(
            f"a mixture has no {name}; call that of one of its models, such as mixture.models[0]."
        )

    return method


class Mixture(Model):
    """A mixture of models, with those methods of a model that need no network."""

    def __init__(self, models: Sequence[Model], weights: Sequence[float]) -> None:
        self.models = tuple(models)
        """The models; the first one's settings clean the texts."""
        self.weights = _normalize(weights, len(self.models))
        """Their weights, of sum 1."""
        _check_models(self.models)
        super().__init__(_mixture_record(self.models, self.weights))

    def __repr__(self) -> str:
        parts = [
            f"{weight:.3g} of {model!r}"
            for weight, model in zip(self.weights, self.models, strict=True)
        ]
        return f"<charloom.Mixture: {', '.join(parts)}>"

    save = _refuse("save")
    export = _refuse("export")
    report = _refuse("report")
    states = _refuse("states")
    vectors = _refuse("vectors")
    similar = _refuse("similar")
    _repr_html_: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Return models and weights: a pickle, or a copy, is small and made at any time."""
        return super().__getstate__() | {"models": self.models, "weights": self.weights}

    @cached_property
    def generator(self) -> Generator:
        """The generator behind ``generate``."""
        engines = [Engine(model.record.network, model.record.tensors) for model in self.models]
        return Generator(
            MixtureEngine(components=self._components, engines=engines),
            self.record.vocabulary,
            self.record.labels,
            endless=self.models[0].record.is_one_stream,
        )

    @cached_property
    def scorer(self) -> Scorer:
        """The scorer behind ``score``."""
        scorers = [
            SymbolScorer(model.record.network, model.record.tensors) for model in self.models
        ]
        return Scorer(
            MixtureScorer(self._components, scorers), self.record.vocabulary, self.record.labels
        )

    def measure_parts(
        self, blocks: Sequence[Block], names: Sequence[str]
    ) -> tuple["MixturePart", ...]:
        """Return how well each model, with its name in ``names``, predicts texts alone."""
        parts = []
        for name, weight, model in zip(names, self.weights, self.models, strict=True):
            known = keep_labels(blocks, model.record.labels)
            alone = evaluate(model.scorer.score_blocks(known))
            parts.append(
                MixturePart(
                    model=name,
                    weight=weight,
                    bits_per_character=alone.bits_per_character,
                    unknown=alone.unknown,
                )
            )
        return tuple(parts)

    @cached_property
    def _components(self) -> list[Component]:
        return [
            Component(
                weight=weight,
                ids_V=_own_ids(self.record.vocabulary, model.record.vocabulary),
                labels_C=_own_labels(self.record.labels, model.record.labels),
            )
            for model, weight in zip(self.models, self.weights, strict=True)
        ]


@dataclasses.dataclass(frozen=True, kw_only=True)
class MixturePart(Record):
    """A model of a mixture, and how well it predicts texts alone."""

    model: str
    weight: float
    bits_per_character: float
    unknown: int
    """Symbols that the model does not know. Each is scored as ``<unk>``, which costs little."""


def _normalize(weights: Sequence[float], models: int) -> tuple[float, ...]:
    """Return weights divided by their sum; raises SettingsError for wrong ones."""
    if not hasattr(weights, "__len__") or len(weights) != models:
        raise SettingsError(
            f"weights are {weights!r:.80} for {models} models; give a list of one for each."
        )
    plain = [weight.item() if isinstance(weight, np.generic) else weight for weight in weights]
    for weight in plain:
        if not matches_type(weight, float) or not 0 < weight < math.inf:
            raise SettingsError(f"a weight is {weight!r}; it must be a finite number above 0.")
    for weight in plain:
        if weight < MIN_WEIGHT * max(plain):
            raise SettingsError(
                f"a weight is {weight!r}, which is nothing beside {max(plain)!r}; leave that model "
                "out."
            )
    scaled = [weight / max(plain) for weight in plain]
    return tuple(weight / math.fsum(scaled) for weight in scaled)


def _check_models(models: Sequence[Model]) -> None:
    """Raise SettingsError for models that cannot be mixed."""
    first = models[0].record
    for model in models:
        if isinstance(model, Mixture):
            raise SettingsError("a mixture cannot be mixed again; give its models and weights.")
        other = model.record
        if other.vocabulary.level != first.vocabulary.level:
            raise SettingsError(
                f"models of level {first.vocabulary.level} and {other.vocabulary.level} cannot be "
                "mixed, since symbols are matched by their spelling; give models of one level."
            )
        if other.vocabulary.token_pattern != first.vocabulary.token_pattern:
            raise SettingsError(
                "models of different token patterns cannot be mixed, since symbols are matched by "
                "their spelling; give models of one pattern."
            )
        if other.is_one_stream != first.is_one_stream:
            raise SettingsError(
                "a model of one stream, whose texts have no end, cannot be mixed with one of "
                "documents; give models of one kind."
            )


def _mixture_record(models: Sequence[Model], weights: Sequence[float]) -> ModelRecord:
    """Return the record of the first model, with the symbols and labels of all."""
    records = [model.record for model in models]
    indexes = [record.document_index for record in records if record.document_index is not None]
    # So that ``novel`` names the right reason if one of the models has no index.
    is_indexed = all(record.training.index for record in records)
    return dataclasses.replace(
        records[0],
        training=dataclasses.replace(records[0].training, index=is_indexed),
        vocabulary=Vocabulary.union([record.vocabulary for record in records]),
        labels=tuple(dict.fromkeys(label for record in records for label in record.labels)),
        tensors={},
        metrics={},
        provenance={"weights": list(weights)},
        calibration=None,
        document_index=DocumentIndex.union(indexes) if len(indexes) == len(records) else None,
    )


def _own_ids(mixture: Vocabulary, own: Vocabulary) -> NDArray[np.int64]:
    """Return a model's own id of each symbol of the mixture.

    It is that of ``<unk>`` for a symbol that the model lacks.
    """
    special = range(UNK + 1)
    others = (own.ids.get(symbol, UNK) for symbol in mixture.symbols[UNK + 1 :])
    return np.array([*special, *others], np.int64)


def _own_labels(mixture: Sequence[str], own: Sequence[str]) -> NDArray[np.int64]:
    """Return a model's own id of each label of the mixture; -1 for one that it lacks."""
    ids = {label: index for index, label in enumerate(own)}
    return np.array([ids.get(label, -1) for label in mixture], np.int64)
