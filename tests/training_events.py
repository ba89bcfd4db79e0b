"""Events and the plan of a small training run, for tests of what is shown of it."""

import dataclasses
from pathlib import Path
from typing import Any

from corpora_by_hand import part

from charloom.data.corpus import Corpus
from charloom.events import Sample, Step, Stopped, Validation
from charloom.runs.plan import Plan
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.text.vocabulary import Vocabulary

TRAINING_TEXTS = ["abba", "baba", "abx"]
VOCABULARY = Vocabulary.from_counts("char", "abx", (5, 5, 1), 2, len(TRAINING_TEXTS))
"""The symbol x is rarer than the minimum count, so ``<unk>`` takes its place."""
_STEP = Step(
    step=9,
    seconds=30.0,
    epoch=2,
    progress=0.25,
    bits_per_character=2.34567,
    characters_per_second=23_456.7,
    learning_rate=0.1,
    memory_bytes=412_300_000,
    device_memory_bytes=None,
)


def step(seconds: float = 30.0, progress: float = 0.25, **changes: Any) -> Step:
    return dataclasses.replace(_STEP, seconds=seconds, progress=progress, **changes)


def validation(
    bits: float, *, progress: float = 0.5, best: bool = False, overfitting: bool = False
) -> Validation:
    return Validation(
        step=9,
        seconds=75.0,
        epoch=3,
        progress=progress,
        bits_per_character=bits,
        training_bits_per_character=1.5,
        best=best,
        overfitting=overfitting,
    )


def sample(text: str, temperature: float = 0.5, label: str | None = None) -> Sample:
    return Sample(
        step=9, seconds=75.0, prompt="To ", temperature=temperature, label=label, text=text
    )


def stopped(bits: float | None = 1.5, *, interrupted: bool = False) -> Stopped:
    reason: Any = "interrupted" if interrupted else "budget"
    return Stopped(step=9, seconds=80.0, reason=reason, bits_per_character=bits)


def plan(
    *, corpus: dict[str, Any] | None = None, training: dict[str, Any] | None = None, **changes: Any
) -> Plan:
    """Return a plan; ``corpus`` and ``training`` change fields of its corpus and settings."""
    fields: dict[str, Any] = {
        "training": part(TRAINING_TEXTS, VOCABULARY),
        "validation": part(["bb"], VOCABULARY),
        "vocabulary": VOCABULARY,
        "labels": (),
        "notes": ("two texts were left out.",),
        "fingerprint": "0",
    }
    usual = Plan(
        text=TextSettings(),
        network=NetworkSettings(cell="gru", hidden=1200, layers=2),
        training=TrainingSettings(**(training or {})),
        corpus=Corpus(**(fields | (corpus or {}))),
        layers=(("embedding", 256), ("cells.0", 1000), ("output", 44)),
        device="cpu",
        precision="bf16",
        output=Path("runs/my titles"),
        sources=("my titles.csv",),
    )
    return dataclasses.replace(usual, **changes)
