"""Settings of training: budget, optimizer, schedule, hardware and samples."""

import dataclasses
from typing import Literal

from charloom.errors import SettingsError
from charloom.settings.declaration import AUTOMATIC, setting
from charloom.settings.limits import MAX_SEED
from charloom.settings.records import SettingsBase

Optimizer = Literal["muon", "adamw", "rmsprop", "sgd"]
Schedule = Literal["linear", "constant"]
Precision = Literal["auto", "fp32", "bf16"]
KeepBest = Literal["loss", "accepted"]
Freeze = int | Literal["none", "embedding"]

DEFAULT_MINUTES = 2.0
MAX_SOURCE_WEIGHT = 1000
CHECKED_TEXTS = 100
CHECKPOINT_SECONDS = 30.0
"""Default number of seconds between two checkpoints of a run."""

_BUDGET, _TRAINING, _SAMPLES = "Budget (give one)", "Training", "Samples during training"
_CHECKER = "Checked texts"
_BY_OPTIMIZER = "that of the optimizer"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings(SettingsBase):
    """Settings of training: budget, optimizer, schedule, hardware and samples.

    At most one of minutes, epochs and steps is given. Without any, minutes is DEFAULT_MINUTES.
    """

    minutes: float | None = setting(
        None,
        option="--minutes",
        metavar="MINUTES",
        group=_BUDGET,
        default_text=str(DEFAULT_MINUTES),
        above=0,
        help="Minutes of training, validations and samples included.",
    )
    epochs: int | None = setting(
        None,
        option="--epochs",
        metavar="COUNT",
        group=_BUDGET,
        min=1,
        help="Passes over the training set.",
    )
    steps: int | None = setting(
        None, option="--steps", metavar="COUNT", group=_BUDGET, min=1, help="Optimizer steps."
    )
    batch_size: int = setting(
        32,
        option="--batch-size",
        metavar="COUNT",
        group=_TRAINING,
        default_text=AUTOMATIC,
        min=1,
        help="Documents in a minibatch; with --unit stream, sequences trained in parallel.",
    )
    window: int = setting(
        256,
        option="--window",
        metavar="SYMBOLS",
        group=_TRAINING,
        default_text=AUTOMATIC,
        min=1,
        help="Symbols per window of truncated backpropagation through time.",
    )
    learning_rate: float = setting(
        1.4e-2,
        option="--lr",
        metavar="RATE",
        group=_TRAINING,
        default_text=_BY_OPTIMIZER,
        above=0,
        help="Highest learning rate of the schedule.",
    )
    schedule: Schedule = setting(
        "linear",
        option="--schedule",
        group=_TRAINING,
        help="linear: a short warm-up, then the learning rate falls to a fifth and dropout to a "
        "quarter at the end of the budget; constant: neither changes.",
    )
    optimizer: Optimizer = setting(
        "muon",
        option="--optimizer",
        group=_TRAINING,
        help="Optimizer; muon updates the recurrent layers with Muon and all others with AdamW.",
    )
    weight_decay: float = setting(
        0.08,
        option="--weight-decay",
        metavar="RATE",
        group=_TRAINING,
        default_text=_BY_OPTIMIZER,
        min=0,
        help="Decoupled weight decay of the weight matrices; muon and adamw only.",
    )
    average: bool = setting(
        True,
        option="--average/--no-average",
        group=_TRAINING,
        help="Validate, sample and keep the average of the weights over the last tenth of the "
        "steps, not the last weights.",
    )
    source_weights: tuple[float, ...] = setting(
        (),
        option="--source-weights",
        metavar="NUMBERS",
        group=_TRAINING,
        default_text="1 for each",
        commas=True,
        above=0,
        max=MAX_SOURCE_WEIGHT,
        help="Weight of each SOURCE, in their order, such as 3,1: in an epoch, a document of "
        "weight 3 is read three times. Validation texts have no weights.",
    )
    freeze: Freeze = setting(
        "none",
        option="--freeze",
        metavar="embedding|LAYERS",
        group=_TRAINING,
        min=1,
        help="With --from, keep parameters of the model as they are: the embedding, or this number "
        "of lower layers with the embedding below them. New symbols and labels are trained.",
    )
    clip: float = setting(
        1.0,
        option="--clip-norm",
        metavar="NORM",
        group=_TRAINING,
        above=0,
        help="Largest norm of the whole gradient; a larger gradient is scaled down.",
    )
    keep_optimizer: bool = setting(
        False,
        option="--keep-optimizer/--drop-optimizer",
        group=_TRAINING,
        help="Keep the moments of the optimizer in the model folder, once or twice the size of the "
        "weights; --extend then starts from them.",
    )
    seed: int = setting(
        0,
        option="--seed",
        metavar="NUMBER",
        group=_TRAINING,
        min=0,
        max=MAX_SEED,
        help="Seed of the split, the initial weights, dropout and the order of the data.",
    )
    device: str = setting(
        "auto",
        option="--device",
        metavar="NAME",
        group=_TRAINING,
        help="auto, cpu, cuda, cuda:1 and so on; auto is CUDA where there is one, else cpu.",
    )
    precision: Precision = setting(
        "auto",
        option="--precision",
        group=_TRAINING,
        help="Precision of the inputs of matrix products; sums are fp32. auto: bf16 if the device "
        "supports it, else fp32.",
    )
    sample_every: float | None = setting(
        None,
        option="--sample-every",
        metavar="SECONDS",
        group=_SAMPLES,
        above=0,
        help="Seconds between validations with samples, besides the end of each epoch. With "
        "--minutes, validation at the end of an epoch is skipped if less than 5 % of the budget "
        "has passed since the last one, or so little time that validations would take more than "
        "3 % of it.",
    )
    prompts: tuple[str, ...] = setting(
        ("",),
        option="--prompt",
        metavar="TEXT",
        group=_SAMPLES,
        default_text="the empty prompt",
        help="Prompt of the samples shown during training.",
    )
    temperatures: tuple[float, ...] = setting(
        (0.0, 0.5, 1.0),
        option="--temperature",
        metavar="NUMBER",
        group=_SAMPLES,
        min=0,
        help="Temperature of the samples shown during training; 0 is greedy.",
    )
    checked_texts: int = setting(
        CHECKED_TEXTS,
        option="--checked-texts",
        metavar="COUNT",
        group=_CHECKER,
        min=1,
        help="Texts that the checker judges at each validation, sampled at temperature 1.",
    )
    keep_best: KeepBest = setting(
        "loss",
        option="--keep-best",
        group=_CHECKER,
        help="Keep the weights with the lowest validation loss; or those of which the checker "
        "accepts the most texts, of equal ones those with the lowest loss.",
    )
    index: bool = setting(
        True,
        option="--index/--no-index",
        group=_TRAINING,
        default_text="index, except for streams",
        help="Save hashes of the documents in the model; novel texts need them.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        budgets = {"minutes": self.minutes, "epochs": self.epochs, "steps": self.steps}
        chosen = [name for name, value in budgets.items() if value is not None]
        if len(chosen) > 1:
            raise SettingsError(f"{' and '.join(chosen)} are both given; give one of them.")
        if not chosen:
            object.__setattr__(self, "minutes", DEFAULT_MINUTES)

    @property
    def budget(self) -> str:
        """The budget of the run in words, such as "2 minutes"."""
        if self.epochs is not None:
            return f"{self.epochs:,} epoch" + ("s" if self.epochs > 1 else "")
        if self.steps is not None:
            return f"{self.steps:,} step" + ("s" if self.steps > 1 else "")
        return f"{self.minutes:g} minute" + ("s" if self.minutes != 1 else "")
