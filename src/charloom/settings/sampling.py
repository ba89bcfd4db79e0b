"""How texts are drawn from a trained network."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TypedDict

from charloom.errors import SettingsError
from charloom.settings.limits import MAX_SEED
from charloom.settings.records import SettingsBase, check_range, matches_type

DEFAULT_TEMPERATURE = 0.8
DEFAULT_TRIES = 20
REPETITION_WINDOW = 256
"""How many of the last symbols the repetition penalty looks at."""
MAX_BEAM = 10_000
"""Side by side, each text takes memory."""


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
class SamplingSettings(SettingsBase):
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
        self._check_combinations()
        if self.temperature is None:
            default = DEFAULT_TEMPERATURE if self.beam is None else 1.0
            object.__setattr__(self, "temperature", default)

    def _check_ranges(self) -> None:
        least = {"temperature": 0, "length": 1, "min_length": 0, "top_k": 1, "min_p": 0}
        least |= {"repetition_span": 1, "tries": 1, "beam": 1, "length_penalty": 0}
        most = {"min_p": 1, "repetition_span": REPETITION_WINDOW, "beam": MAX_BEAM}
        for name, low in least.items():
            if (value := getattr(self, name)) is not None:
                check_range(name.replace("_", "-"), value, low=low, high=most.get(name, math.inf))
        check_range("seed", self.seed, low=0, high=MAX_SEED)
        if self.top_p is not None:
            check_range("top-p", self.top_p, low=0, high=1, open_low=True)
        if self.repetition_penalty is not None:
            check_range("repetition-penalty", self.repetition_penalty, low=0, open_low=True)
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

    def _check_combinations(self) -> None:
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
            self._refuse_ineffective(drawing, "with beam, which draws nothing at random")
            if self.temperature not in (None, 1):
                raise SettingsError(
                    f"beam and temperature {self.temperature} contradict each other: "
                    "a beam search draws nothing at random; give one of them."
                )
            if self.unique or self.tries is not None:
                self._refuse_ineffective(
                    ("unique", "tries"), "with beam, whose texts are all different"
                )
        if self.temperature == 0:
            self._refuse_ineffective(chance, "at temperature 0, which always takes the best symbol")
        if self.repetition_penalty is None:
            self._refuse_ineffective(("repetition_span",), "without repetition-penalty")
        if self.beam is None:
            self._refuse_ineffective(("length_penalty",), "without beam")
        if not (self.novel or self.unique):
            self._refuse_ineffective(("tries",), "without novel or unique")

    def _refuse_ineffective(self, names: tuple[str, ...], where: str) -> None:
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
        if not matches_type(n, int) or n < 1:
            raise SettingsError(f"n is {n!r}; it must be a whole number of at least 1.")
        if n > MAX_SEED:
            raise SettingsError(f"n is {n}; it must be at most {MAX_SEED}.")
        if self.seed + n - 1 > MAX_SEED:
            raise SettingsError(
                f"seed is {self.seed}, and each of {n} texts takes the next one; "
                f"it must be at most {MAX_SEED - n + 1}."
            )
        return range(self.seed, self.seed + n)
