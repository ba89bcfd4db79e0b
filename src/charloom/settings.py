"""What a user can set: frozen, keyword-only dataclasses, checked at once, with a JSON round trip.

A setting of the wrong kind or out of range raises SettingsError, with what was seen and what is
allowed.
"""

import dataclasses
import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Self, Union, cast, get_args, get_origin, get_type_hints

from charloom.errors import SettingsError

Level = Literal["char", "byte", "grapheme", "word"]
Unit = Literal["line", "document", "stream"]
Cell = Literal["lstm", "gru", "rnn"]
Optimizer = Literal["adamw", "rmsprop", "sgd"]
Schedule = Literal["linear", "constant"]
Precision = Literal["auto", "fp32", "bf16"]

DEFAULT_MINUTES = 2.0
LARGEST_SEED = 2**63 - 1


# What may be given for a kind of field, in words.
_ALLOWED: dict[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a text",
    tuple[str, ...]: "a list of texts, such as ['a', 'b']",
    tuple[float, ...]: "a list of numbers, such as [0.5, 1]",
    int | Literal["one-hot"]: "one-hot, or a size such as 64",
}
# Fields that the command line calls by a shorter or longer name.
_NAMES = {"learning_rate": "lr", "clip": "clip-norm"}


def _fits(value: object, kind: Any) -> bool:
    """Return whether ``value`` is of an annotated kind; True and False are no numbers."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_fits(value, argument) for argument in arguments)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(each, arguments[0]) for each in value)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)


def _allowed(kind: Any) -> str:
    """Return in words what fits an annotated kind; that it may be left out needs no word."""
    if get_origin(kind) is Literal:
        return ", ".join(get_args(kind))
    given = [argument for argument in get_args(kind) if argument is not NoneType]
    return _ALLOWED[kind] if kind in _ALLOWED else _allowed(given[0])


def _number(
    name: str,
    value: float,
    *,
    low: float,
    high: float = math.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Refuse a number that is not finite or not between ``low`` and ``high``."""
    below = value <= low if open_low else value < low
    above = value >= high if open_high else value > high
    # A whole number of any size is finite, and the largest ones are no float.
    if not (isinstance(value, int) or math.isfinite(value)) or below or above:
        least = f"more than {low:g}" if open_low else f"at least {low:g}"
        most = f" and {'less than' if open_high else 'at most'} {high}"
        allowed = least + (most if math.isfinite(high) else "")
        raise SettingsError(f"{name} is {value}; it must be a number of {allowed}.")


class _Record:
    """What the dataclasses below share: each value is of its field's kind, and a JSON round trip.

    A list is taken where a tuple is meant, and becomes one.
    """

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if isinstance(value, list) and get_origin(kind) is tuple:
                value = tuple(value)
                object.__setattr__(self, name, value)
            if not _fits(value, kind):
                spelled = _NAMES.get(name, name.replace("_", "-"))
                raise SettingsError(f"{spelled} is {value!r:.80}; allowed: {_allowed(kind)}.")

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a JSON object."""
        return dataclasses.asdict(cast(Any, self))

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the settings that ``to_json`` gave; raises SettingsError for a name not known."""
        known = {field.name for field in dataclasses.fields(cast(Any, cls))}
        strange = sorted(set(record) - known)
        if strange:
            raise SettingsError(
                f"unknown setting {strange[0]!r}; known: {', '.join(sorted(known))}."
            )
        return cls(**record)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextSettings(_Record):
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
        _number("min-count", self.min_count, low=1)
        _number("valid-fraction", self.valid_fraction, low=0, high=1, open_low=True, open_high=True)
        if self.label_column is not None and self.unit == "stream":
            raise SettingsError(
                "labels were asked for with unit stream; a stream has no documents to label: "
                "use --unit line or --unit document."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkSettings(_Record):
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
    """Share of values dropped between layers and before the output while training."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _number("hidden", self.hidden, low=1)
        _number("layers", self.layers, low=1)
        if self.input != "one-hot":
            _number("input", self.input, low=1)
        _number("dropout", self.dropout, low=0, high=1, open_high=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings(_Record):
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
    learning_rate: float = 6e-3
    """The highest learning rate of the schedule."""
    schedule: Schedule = "linear"
    """``linear``: short warm-up, then down to zero at the end of the budget; or ``constant``."""
    optimizer: Optimizer = "adamw"
    """The rule that turns gradients into steps."""
    weight_decay: float = 0.01
    """Decoupled weight decay of AdamW on the weight matrices."""
    clip: float = 1.0
    """Largest norm of the whole gradient; a larger one is scaled down."""
    seed: int = 0
    """Seed of the split, the first weights, dropout and the order of the data."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...; auto is CUDA where there is one, else cpu."""
    precision: Precision = "auto"
    """Arithmetic of the recurrent layers; auto is bf16 where the processor has it."""
    sample_every: float | None = None
    """Seconds of training between validations with samples, besides the end of every epoch."""
    prompts: tuple[str, ...] = ("",)
    """Prompts of the samples shown while learning."""
    temperatures: tuple[float, ...] = (0.0, 0.5, 1.0)
    """Temperatures of the samples shown while learning; 0 is greedy."""

    def __post_init__(self) -> None:
        super().__post_init__()
        budgets = {"minutes": self.minutes, "epochs": self.epochs, "steps": self.steps}
        given = [name for name, value in budgets.items() if value is not None]
        if len(given) > 1:
            raise SettingsError(f"{' and '.join(given)} are both given; give one of them.")
        if not given:
            object.__setattr__(self, "minutes", DEFAULT_MINUTES)
        if self.minutes is not None:
            _number("minutes", self.minutes, low=0, open_low=True)
        for name in ("epochs", "steps"):
            if budgets[name] is not None:
                _number(name, cast(int, budgets[name]), low=1)
        _number("batch-size", self.batch_size, low=1)
        _number("window", self.window, low=1)
        _number("lr", self.learning_rate, low=0, open_low=True)
        _number("weight-decay", self.weight_decay, low=0)
        _number("clip-norm", self.clip, low=0, open_low=True)
        _number("seed", self.seed, low=0, high=LARGEST_SEED)
        if self.sample_every is not None:
            _number("sample-every", self.sample_every, low=0, open_low=True)
        for temperature in self.temperatures:
            _number("temperature", temperature, low=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SamplingSettings(_Record):
    """How a text is drawn from a trained network."""

    temperature: float = 0.8
    """Logits are divided by it: below 1 safer, above 1 wilder, 0 greedy."""
    length: int = 500
    """The largest number of symbols that are added to the prompt."""
    stop: tuple[str, ...] = ()
    """A text ends before the first of these strings."""
    seed: int = 0
    """Seed of the first text; text ``k`` of a call has ``seed + k``."""
    label: str | None = None
    """The label from which the text is unrolled, for models with labels."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _number("temperature", self.temperature, low=0)
        _number("length", self.length, low=1)
        _number("seed", self.seed, low=0, high=LARGEST_SEED)
        if "" in self.stop:
            raise SettingsError("a stop string is empty; give at least one character.")

    def seeds(self, n: int) -> range:
        """Return the seeds of ``n`` texts; raises SettingsError if there are not so many."""
        if not _fits(n, int) or n < 1:
            raise SettingsError(f"n is {n!r}; it must be a whole number of at least 1.")
        if self.seed + n - 1 > LARGEST_SEED:
            raise SettingsError(
                f"seed is {self.seed}, and each of {n} texts takes the next one; "
                f"it must be at most {LARGEST_SEED - n + 1}."
            )
        return range(self.seed, self.seed + n)
