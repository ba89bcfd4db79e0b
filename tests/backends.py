"""Both backends of training on the same weights, and minibatches of random texts for them."""

from collections.abc import Iterator
from itertools import islice

from corpora_by_hand import part
from random_texts import random_texts

from charloom.network.batch import Batch
from charloom.network.dropout import Dropout
from charloom.network.parameters import Parameters
from charloom.settings import NetworkSettings, Optimizer, TrainingSettings
from charloom.training.backend import Backend, States
from charloom.training.batches import DocumentBatches
from charloom.training.build_backend import initial_parameters
from charloom.training.cpu_backend import CpuBackend
from charloom.training.device import DeviceConfig
from charloom.training.distributed.launch import SINGLE_PROCESS, ProcessInfo

FP32 = DeviceConfig(device="cpu", bf16=False)
VOCABULARY, LABELS, BATCH = 60, 2, 8
OPTIMIZERS: tuple[Optimizer, ...] = ("adamw", "muon", "rmsprop", "sgd")


def minibatches(count: int) -> Iterator[Batch]:
    """Yield minibatches of labelled texts, some longer than a window."""
    texts = random_texts(seed=1, count=40, max_words=8)
    dataset = part(texts, labels=[number % 3 - 1 for number in range(len(texts))])
    batches = DocumentBatches(dataset=dataset, batch_size=BATCH, window=16, seed=0)
    yield from islice((batch for epoch in range(1, 99) for batch in batches.epoch(epoch)), count)


def initial(network: NetworkSettings) -> Parameters:
    return initial_parameters(network, VOCABULARY, LABELS, seed=0)


def settings_of(optimizer: Optimizer, *, average: bool = True) -> TrainingSettings:
    return TrainingSettings(
        optimizer=optimizer, batch_size=BATCH, weight_decay=0.1, average=average
    )


def cpu_backend(
    network: NetworkSettings,
    optimizer: Optimizer = "adamw",
    *,
    threads: int = 1,
    process: ProcessInfo = SINGLE_PROCESS,
    average: bool = True,
) -> CpuBackend:
    settings, weights = settings_of(optimizer, average=average), initial(network)
    return CpuBackend(network, weights, settings, bf16=False, threads=threads, process=process)


def take_step(backend: Backend, batch: Batch, states: States, seed: int) -> tuple[float, States]:
    """Take a step with clipped gradients and dropout; return the loss of a symbol and states."""
    dropout = Dropout(backend.network.dropout, seed)
    nats, states = backend.forward_backward(batch, [] if batch.starts else states, dropout)
    backend.step(0.01, min(1.0, 1 / backend.gradient_norm()))
    return nats / batch.symbols, states


def losses(backend: Backend, steps: int = 20, skip: int = 0) -> list[float]:
    """Return the loss of a symbol at each step."""
    result: list[float] = []
    states: States = []
    with backend.threads:
        for number, batch in enumerate(minibatches(skip + steps)):
            if number >= skip:
                loss, states = take_step(backend, batch, states, seed=number)
                result.append(loss)
    return result
