"""The validation loss against the reference network, symbol by symbol."""

import math

import numpy as np
import pytest
from corpora_by_hand import part, vocabulary
from networks import random_tensors

from charloom.network.parameters import Parameters, parameter_shapes
from charloom.network.reference import Network as Reference
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.build_backend import build_backend
from charloom.training.device import choose_device
from charloom.training.validation import evaluate
from charloom.training.validation_batches import ValidationBatches

TEXTS = ["hello you", "wheel", "low hole"]
KNOWN = vocabulary(TEXTS)


SETTINGS = NetworkSettings(hidden=8, input=6, dropout=0.9)
TENSORS = random_tensors(SETTINGS, len(KNOWN), seed=5)


def reference_bits(texts: list[str]) -> float:
    """Return the bits of texts and their boundaries, symbol by symbol in float64."""
    reference, bits = Reference(SETTINGS, TENSORS), 0.0
    for text in texts:
        inputs = [0, *KNOWN.encode(text).tolist()]
        state = reference.initial_state(np.array([-1]))
        for symbol, target in zip(inputs, [*inputs[1:], 0], strict=True):
            logits, state = reference.step(np.array([symbol]), state)
            weights = [math.exp(logit) for logit in logits[0]]
            bits -= math.log2(weights[target] / sum(weights))
    return bits


def validation_loss(texts: list[str]) -> float:
    training = TrainingSettings(device="cpu", precision="bf16", batch_size=8)
    weights = Parameters(parameter_shapes(SETTINGS, len(KNOWN)))
    weights.load(TENSORS)
    backend = build_backend(SETTINGS, weights, training, choose_device(training))
    with backend.threads:
        return evaluate(backend, ValidationBatches(dataset=part(texts, KNOWN)))


def test_the_loss_is_the_mean_over_all_characters_without_dropout_in_float32() -> None:
    characters = sum(len(text) + 1 for text in TEXTS)
    expected = reference_bits(TEXTS) / characters
    assert validation_loss(TEXTS) == pytest.approx(expected, rel=1e-6)


def test_the_loss_of_a_long_document_differs_by_less_than_1e_4_bits() -> None:
    text = "".join(np.random.default_rng(1).choice(list("".join(TEXTS)), size=5000))
    expected = reference_bits([text]) / 5001
    assert validation_loss([text]) == pytest.approx(expected, abs=1e-4)
