"""The validation loss against the reference network, symbol by symbol."""

import math

import numpy as np
import pytest
from corpora_by_hand import part, vocabulary
from networks import random_tensors

from charloom.network.autograd.module import Network
from charloom.network.reference import Network as Reference
from charloom.settings import NetworkSettings, TrainingSettings
from charloom.training.data_parallel import DataParallel
from charloom.training.device import choose_device
from charloom.training.validation import evaluate
from charloom.training.validation_batches import ValidationBatches

TEXTS = ["hello you", "wheel", "low hole"]
KNOWN = vocabulary(TEXTS)


def make_network(dropout: float) -> Network:
    settings = NetworkSettings(hidden=8, input=6, dropout=dropout)
    network = Network(settings, len(KNOWN))
    network.load(random_tensors(settings, len(KNOWN), seed=5))
    return network


def evaluate_network(network: Network) -> float:
    device_config = choose_device(TrainingSettings(device="cpu", precision="fp32"))
    parallel = DataParallel(network, device_config, batch_size=2, seed=0)
    batches = ValidationBatches(dataset=part(TEXTS, KNOWN))
    with parallel.threads:
        return evaluate(network, batches, parallel)


def test_the_loss_is_the_mean_over_all_characters() -> None:
    network = make_network(dropout=0.0)
    reference = Reference(network.settings, network.tensors())
    bits, characters = 0.0, 0
    for text in TEXTS:
        inputs = [0, *KNOWN.encode(text).tolist()]
        state = reference.initial_state(np.array([-1]))
        for symbol, target in zip(inputs, [*inputs[1:], 0], strict=True):
            logits, state = reference.step(np.array([symbol]), state)
            weights = [math.exp(logit) for logit in logits[0]]
            bits -= math.log2(weights[target] / sum(weights))
            characters += 1
    assert evaluate_network(network) == pytest.approx(bits / characters, rel=1e-6)


def test_dropout_is_off_during_validation_only() -> None:
    network = make_network(dropout=0.9)
    assert len({evaluate_network(network) for _ in range(3)}) == 1
    assert network.training
