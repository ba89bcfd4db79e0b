"""Settings of sampling: the text generated from a trained network."""

import dataclasses
import math
from collections.abc import Mapping

from charloom.errors import SettingsError
from charloom.settings.declaration import setting
from charloom.settings.label_mixture import Label, normalize_weights
from charloom.settings.limits import MAX_SEED
from charloom.settings.records import SettingsBase, matches_type
from charloom.settings.sampling_options import MatchBy

DEFAULT_LENGTH = 500
DEFAULT_TEMPERATURE = 0.8
DEFAULT_TRIES = 20
DEFAULT_MATCH_TRIES = 1000
"""The same for matches by trial, of which many texts have none."""
REPETITION_WINDOW = 256
"""Symbols before the next one in which the repetition penalty looks for repeated passages."""
MAX_BEAM = 10_000
"""Largest width of a beam search: each text of the beam takes memory."""

_CHOICE, _SHAPE, _NEW, _BEST = "Choice of symbols", "Shape of texts", "New texts", "Best texts"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SamplingSettings(SettingsBase):
    """Settings of sampling: the text generated from a trained network.

    The probabilities of the next symbol are changed in this order: repetition penalty, bias, masks
    (``<unk>`` always; ``min_length``; ``match``; ``forbid``), temperature, top-k, top-p, min-p.
    """

    temperature: float | None = setting(
        None,
        option="--temperature",
        metavar="NUMBER",
        group=_CHOICE,
        default_text=str(DEFAULT_TEMPERATURE),
        min=0,
        help="Divisor of the logits: below 1 more predictable, above 1 more varied, 0 greedy.",
    )
    length: int = setting(
        DEFAULT_LENGTH,
        option="--length",
        metavar="SYMBOLS",
        min=1,
        help="Largest number of symbols added to the prompt.",
    )
    min_length: int = setting(
        0,
        option="--min-length",
        metavar="SYMBOLS",
        group=_SHAPE,
        min=0,
        help="Smallest number of symbols added to the prompt; a stop string may end a text sooner.",
    )
    stop: tuple[str, ...] = setting(
        (),
        option="--stop",
        metavar="TEXT",
        group=_SHAPE,
        help="End a text before this string.",
    )
    seed: int = setting(
        0,
        option="--seed",
        metavar="NUMBER",
        min=0,
        max=MAX_SEED,
        help="Seed of the first text; each further text of a call uses the next number.",
    )
    label: Label = setting(
        None,
        option="--label",
        metavar="LABEL",
        hashed=False,
        help="Label of the text, for a model with labels; or several with weights, such as "
        "France=0.5,Spain=0.5.",
    )
    top_k: int | None = setting(
        None,
        option="--top-k",
        metavar="COUNT",
        group=_CHOICE,
        min=1,
        help="Sample from the k most probable symbols only; ties go to the lower id.",
    )
    top_p: float | None = setting(
        None,
        option="--top-p",
        metavar="PROBABILITY",
        group=_CHOICE,
        above=0,
        max=1,
        help="Sample from the fewest symbols that together have this probability.",
    )
    min_p: float | None = setting(
        None,
        option="--min-p",
        metavar="FRACTION",
        group=_CHOICE,
        min=0,
        max=1,
        help="Sample from symbols with at least this fraction of the highest probability.",
    )
    repetition_penalty: float | None = setting(
        None,
        option="--repetition-penalty",
        metavar="NUMBER",
        group=_CHOICE,
        above=0,
        help="Penalty on symbols that would complete a repeated passage within the last "
        f"{REPETITION_WINDOW} symbols; above 1 suppresses repetition, below 1 encourages it.",
    )
    repetition_span: int | None = setting(
        None,
        option="--repetition-span",
        metavar="SYMBOLS",
        group=_CHOICE,
        default_text="8; words 1",
        min=1,
        max=REPETITION_WINDOW,
        help="Length of a repeated passage, the next symbol included.",
    )
    bias: Mapping[str, float] = setting(
        {},
        option="--bias",
        metavar="SYMBOL=NUMBER",
        group=_CHOICE,
        help="Number added to the logit of a symbol; -inf forbids it, <eos> is the end of a text.",
    )
    match: str | None = setting(
        None,
        option="--match",
        metavar="REGEX",
        group=_SHAPE,
        help="Regular expression that every text, prompt included, matches as a whole.",
    )
    match_by: MatchBy = setting(
        "mask",
        option="--match-by",
        group=_SHAPE,
        help="Mask symbols after which no match can follow, so that every text matches; or leave "
        "out texts that do not match, which keeps their usual length.",
    )
    forbid: tuple[str, ...] = setting(
        (),
        option="--forbid",
        metavar="TEXT",
        group=_SHAPE,
        help="A string that no text, prompt included, holds at any place: symbols that would "
        "complete it are masked.",
    )
    forbid_whole_words: bool = setting(
        False,
        option="--forbid-whole-words",
        group=_SHAPE,
        help="Forbid strings as whole words only: with no letter, digit or underscore before or "
        "after them.",
    )
    forbid_ignore_case: bool = setting(
        False,
        option="--forbid-ignore-case",
        group=_SHAPE,
        help="Forbid strings in upper and lower case alike: both are compared after Unicode's case "
        "folding.",
    )
    novel: bool = setting(
        False,
        option="--novel",
        group=_NEW,
        help="Leave out texts that are documents of the sources, held-out ones included.",
    )
    novel_file: tuple[str, ...] = setting(
        (),
        option="--novel-file",
        metavar="FILE",
        group=_NEW,
        help="Leave out texts that are a whole line of this file, or a row of a table, cleaned "
        "like the sources; a table is read in the columns of the run.",
    )
    unique: bool = setting(False, option="--unique", group=_NEW, help="Leave out repeated texts.")
    accepted_only: bool = setting(
        False,
        option="--accepted-only",
        group=_NEW,
        help="Leave out texts that the checker rejects.",
    )
    tries: int | None = setting(
        None,
        option="--tries",
        metavar="COUNT",
        group=_NEW,
        default_text=f"{DEFAULT_TRIES}, with --match-by trial {DEFAULT_MATCH_TRIES}",
        min=1,
        help="Largest number of texts sampled for each new text.",
    )
    beam: int | None = setting(
        None,
        option="--beam",
        metavar="WIDTH",
        group=_BEST,
        min=1,
        max=MAX_BEAM,
        help="Search for the most probable texts with a beam of this width; nothing is random.",
    )
    length_penalty: float | None = setting(
        None,
        option="--length-penalty",
        metavar="NUMBER",
        group=_BEST,
        default_text="1",
        min=0,
        help="Rank texts by log probability divided by the number of symbols to this power; 0 "
        "favours short texts.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "bias", dict(self.bias))
        if isinstance(self.label, Mapping):
            object.__setattr__(self, "label", normalize_weights(self.label))
        self._check_values()
        self._check_combinations()
        if self.temperature is None:
            default = DEFAULT_TEMPERATURE if self.beam is None else 1.0
            object.__setattr__(self, "temperature", default)

    def _check_values(self) -> None:
        for symbol, value in self.bias.items():
            if not value < math.inf:
                raise SettingsError(
                    f"the bias of {symbol!r} is {value}; it must be a number, "
                    "or -inf to forbid the symbol."
                )
        if "" in self.stop:
            raise SettingsError("a stop string is empty; give at least one character.")
        if "" in self.forbid:
            raise SettingsError("a forbidden string is empty; give at least one character.")
        if self.match == "":
            raise SettingsError(
                "the expression to match is empty, and only the empty text would match it; "
                "give one such as 'K[a-z]+'."
            )

    def _check_combinations(self) -> None:
        """Refuse options that contradict each other, and options without effect."""
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
        if not self.forbid:
            self._refuse_ineffective(("forbid_whole_words", "forbid_ignore_case"), "without forbid")
        self._check_stops_between_words()
        random = ("top_k", "top_p", "min_p")
        if self.beam is not None:
            self._refuse_ineffective(
                (*random, "repetition_penalty"), "with beam, which draws nothing at random"
            )
            if self.temperature not in (None, 1):
                raise SettingsError(
                    f"beam and temperature {self.temperature} contradict each other: "
                    "a beam search draws nothing at random; give one of them."
                )
            self._refuse_ineffective(
                ("unique", "tries"), "with beam, whose texts are all different"
            )
        if self.temperature == 0:
            self._refuse_ineffective(random, "at temperature 0, which always takes the best symbol")
        if self.repetition_penalty is None:
            self._refuse_ineffective(("repetition_span",), "without repetition-penalty")
        if self.beam is None:
            self._refuse_ineffective(("length_penalty",), "without beam")
        if self.match is None and self.match_by != "mask":
            raise SettingsError(
                f"match-by was given as {self.match_by} without match; there it has no effect: "
                "leave it out."
            )
        if self.matches_by_trial and self.beam is not None:
            raise SettingsError(
                "match-by trial and beam contradict each other: a beam search tries each text "
                "once; use --match-by mask."
            )
        if not self.needs_trials:
            self._refuse_ineffective(
                ("tries",), "without novel, novel-file, unique, accepted-only or match-by trial"
            )

    def _check_stops_between_words(self) -> None:
        """Refuse a stop string whose removal could make a whole word of a part of one."""
        if not self.forbid_whole_words:
            return
        import regex

        for stop in self.stop:
            if regex.match(r"\w", stop):
                raise SettingsError(
                    f"forbid-whole-words and the stop string {stop!r:.80} contradict each other: a "
                    "text that is cut within a word could end with a forbidden one; begin the stop "
                    "string with another character, or leave one of them out."
                )

    @property
    def matches_by_trial(self) -> bool:
        """Whether texts that do not match are left out, rather than made impossible."""
        return self.match is not None and self.match_by == "trial"

    @property
    def needs_trials(self) -> bool:
        """Whether texts are left out after they were generated."""
        return (
            self.novel
            or bool(self.novel_file)
            or self.unique
            or self.accepted_only
            or self.matches_by_trial
        )

    def _refuse_ineffective(self, names: tuple[str, ...], condition: str) -> None:
        """Raise SettingsError for the first of the options that was given."""
        for name in names:
            # A number 0 was given, False was not.
            if getattr(self, name) is not None and getattr(self, name) is not False:
                raise SettingsError(
                    f"{name.replace('_', '-')} was given {condition}; there it has no effect: "
                    "leave it out."
                )

    def seeds(self, n: int) -> range:
        """Return the seeds of ``n`` texts; raises SettingsError if ``n`` is out of range."""
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
