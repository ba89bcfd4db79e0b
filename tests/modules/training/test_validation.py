"""The validation loss against the reference network, symbol by symbol."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from corpora_by_hand import part, vocabulary
from networks import random_tensors

from charloom.network.parameters import Parameters, parameter_shapes
from charloom.network.reference import Network as Reference
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.cpu_backend import CpuBackend
from charloom.training.validation import evaluate
from charloom.training.validation_batches import ValidationBatches

TEXTS = ["hello you", "wheel", "low hole"]
KNOWN = vocabulary(TEXTS)
NETWORK = NetworkSettings(hidden=8, input=6, dropout=0.9)
TENSORS = random_tensors(NETWORK, len(KNOWN), seed=5)


def evaluate_network(texts: Sequence[str] = TEXTS, *, bf16: bool = False) -> float:
    weights = Parameters(parameter_shapes(NETWORK, len(KNOWN)))
    weights.load(TENSORS)
    settings = TrainingSettings(batch_size=12)
    backend = CpuBackend(NETWORK, weights, settings, bf16=bf16, threads=2)
    with backend.threads:
        return evaluate(backend, ValidationBatches(dataset=part(texts, KNOWN)))


def reference_loss(texts: Sequence[str]) -> float:
    reference = Reference(NETWORK, TENSORS)
    bits, characters = 0.0, 0
    for text in texts:
        inputs = [0, *KNOWN.encode(text).tolist()]
        state = reference.initial_state(np.array([-1]))
        for symbol, target in zip(inputs, [*inputs[1:], 0], strict=True):
            logits, state = reference.step(np.array([symbol]), state)
            weights = [math.exp(logit) for logit in logits[0]]
            bits -= math.log2(weights[target] / sum(weights))
            characters += 1
    return bits / characters


def test_the_loss_is_the_mean_over_all_characters() -> None:
    assert evaluate_network() == pytest.approx(reference_loss(TEXTS), rel=1e-6)


def test_the_loss_is_that_of_float32_also_for_training_in_bfloat16() -> None:
    assert evaluate_network(bf16=True) == evaluate_network()


def test_the_loss_of_a_long_document_differs_by_less_than_1e_4_bits() -> None:
    text = "".join(np.random.default_rng(1).choice(list("".join(TEXTS)), size=5000))
    assert evaluate_network([text]) == pytest.approx(reference_loss([text]), abs=1e-4)
