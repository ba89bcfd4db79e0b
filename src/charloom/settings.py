"""What a user can set: text, network, training, sampling.

A setting of the wrong kind or out of range raises SettingsError, with what was seen and what is
allowed.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict, cast

from charloom.errors import SettingsError
from charloom.fields import Record, fits, number

Level = Literal["char", "byte", "grapheme", "word"]
Unit = Literal["line", "document", "stream"]
Cell = Literal["lstm", "gru", "rnn"]
Optimizer = Literal["muon", "adamw", "rmsprop", "sgd"]
Schedule = Literal["linear", "constant"]
Precision = Literal["auto", "fp32", "bf16"]

DEFAULT_MINUTES = 2.0
DEFAULT_TEMPERATURE = 0.8
DEFAULT_TRIES = 20
REPETITION_WINDOW = 256
"""How many of the last symbols the repetition penalty looks at."""
LARGEST_SEED = 2**63 - 1
LARGEST_BEAM = 10_000
"""Side by side, each text takes memory."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextSettings(Record):
    """How a source becomes documents, and documents become symbols."""

    level: Level = "char"
    """What one symbol is: a code point, a byte of UTF-8, a grapheme cluster, or a word."""
    unit: Unit = "line"
    """What one document is: a line (a row of a table), a whole file; or all is one stream."""
    columns: tuple[str, ...] = ()
    """Columns of a table, by name or by number from 1; several are joined by a space."""
    label_column: str | None = None
    """The column that holds each document's label."""
    header: bool | None = None
    """Whether a csv or tsv file begins with names; None: yes, unless columns are numbers."""
    encoding: str = "utf-8"
    """The encoding of text files."""
    clean: bool = True
    """Repair HTML entities, normalise Unicode (NFC) and line ends, drop control characters."""
    min_count: int = 2
    """Symbols seen less often in the training part become ``<unk>``."""
    valid_fraction: float = 0.05
    """Share of the documents (of a stream: of its end) that is kept for validation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        number("min-count", self.min_count, low=1)
        number("valid-fraction", self.valid_fraction, low=0, high=1, open_low=True, open_high=True)
        if self.label_column is not None and self.unit == "stream":
            raise SettingsError(
                "labels were asked for with unit stream; a stream has no documents to label: "
                "use --unit line or --unit document."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkSettings(Record):
    """The shape of the network."""

    cell: Cell = "lstm"
    """The recurrent cell."""
    hidden: int = 256
    """Units of each layer's hidden state."""
    layers: int = 1
    """How many recurrent layers are stacked."""
    input: int | Literal["one-hot"] = 64
    """``"one-hot"``, or the size of a learned embedding."""
    dropout: float = 0.1
    """Share of values dropped between layers and before the output at the beginning of training;
    it falls to a quarter, unless the schedule is constant."""

    def __post_init__(self) -> None:
        super().__post_init__()
        number("hidden", self.hidden, low=1)
        number("layers", self.layers, low=1)
        if self.input != "one-hot":
            number("input", self.input, low=1)
        number("dropout", self.dropout, low=0, high=1, open_high=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings(Record):
    """How the network learns, for some minutes, epochs or steps; 2 minutes if none is given."""

    minutes: float | None = None
    """Budget in minutes of training time."""
    epochs: int | None = None
    """Budget in passes over the training part."""
    steps: int | None = None
    """Budget in optimizer steps."""
    batch_size: int = 32
    """Documents (of a stream: parallel lanes) in a minibatch."""
    window: int = 256
    """Symbols between two truncations of backpropagation through time."""
    learning_rate: float = 1.4e-2
    """The highest learning rate of the schedule."""
    schedule: Schedule = "linear"
    """``linear``: short warm-up, then down to a fifth at the end of the budget, and dropout to a
    quarter; or ``constant``."""
    optimizer: Optimizer = "muon"
    """The rule that turns gradients into steps; muon is AdamW but for the recurrent layers."""
    weight_decay: float = 0.08
    """Decoupled weight decay of the weight matrices, by Muon and AdamW."""
    average: bool = True
    """Measure, show and keep the average of the weights over the last tenth of the steps."""
    clip: float = 1.0
    """Largest norm of the whole gradient; a larger one is scaled down."""
    seed: int = 0
    """Seed of the split, the first weights, dropout and the order of the data."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...; auto is CUDA where there is one, else cpu."""
    precision: Precision = "auto"
    """What numbers are multiplied as; sums are fp32. auto is bf16 where the processor has it."""
    sample_every: float | None = None
    """Seconds of training between validations with samples, besides the end of every epoch."""
    prompts: tuple[str, ...] = ("",)
    """Prompts of the samples shown while learning."""
    temperatures: tuple[float, ...] = (0.0, 0.5, 1.0)
    """Temperatures of the samples shown while learning; 0 is greedy."""
    index: bool = True
    """Keep hashes of the training documents in the model, so that ``novel`` can tell them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        budgets = {"minutes": self.minutes, "epochs": self.epochs, "steps": self.steps}
        given = [name for name, value in budgets.items() if value is not None]
        if len(given) > 1:
            raise SettingsError(f"{' and '.join(given)} are both given; give one of them.")
        if not given:
            object.__setattr__(self, "minutes", DEFAULT_MINUTES)
        if self.minutes is not None:
            number("minutes", self.minutes, low=0, open_low=True)
        for name in ("epochs", "steps"):
            if budgets[name] is not None:
                number(name, cast(int, budgets[name]), low=1)
        number("batch-size", self.batch_size, low=1)
        number("window", self.window, low=1)
        number("lr", self.learning_rate, low=0, open_low=True)
        number("weight-decay", self.weight_decay, low=0)
        number("clip-norm", self.clip, low=0, open_low=True)
        number("seed", self.seed, low=0, high=LARGEST_SEED)
        if self.sample_every is not None:
            number("sample-every", self.sample_every, low=0, open_low=True)
        for temperature in self.temperatures:
            number("temperature", temperature, low=0)

    @property
    def budget(self) -> str:
        """What ends the run, in words."""
        if self.epochs is not None:
            return f"{self.epochs:,} epoch" + ("s" if self.epochs > 1 else "")
        if self.steps is not None:
            return f"{self.steps:,} step" + ("s" if self.steps > 1 else "")
        return f"{self.minutes:g} minute" + ("s" if self.minutes != 1 else "")


class SamplingOptions(TypedDict, total=False):
    """The fields of SamplingSettings, as options that may be left out."""

    temperature: float
    length: int
    min_length: int
    stop: str | Sequence[str]
    seed: int
    label: str | None
    top_k: int | None
    top_p: float | None
    min_p: float | None
    repetition_penalty: float | None
    repetition_span: int | None
    bias: Mapping[str, float]
    match: str | None
    novel: bool
    unique: bool
    tries: int | None
    beam: int | None
    length_penalty: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class SamplingSettings(Record):
    """How texts are drawn from a trained network.

    What changes the choice of a symbol is applied in this order: repetition penalty, bias, masks
    (never ``<unk>``; ``min_length``; ``match``), temperature, top-k, top-p, min-p.
    """

    temperature: float | None = None
    """Logits are divided by it: below 1 safer, above 1 wilder, 0 greedy; 0.8 if not given."""
    length: int = 500
    """The largest number of symbols that are added to the prompt."""
    min_length: int = 0
    """The smallest number of symbols that are added; a stop string may still end a text sooner."""
    stop: tuple[str, ...] = ()
    """A text ends before the first of these strings."""
    seed: int = 0
    """Seed of the first text; text ``k`` of a call has ``seed + k``."""
    label: str | None = None
    """The label from which the text is unrolled, for models with labels."""
    top_k: int | None = None
    """Only the so many most probable symbols are drawn from; of equals, the lowest ids."""
    top_p: float | None = None
    """Only the fewest most probable symbols that together reach this probability are drawn from."""
    min_p: float | None = None
    """Only symbols of at least this share of the best one's probability are drawn from."""
    repetition_penalty: float | None = None
    """The logit of a repeated symbol is divided by it if positive, multiplied if negative (Keskar
    et al. 2019): above 1 presses repetitions down, below 1 lifts them."""
    repetition_span: int | None = None
    """A symbol is repeated if with the ones before it, so many together, it stands among the last
    256 symbols of prompt and text; 1 if not given for words, else 8."""
    bias: Mapping[str, float] = dataclasses.field(default_factory=dict, hash=False)
    """What is added to the logits of symbols; minus infinity forbids one, ``<eos>`` is the end."""
    match: str | None = None
    """A regular expression that every text matches as a whole, prompt included."""
    novel: bool = False
    """Only texts that do not stand in the training documents."""
    unique: bool = False
    """No text twice in one call."""
    tries: int | None = None
    """With ``novel`` or ``unique``: the most texts drawn for each one asked for; or else 20."""
    beam: int | None = None
    """The width of a beam search for the most probable texts; none is drawn at random."""
    length_penalty: float | None = None
    """With ``beam``: a text's log probability is divided by its symbols to this power (Wu et al.
    2016 have a like one); 1 if not given, which compares means, while 0 favours short texts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "bias", dict(self.bias))
        self._check_ranges()
        self._check_together()
        if self.temperature is None:
            default = DEFAULT_TEMPERATURE if self.beam is None else 1.0
            object.__setattr__(self, "temperature", default)

    def _check_ranges(self) -> None:
        least = {"temperature": 0, "length": 1, "min_length": 0, "top_k": 1, "min_p": 0}
        least |= {"repetition_span": 1, "tries": 1, "beam": 1, "length_penalty": 0}
        most = {"min_p": 1, "repetition_span": REPETITION_WINDOW, "beam": LARGEST_BEAM}
        for name, low in least.items():
            if (value := getattr(self, name)) is not None:
                number(name.replace("_", "-"), value, low=low, high=most.get(name, math.inf))
        number("seed", self.seed, low=0, high=LARGEST_SEED)
        if self.top_p is not None:
            number("top-p", self.top_p, low=0, high=1, open_low=True)
        if self.repetition_penalty is not None:
            number("repetition-penalty", self.repetition_penalty, low=0, open_low=True)
        for symbol, value in self.bias.items():
            if not value < math.inf:
                raise SettingsError(
                    f"the bias of {symbol!r} is {value}; it must be a number, "
                    "or -inf to forbid the symbol."
                )
        if "" in self.stop:
            raise SettingsError("a stop string is empty; give at least one character.")
        if self.match == "":
            raise SettingsError(
                "the expression to match is empty, and only the empty text would match it; "
                "give one such as 'K[a-z]+'."
            )

    def _check_together(self) -> None:
        """Refuse options that contradict each other, and those that would have no effect."""
        if self.min_length > self.length:
            raise SettingsError(
                f"min-length {self.min_length} is more than length {self.length}; "
                "lower one or raise the other."
            )
        if self.match is not None and self.stop:
            raise SettingsError(
                "match and stop contradict each other: a text that is cut matches no more; "
                "give one of them."
            )
        chance = ("top_k", "top_p", "min_p")
        if self.beam is not None:
            drawing = (*chance, "repetition_penalty")
            self._refuse(drawing, "with beam, which draws nothing at random")
            if self.temperature not in (None, 1):
                raise SettingsError(
                    f"beam and temperature {self.temperature} contradict each other: "
                    "a beam search draws nothing at random; give one of them."
                )
            if self.unique or self.tries is not None:
                self._refuse(("unique", "tries"), "with beam, whose texts are all different")
        if self.temperature == 0:
            self._refuse(chance, "at temperature 0, which always takes the best symbol")
        if self.repetition_penalty is None:
            self._refuse(("repetition_span",), "without repetition-penalty")
        if self.beam is None:
            self._refuse(("length_penalty",), "without beam")
        if not (self.novel or self.unique):
            self._refuse(("tries",), "without novel or unique")

    def _refuse(self, names: tuple[str, ...], where: str) -> None:
        """Raise SettingsError for the first of some options that is given."""
        for name in names:
            # A 0 that is given is no False.
            if getattr(self, name) is not None and getattr(self, name) is not False:
                spelled = name.replace("_", "-")
                raise SettingsError(
                    f"{spelled} was given {where}; there it has no effect: leave it out."
                )

    def seeds(self, n: int) -> range:
        """Return the seeds of ``n`` texts; raises SettingsError if there are not so many."""
        if not fits(n, int) or n < 1:
            raise SettingsError(f"n is {n!r}; it must be a whole number of at least 1.")
        if n > LARGEST_SEED:
            raise SettingsError(f"n is {n}; it must be at most {LARGEST_SEED}.")
        if self.seed + n - 1 > LARGEST_SEED:
            raise SettingsError(
                f"seed is {self.seed}, and each of {n} texts takes the next one; "
                f"it must be at most {LARGEST_SEED - n + 1}."
            )
        return range(self.seed, self.seed + n)
