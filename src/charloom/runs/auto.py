"""Settings that follow from the text, the budget and the speed of the machine.

What a user leaves open is decided here, by rules that were measured (docs/experiments.md). Nothing
here reads a clock or a text: the same facts give the same settings.
"""

import dataclasses
import math
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, Literal

from charloom.settings import NetworkSettings, Optimizer, TrainingSettings, Unit

OPEN: Final = frozenset(
    {
        *("batch_size", "dropout", "hidden", "input", "learning_rate", "precision"),
        *("weight_decay", "window"),
    }
)
"""The settings that are decided here, unless they are given."""

SIZES: Final = (32, 64, 128, 256, 384, 512, 768)
"""Hidden units to choose from."""
SYMBOLS_PER_WEIGHT: Final = 4.0
"""How often the budget must let a network read so many symbols as it has weights."""
STEP_SYMBOLS: Final = {"cpu": 2048, "cuda": 16384}
"""About how many symbols a step reads: more let a GPU work, fewer let a CPU take more steps."""
OFTEN: Final = 5.0
FEWER: Final = 0.65
"""Where short texts are read more than OFTEN times, a step reads only this share of STEP_SYMBOLS:
noise in the gradients keeps the network from learning them by heart."""
MOST_STREAMS: Final = {"cpu": 256, "cuda": 1024}
LEAST_STEPS: Final = 50
"""Steps that an epoch has at least, for a text that is not tiny: minibatches get smaller before."""
SHORT_WINDOW: Final = 64
"""Symbols between two truncations for texts that are longer than LONG_TEXT."""
LONG_TEXT: Final = 256
EMBEDDINGS: Final = ((40, 32), (1_000, 64), (20_000, 128))
"""Up to so many symbols, an embedding of this size."""
LARGEST_EMBEDDING: Final = 256
MOST_DROPOUT: Final = 0.7
RATES: Final[dict[Optimizer, float]] = {
    "muon": 1.4e-2,
    "adamw": 6e-3,
    "rmsprop": 1e-3,
    "sgd": 0.1,
}
"""The highest learning rates."""
DECAYS: Final[dict[Optimizer, float]] = {"muon": 0.08, "adamw": 0.01}
"""Weight decay, of optimizers that have it."""

Speed = Callable[[NetworkSettings, TrainingSettings], float]
"""Symbols a second of a network in training, as settings without anything open say."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
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
        return self.unit == "stream" or self.symbols / self.documents > LONG_TEXT

    def length(self, window: int) -> int:
        """Return how many symbols of a text a step reads, on average."""
        if self.unit == "stream":
            return min(window, self.symbols)
        return min(window, math.ceil(self.symbols / self.documents))


def advise(
    network: NetworkSettings,
    training: TrainingSettings,
    given: Collection[str],
    facts: Facts,
    speed: Speed,
) -> tuple[NetworkSettings, TrainingSettings]:
    """Return the settings with all that is not ``given`` decided.

    ``speed`` is asked only with a budget of minutes: with epochs or steps, the settings do not
    depend on the machine (but for ``precision``, on what its processor offers).
    """
    left = OPEN - set(given)

    def changed(settings: Any, **values: Any) -> Any:
        return dataclasses.replace(settings, **{k: v for k, v in values.items() if k in left})

    window = SHORT_WINDOW if facts.is_long else training.window
    training = changed(training, window=window, learning_rate=RATES[training.optimizer])
    decay = DECAYS.get(training.optimizer, training.weight_decay)
    wanted = STEP_SYMBOLS[facts.device]
    training = changed(
        training, batch_size=_streams(facts, training.window, wanted), weight_decay=decay
    )
    network = changed(network, input=embedding(facts.vocabulary))
    network, training, read = _fitting(network, training, left, facts, speed)
    passes = read / facts.symbols
    if passes > OFTEN and not facts.is_long:
        fewer = _streams(facts, training.window, FEWER * wanted)
        training = changed(training, batch_size=fewer)
    share = dropout(passes, weights(network, facts.vocabulary) / facts.symbols)
    return changed(network, dropout=share), training


def _streams(facts: Facts, window: int, symbols: float) -> int:
    """Return how many texts, or lanes of a stream, a step reads for about so many symbols."""
    length = facts.length(window)
    # A small text is read in many steps all the same.
    wanted = min(symbols / length, MOST_STREAMS[facts.device], facts.symbols / length / LEAST_STEPS)
    streams = max(8 * round(wanted / 8), 8)
    return streams if facts.unit == "stream" else min(streams, facts.documents)


def embedding(vocabulary: int) -> int:
    """Return the size of a learned embedding of so many symbols.

    >>> [embedding(symbols) for symbols in (30, 100, 5_000, 50_000)]
    [32, 64, 128, 256]
    """
    return next((size for most, size in EMBEDDINGS if vocabulary <= most), LARGEST_EMBEDDING)


def dropout(passes: float, weights_per_symbol: float) -> float:
    """Return the share of values to drop at first, for so many passes over the text.

    More is dropped the easier it is to learn the text by heart: by reading it often, and with many
    weights for each of its symbols.

    >>> [dropout(passes, 1) for passes in (0.1, 3, 10, 30, 1000)]
    [0.0, 0.3, 0.65, 0.7, 0.7]
    >>> [dropout(10, ratio) for ratio in (0.001, 1, 4)]
    [0.0, 0.65, 0.7]
    """
    ease = passes * math.sqrt(weights_per_symbol)
    share = 0.66 * math.log10(max(ease / 1.05, 1.0))
    return min(round(share / 0.05) * 5 / 100, MOST_DROPOUT)


def _fitting(
    network: NetworkSettings,
    training: TrainingSettings,
    left: Collection[str],
    facts: Facts,
    speed: Speed,
) -> tuple[NetworkSettings, TrainingSettings, float]:
    """Return the largest network that the budget suffices for, and the symbols that it will read.

    If the size is given, it is that one; the precision is the faster one, if it is open.
    """
    sizes = SIZES if "hidden" in left else (network.hidden,)
    precisions = facts.precisions if "precision" in left else (training.precision,)

    def sized(hidden: int) -> tuple[NetworkSettings, TrainingSettings, float]:
        own = dataclasses.replace(network, hidden=hidden)
        options = [dataclasses.replace(training, precision=name) for name in precisions]
        reads = [_symbols_read(own, option, facts, speed) for option in options]
        return own, options[reads.index(max(reads))], max(reads)

    # The smallest one will do in any case; few sizes are asked for, since each takes time.
    best, fits, too_large = None, 0, len(sizes)
    while too_large - fits > 1:
        middle = (fits + too_large) // 2
        own, option, read = sized(sizes[middle])
        if read >= SYMBOLS_PER_WEIGHT * weights(own, facts.vocabulary):
            best, fits = (own, option, read), middle
        else:
            too_large = middle
    return best or sized(sizes[0])


def _symbols_read(
    network: NetworkSettings, training: TrainingSettings, facts: Facts, speed: Speed
) -> float:
    """Return how many symbols are read within the budget."""
    if training.epochs is not None:
        return float(training.epochs * facts.symbols)
    if training.steps is not None:
        return float(training.steps * training.batch_size * facts.length(training.window))
    assert training.minutes is not None
    return 60 * training.minutes * speed(network, training)


def weights(network: NetworkSettings, vocabulary: int) -> int:
    """Return about how many weights a step multiplies: all but the table that symbols look up."""
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[network.cell] * network.hidden
    return network.hidden * (gates * (2 * network.layers - 1) + vocabulary)
