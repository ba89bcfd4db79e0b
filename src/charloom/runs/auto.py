"""Automatic settings, chosen by corpus, budget and speed of the machine.

The rules come from measurements (docs/experiments.md). Nothing here reads a clock or a text: the
same profile, budget and throughput give the same settings.
"""

import dataclasses
import math
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, Literal

from charloom.settings import NetworkSettings, Optimizer, TrainingSettings, Unit

AUTO_FIELDS: Final = frozenset(
    {
        *("batch_size", "dropout", "hidden", "input", "learning_rate", "precision"),
        *("weight_decay", "window"),
    }
)
"""The settings that are chosen here unless they are explicit."""

HIDDEN_SIZES: Final = (32, 64, 128, 256, 384, 512, 768)
MAX_MEASURED_SIZES: Final = 3
"""Sizes of HIDDEN_SIZES that a binary search measures at most."""
SYMBOLS_PER_WEIGHT: Final = 3.0
"""Symbols that the budget must allow to read, for each weight of the network."""
SYMBOLS_PER_STEP: Final = {"cpu": 2048, "cuda": 16384}
"""Approximate symbols of a minibatch: many keep a GPU busy, few let a CPU take more steps."""
MANY_PASSES: Final = 5.0
MANY_PASSES_FRACTION: Final = 0.65
"""A minibatch has only this fraction of SYMBOLS_PER_STEP where short documents are read more than
MANY_PASSES times: noise in the gradients reduces overfitting."""
MAX_BATCH_SIZE: Final = {"cpu": 256, "cuda": 1024}
MIN_STEPS_PER_EPOCH: Final = 50
"""Minibatches are smaller where an epoch would have fewer steps, but not below 8 sequences."""
SHORT_WINDOW: Final = 64
"""Window of a stream, and of documents longer than LONG_DOCUMENT."""
LONG_DOCUMENT: Final = 256
"""Average symbols of a document."""
EMBEDDING_SIZES: Final = ((40, 32), (1_000, 64), (20_000, 128))
"""Pairs of a vocabulary size and the size of the embedding up to it."""
MAX_EMBEDDING: Final = 256
EMBEDDING_OF_ANY_HIDDEN: Final = 64
"""An embedding larger than this is not larger than the hidden layer."""
FREQUENT_SYMBOLS: Final = 256
"""Symbols whose output weights SYMBOLS_PER_WEIGHT counts: rarer ones have few examples however long
the training, and with all counted, thousands of words would leave 32 hidden units."""
MAX_DROPOUT: Final = 0.7
MANY_WEIGHTS: Final = 3.0
MAX_DROPOUT_MANY_WEIGHTS: Final = 0.8
"""The limit of dropout where a network has more than MANY_WEIGHTS for each training symbol."""
LEARNING_RATES: Final[dict[Optimizer, float]] = {
    "muon": 1.4e-2,
    "adamw": 6e-3,
    "rmsprop": 1e-3,
    "sgd": 0.1,
}
"""Learning rates at the start of the schedule."""
WEIGHT_DECAYS: Final[dict[Optimizer, float]] = {"muon": 0.05, "adamw": 0.01}
OVERFITTING_PASSES: Final = 10.0
"""Passes over the training set from which Muon's decay is larger, against overfitting."""
OVERFITTING_DECAY: Final = 0.08

TRAINED_RATE: Final = 1.8
MIN_TRAINED_RATE: Final = 0.03
MAX_TRAINED_RATE: Final = 0.5
"""The learning rate of a network that is trained already, as a fraction of LEARNING_RATES:
TRAINED_RATE training symbols for each weight, within these limits. Few texts are learned in small
steps, so that the weights stay close to those of the base."""

Throughput = Callable[[NetworkSettings, TrainingSettings], float]
"""Returns the symbols per second at which a network trains with complete settings."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorpusProfile:
    """All that automatic settings depend on, besides budget and throughput."""

    symbols: int
    """Targets of one epoch."""
    documents: int
    vocabulary: int
    unit: Unit
    device: Literal["cpu", "cuda"]
    """Where the network trains; every other device counts as cpu."""
    precisions: Sequence[Literal["fp32", "bf16"]]
    """Precisions that may be the fastest on the device."""
    is_trained: bool = False
    """Whether the network has the weights of a trained model."""

    @property
    def is_long(self) -> bool:
        """Whether documents have more than LONG_DOCUMENT symbols on average.

        A stream is always long.
        """
        return self.unit == "stream" or self.symbols / self.documents > LONG_DOCUMENT

    def sequence_symbols(self, window: int) -> int:
        """Return the average symbols of a sequence in a minibatch."""
        if self.unit == "stream":
            return min(window, self.symbols)
        return min(window, math.ceil(self.symbols / self.documents))


def auto_settings(
    network: NetworkSettings,
    training: TrainingSettings,
    explicit: Collection[str],
    profile: CorpusProfile,
    throughput: Throughput,
) -> tuple[NetworkSettings, TrainingSettings]:
    """Return the settings with all AUTO_FIELDS chosen that are not ``explicit``.

    ``throughput`` is called for a budget in minutes only, since each call takes time. With epochs
    or steps, settings depend on the machine only by ``profile.precisions``.
    """
    open_fields = AUTO_FIELDS - set(explicit)

    def choose(settings: Any, **values: Any) -> Any:
        return dataclasses.replace(
            settings, **{k: v for k, v in values.items() if k in open_fields}
        )

    window = SHORT_WINDOW if profile.is_long else training.window
    training = choose(training, window=window, learning_rate=LEARNING_RATES[training.optimizer])
    symbols = SYMBOLS_PER_STEP[profile.device]
    training = choose(training, batch_size=_batch_size(profile, training.window, symbols))
    network, training, affordable = _largest_affordable(
        network, training, open_fields, profile, throughput
    )
    passes = affordable / profile.symbols
    if passes > MANY_PASSES and not profile.is_long:
        fewer = _batch_size(profile, training.window, MANY_PASSES_FRACTION * symbols)
        training = choose(training, batch_size=fewer)
    training = choose(training, weight_decay=_weight_decay(training, passes))
    weights_per_symbol = weight_count(network, profile.vocabulary) / profile.symbols
    if profile.is_trained:
        fraction = trained_rate(weights_per_symbol)
        training = choose(training, learning_rate=fraction * training.learning_rate)
    dropout = dropout_fraction(passes, weights_per_symbol)
    return choose(network, dropout=dropout), training


def _batch_size(profile: CorpusProfile, window: int, symbols: float) -> int:
    """Return the sequences of a minibatch of about ``symbols`` symbols.

    The number is a multiple of 8, unless there are fewer documents.
    """
    length = profile.sequence_symbols(window)
    size = min(
        symbols / length,
        MAX_BATCH_SIZE[profile.device],
        profile.symbols / length / MIN_STEPS_PER_EPOCH,
    )
    rounded = max(8 * round(size / 8), 8)
    return rounded if profile.unit == "stream" else min(rounded, profile.documents)


def _weight_decay(training: TrainingSettings, passes: float) -> float:
    if training.optimizer == "muon" and passes > OVERFITTING_PASSES:
        return OVERFITTING_DECAY
    return WEIGHT_DECAYS.get(training.optimizer, training.weight_decay)


def embedding_size(vocabulary: int, hidden: int) -> int:
    """Return the embedding size for a vocabulary size and a number of hidden units.

    >>> [embedding_size(symbols, 256) for symbols in (30, 100, 5_000, 50_000)]
    [32, 64, 128, 256]
    >>> [embedding_size(5_000, hidden) for hidden in (32, 64, 128)]
    [64, 64, 128]
    """
    size = next((size for limit, size in EMBEDDING_SIZES if vocabulary <= limit), MAX_EMBEDDING)
    return min(size, max(hidden, EMBEDDING_OF_ANY_HIDDEN))


def trained_rate(weights_per_symbol: float) -> float:
    """Return the learning rate of a trained network as a fraction of the usual one.

    >>> [round(trained_rate(ratio), 3) for ratio in (1, 15, 60, 1000)]
    [0.5, 0.12, 0.03, 0.03]
    """
    return min(max(TRAINED_RATE / weights_per_symbol, MIN_TRAINED_RATE), MAX_TRAINED_RATE)


def dropout_fraction(passes: float, weights_per_symbol: float) -> float:
    """Return the dropout at the start of training.

    ``passes`` are the passes over the training set that the budget allows. Dropout grows with the
    risk of overfitting: with passes, and with weights per training symbol.

    >>> [dropout_fraction(passes, 1) for passes in (0.1, 3, 10, 30, 1000)]
    [0.0, 0.3, 0.65, 0.7, 0.7]
    >>> [dropout_fraction(10, ratio) for ratio in (0.001, 1, 4)]
    [0.0, 0.65, 0.8]
    """
    risk = passes * math.sqrt(weights_per_symbol)
    fraction = 0.66 * math.log10(max(risk / 1.05, 1.0))
    limit = MAX_DROPOUT_MANY_WEIGHTS if weights_per_symbol > MANY_WEIGHTS else MAX_DROPOUT
    return min(round(fraction / 0.05) * 5 / 100, limit)


def _largest_affordable(
    network: NetworkSettings,
    training: TrainingSettings,
    open_fields: Collection[str],
    profile: CorpusProfile,
    throughput: Throughput,
) -> tuple[NetworkSettings, TrainingSettings, float]:
    """Return the largest network that the budget allows.

    The result has its settings and the number of symbols that it will read. An explicit size or
    precision stays; otherwise each size has its fastest precision. The smallest size is the
    fallback.
    """
    sizes = HIDDEN_SIZES if "hidden" in open_fields else (network.hidden,)
    precisions = profile.precisions if "precision" in open_fields else (training.precision,)

    def fastest(hidden: int) -> tuple[NetworkSettings, TrainingSettings, float]:
        candidate = dataclasses.replace(network, hidden=hidden)
        if "input" in open_fields:
            size = embedding_size(profile.vocabulary, hidden)
            candidate = dataclasses.replace(candidate, input=size)
        options = [dataclasses.replace(training, precision=name) for name in precisions]
        symbols = [
            _symbols_within_budget(candidate, option, profile, throughput) for option in options
        ]
        return candidate, options[symbols.index(max(symbols))], max(symbols)

    def required(hidden: int) -> float:
        candidate = dataclasses.replace(network, hidden=hidden)
        symbols = min(profile.vocabulary, FREQUENT_SYMBOLS)
        return SYMBOLS_PER_WEIGHT * weight_count(candidate, symbols)

    # Binary search, since each measurement takes time. A larger network is not faster than the
    # best so far, so it need not be measured where it would have to be.
    best, most_symbols, fits, too_large = None, math.inf, 0, len(sizes)
    while too_large - fits > 1:
        middle = (fits + too_large) // 2
        if most_symbols < required(sizes[middle]):
            too_large = middle
            continue
        measured = fastest(sizes[middle])
        if measured[2] >= required(sizes[middle]):
            best, most_symbols, fits = measured, measured[2], middle
        else:
            too_large = middle
    return best or fastest(sizes[0])


def _symbols_within_budget(
    network: NetworkSettings,
    training: TrainingSettings,
    profile: CorpusProfile,
    throughput: Throughput,
) -> float:
    if training.epochs is not None:
        return float(training.epochs * profile.symbols)
    if training.steps is not None:
        return float(
            training.steps * training.batch_size * profile.sequence_symbols(training.window)
        )
    assert training.minutes is not None
    return 60 * training.minutes * throughput(network, training)


def weight_count(network: NetworkSettings, vocabulary: int) -> int:
    """Return the approximate weights in matrix products: all but the embedding table."""
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[network.cell] * network.hidden
    return network.hidden * (gates * (2 * network.layers - 1) + vocabulary)
