"""Gradients of the compiled pass agree with finite differences of the float64 reference's loss.

These laws do not need torch. ``test_gradients`` has the same laws of torch's autograd, and
``network.backprop.test_compiled_pass`` compares both.
"""

import dataclasses

import numpy as np
import pytest
from corpora_by_hand import part
from networks import NETWORKS, network_id, random_tensors
from numpy.typing import NDArray

from charloom.data.selection import Selection
from charloom.network.backprop.compiled_pass import CompiledPass
from charloom.network.batch import Batch
from charloom.network.dropout import Dropout
from charloom.network.reference import Network, initial_state
from charloom.settings import NetworkSettings
from charloom.training.batches import DocumentBatches

TEXTS = ["abca", "b", "cabbage"]
SYMBOLS, LABELS = 8, 2
networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)

Tensors = dict[str, NDArray[np.float32]]


def only_batch(begin: int = 0, end: int = len(TEXTS)) -> Batch:
    """Return the documents in this range as one minibatch."""
    documents = part(TEXTS, labels=[0, -1, 1])
    chosen = dataclasses.replace(documents, selection=Selection.from_range(begin, end))
    batches = DocumentBatches(dataset=chosen, batch_size=3, window=99, seed=0)
    return next(iter(batches.epoch(1)))


def tensors_of(settings: NetworkSettings) -> Tensors:
    return random_tensors(settings, SYMBOLS, LABELS, seed=3)


def compiled(settings: NetworkSettings, batch: Batch) -> tuple[float, Tensors]:
    """Return the loss and all gradients."""
    tensors = tensors_of(settings)
    state = initial_state(settings, tensors, batch.labels_B, np.dtype(np.float32))
    result = CompiledPass(settings, tensors).forward(batch, state, Dropout(), bf16=False)
    grads = {name: np.full_like(tensor, np.nan) for name, tensor in tensors.items()}
    result.backward(grads)
    return result.nats, grads


def reference_nats(
    settings: NetworkSettings, tensors: dict[str, NDArray[np.float64]], batch: Batch
) -> float:
    """Return the loss by the float64 reference, symbol by symbol."""
    network = Network(settings, tensors)
    state = network.initial_state(batch.labels_B)
    nats, columns_B = 0.0, np.arange(len(batch.labels_B))
    for ids_B, targets_B, mask_B in zip(
        batch.inputs_TB, batch.targets_TB, batch.mask_TB, strict=True
    ):
        logits_BV, state = network.step(ids_B, state)
        log_sums_B = np.log(np.exp(logits_BV).sum(1))
        nats += float((log_sums_B - logits_BV[columns_B, targets_B])[mask_B].sum())
    return nats


@networks
def test_loss_and_gradients_agree_with_finite_differences(settings: NetworkSettings) -> None:
    batch = only_batch()
    nats, grads = compiled(settings, batch)
    exact = {name: tensor.astype(np.float64) for name, tensor in tensors_of(settings).items()}
    assert nats == pytest.approx(reference_nats(settings, exact, batch), rel=1e-6)
    random, small = np.random.default_rng(0), 1e-5
    for name, weights in exact.items():
        direction = random.standard_normal(weights.shape)
        above = reference_nats(settings, exact | {name: weights + small * direction}, batch)
        below = reference_nats(settings, exact | {name: weights - small * direction}, batch)
        gradient = float((grads[name] * direction).sum())
        # The gradient is float32. The difference is off by small**2, its rounding by 1e-15 / small.
        error = 3e-6 * float(np.linalg.norm(grads[name]) * np.linalg.norm(direction))
        expected = (above - below) / (2 * small)
        assert gradient == pytest.approx(expected, rel=0, abs=error + 1e-7), name


@networks
def test_padding_changes_neither_loss_nor_gradient(settings: NetworkSettings) -> None:
    batch = only_batch()
    nats, grads = compiled(settings, batch)
    assert not batch.mask_TB.all()
    other = dataclasses.replace(
        batch,
        inputs_TB=np.where(batch.mask_TB, batch.inputs_TB, 5),
        targets_TB=np.where(batch.mask_TB, batch.targets_TB, 6),
    )
    changed, changed_grads = compiled(settings, other)
    assert changed == nats
    for name, grad in grads.items():
        assert (changed_grads[name] == grad).all(), name


@networks
def test_a_batch_has_the_sums_of_its_documents(settings: NetworkSettings) -> None:
    nats, grads = compiled(settings, only_batch())
    alone = [compiled(settings, only_batch(index, index + 1)) for index in range(len(TEXTS))]
    assert nats == pytest.approx(sum(one for one, _ in alone), rel=1e-6)
    for name, grad in grads.items():
        total = np.sum([own[name] for _, own in alone], axis=0, dtype=np.float64)
        np.testing.assert_allclose(grad, total, rtol=0, atol=1e-6 * np.abs(total).max() + 1e-7)


@networks
def test_labels_have_no_gradient_where_no_document_starts(settings: NetworkSettings) -> None:
    _, grads = compiled(settings, only_batch())
    _, later = compiled(settings, dataclasses.replace(only_batch(), starts=False))
    for name, grad in grads.items():
        if name.startswith("labels."):
            assert grad.any()
            assert not later[name].any()
        else:
            assert (later[name] == grad).all()
