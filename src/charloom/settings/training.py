"""How the network learns."""

import dataclasses
from typing import Literal, cast

from charloom.errors import SettingsError
from charloom.settings.limits import MAX_SEED
from charloom.settings.records import SettingsBase, check_range

Optimizer = Literal["muon", "adamw", "rmsprop", "sgd"]
Schedule = Literal["linear", "constant"]
Precision = Literal["auto", "fp32", "bf16"]

DEFAULT_MINUTES = 2.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings(SettingsBase):
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
            check_range("minutes", self.minutes, low=0, open_low=True)
        for name in ("epochs", "steps"):
            if budgets[name] is not None:
                check_range(name, cast(int, budgets[name]), low=1)
        check_range("batch-size", self.batch_size, low=1)
        check_range("window", self.window, low=1)
        check_range("lr", self.learning_rate, low=0, open_low=True)
        check_range("weight-decay", self.weight_decay, low=0)
        check_range("clip-norm", self.clip, low=0, open_low=True)
        check_range("seed", self.seed, low=0, high=MAX_SEED)
        if self.sample_every is not None:
            check_range("sample-every", self.sample_every, low=0, open_low=True)
        for temperature in self.temperatures:
            check_range("temperature", temperature, low=0)

    @property
    def budget(self) -> str:
        """What ends the run, in words."""
        if self.epochs is not None:
            return f"{self.epochs:,} epoch" + ("s" if self.epochs > 1 else "")
        if self.steps is not None:
            return f"{self.steps:,} step" + ("s" if self.steps > 1 else "")
        return f"{self.minutes:g} minute" + ("s" if self.minutes != 1 else "")
