"""Settings that follow from the text, the budget and the speed of the machine.

What a user leaves open is decided here, by rules that were measured (docs/experiments.md). Nothing
here reads a clock or a text: the same facts give the same settings.
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
"""The settings that are decided here, unless they are given."""

HIDDEN_SIZES: Final = (32, 64, 128, 256, 384, 512, 768)
"""Hidden units to choose from."""
SYMBOLS_PER_WEIGHT: Final = 4.0
"""How often the budget must let a network read so many symbols as it has weights."""
SYMBOLS_PER_STEP: Final = {"cpu": 2048, "cuda": 16384}
"""About how many symbols a step reads: more let a GPU work, fewer let a CPU take more steps."""
MANY_PASSES: Final = 5.0
MANY_PASSES_FRACTION: Final = 0.65
"""Where short texts are read more than OFTEN times, a step reads only this share of STEP_SYMBOLS:
noise in the gradients keeps the network from learning them by heart."""
MAX_BATCH_SIZE: Final = {"cpu": 256, "cuda": 1024}
MIN_STEPS_PER_EPOCH: Final = 50
"""Steps that an epoch has at least, for a text that is not tiny: minibatches get smaller before."""
SHORT_WINDOW: Final = 64
"""Symbols between two truncations for texts that are longer than LONG_TEXT."""
LONG_DOCUMENT: Final = 256
EMBEDDING_SIZES: Final = ((40, 32), (1_000, 64), (20_000, 128))
"""Up to so many symbols, an embedding of this size."""
MAX_EMBEDDING: Final = 256
MAX_DROPOUT: Final = 0.7
LEARNING_RATES: Final[dict[Optimizer, float]] = {
    "muon": 1.4e-2,
    "adamw": 6e-3,
    "rmsprop": 1e-3,
    "sgd": 0.1,
}
"""The highest learning rates."""
WEIGHT_DECAYS: Final[dict[Optimizer, float]] = {"muon": 0.08, "adamw": 0.01}
"""Weight decay, of optimizers that have it."""

Throughput = Callable[[NetworkSettings, TrainingSettings], float]
"""Symbols a second of a network in training, as settings without anything open say."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorpusProfile:
    """What is known before a network is chosen."""

    symbols: int
    """Targets in one epoch."""
    documents: int
    vocabulary: int
    unit: Unit
    device: Literal["cpu", "cuda"]
    """What the network will learn on; other devices than CUDA's count as cpu."""
    precisions: Sequence[Literal["fp32", "bf16"]]
    """Those that may be the fastest there."""

    @property
    def is_long(self) -> bool:
        """Whether texts are read in windows, side by side."""
        return self.unit == "stream" or self.symbols / self.documents > LONG_DOCUMENT

    def sequence_symbols(self, window: int) -> int:
        """Return how many symbols of a text a step reads, on average."""
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
    """Return the settings with all that is not ``given`` decided.

    ``speed`` is asked only with a budget of minutes: with epochs or steps, the settings do not
    depend on the machine (but for ``precision``, on what its processor offers).
    """
    open_fields = AUTO_FIELDS - set(explicit)

    def changed(settings: Any, **values: Any) -> Any:
        return dataclasses.replace(
            settings, **{k: v for k, v in values.items() if k in open_fields}
        )

    window = SHORT_WINDOW if profile.is_long else training.window
    training = changed(training, window=window, learning_rate=LEARNING_RATES[training.optimizer])
    decay = WEIGHT_DECAYS.get(training.optimizer, training.weight_decay)
    wanted = SYMBOLS_PER_STEP[profile.device]
    training = changed(
        training, batch_size=_batch_size(profile, training.window, wanted), weight_decay=decay
    )
    network = changed(network, input=embedding_size(profile.vocabulary))
    network, training, read = _largest_affordable(
        network, training, open_fields, profile, throughput
    )
    passes = read / profile.symbols
    if passes > MANY_PASSES and not profile.is_long:
        fewer = _batch_size(profile, training.window, MANY_PASSES_FRACTION * wanted)
        training = changed(training, batch_size=fewer)
    dropout = dropout_fraction(passes, weight_count(network, profile.vocabulary) / profile.symbols)
    return changed(network, dropout=dropout), training


def _batch_size(profile: CorpusProfile, window: int, symbols: float) -> int:
    """Return how many texts, or lanes of a stream, a step reads for about so many symbols."""
    length = profile.sequence_symbols(window)
    # A small text is read in many steps all the same.
    wanted = min(
        symbols / length,
        MAX_BATCH_SIZE[profile.device],
        profile.symbols / length / MIN_STEPS_PER_EPOCH,
    )
    streams = max(8 * round(wanted / 8), 8)
    return streams if profile.unit == "stream" else min(streams, profile.documents)


def embedding_size(vocabulary: int) -> int:
    """Return the size of a learned embedding of so many symbols.

    >>> [embedding(symbols) for symbols in (30, 100, 5_000, 50_000)]
    [32, 64, 128, 256]
    """
    return next((size for most, size in EMBEDDING_SIZES if vocabulary <= most), MAX_EMBEDDING)


def dropout_fraction(passes: float, weights_per_symbol: float) -> float:
    """Return the share of values to drop at first, for so many passes over the text.

    More is dropped the easier it is to learn the text by heart: by reading it often, and with many
    weights for each of its symbols.

    >>> [dropout(passes, 1) for passes in (0.1, 3, 10, 30, 1000)]
    [0.0, 0.3, 0.65, 0.7, 0.7]
    >>> [dropout(10, ratio) for ratio in (0.001, 1, 4)]
    [0.0, 0.65, 0.7]
    """
    memorisation = passes * math.sqrt(weights_per_symbol)
    fraction = 0.66 * math.log10(max(memorisation / 1.05, 1.0))
    return min(round(fraction / 0.05) * 5 / 100, MAX_DROPOUT)


def _largest_affordable(
    network: NetworkSettings,
    training: TrainingSettings,
    open_fields: Collection[str],
    profile: CorpusProfile,
    throughput: Throughput,
) -> tuple[NetworkSettings, TrainingSettings, float]:
    """Return the largest network that the budget suffices for, and the symbols that it will read.

    If the size is given, it is that one; the precision is the faster one, if it is open.
    """
    sizes = HIDDEN_SIZES if "hidden" in open_fields else (network.hidden,)
    precisions = profile.precisions if "precision" in open_fields else (training.precision,)

    def sized(hidden: int) -> tuple[NetworkSettings, TrainingSettings, float]:
        candidate = dataclasses.replace(network, hidden=hidden)
        options = [dataclasses.replace(training, precision=name) for name in precisions]
        reads = [
            _symbols_within_budget(candidate, option, profile, throughput) for option in options
        ]
        return candidate, options[reads.index(max(reads))], max(reads)

    # The smallest one will do in any case; few sizes are asked for, since each takes time.
    best, fits, too_large = None, 0, len(sizes)
    while too_large - fits > 1:
        middle = (fits + too_large) // 2
        own, option, read = sized(sizes[middle])
        if read >= SYMBOLS_PER_WEIGHT * weight_count(own, profile.vocabulary):
            best, fits = (own, option, read), middle
        else:
            too_large = middle
    return best or sized(sizes[0])


def _symbols_within_budget(
    network: NetworkSettings,
    training: TrainingSettings,
    profile: CorpusProfile,
    throughput: Throughput,
) -> float:
    """Return how many symbols are read within the budget."""
    if training.epochs is not None:
        return float(training.epochs * profile.symbols)
    if training.steps is not None:
        return float(
            training.steps * training.batch_size * profile.sequence_symbols(training.window)
        )
    assert training.minutes is not None
    return 60 * training.minutes * throughput(network, training)


def weight_count(network: NetworkSettings, vocabulary: int) -> int:
    """Return about how many weights a step multiplies: all but the table that symbols look up."""
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[network.cell] * network.hidden
    return network.hidden * (gates * (2 * network.layers - 1) + vocabulary)
