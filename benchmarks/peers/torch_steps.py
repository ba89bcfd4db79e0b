"""Training steps of PyTorch's recurrent layers at their best; this uses nothing of charloom.

An embedding, ``torch.nn.LSTM``, ``GRU`` or ``RNN`` and a linear layer, trained by fused AdamW on
all threads. Minibatches have one shape and are made beforehand. There is no dropout, no clipping of
gradients, no average of weights and no reading of texts. bfloat16 is tried by autocast and as the
type of all weights; the faster one counts.

    python torch_steps.py '{"cell": "lstm", "hidden": 128, "input": 64, "symbols": 80,
        "batch_size": 64, "steps": 45, "precision": "fp32", "threads": 2, "seconds": 4}'

Prints a JSON line with the characters per second. Axes: T time steps, B sequences.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
BATCHES = 16
WARM_UP_STEPS = 5


class Model(nn.Module):
    def __init__(self, symbols: int, width: int, hidden: int, cell: str) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, width)
        self.recurrent = CELLS[cell](width, hidden)
        self.output = nn.Linear(hidden, symbols)

    def forward(self, ids_TB: Tensor) -> Tensor:
        hidden_TBH, _ = self.recurrent(self.embedding(ids_TB))
        logits: Tensor = self.output(hidden_TBH)
        return logits


def training_step(given: dict[str, Any], *, autocast: bool) -> Callable[[], None]:
    """Return a function that takes one step with a new model."""
    torch.manual_seed(0)
    symbols, shape = given["symbols"], (given["steps"] + 1, given["batch_size"])
    model = Model(symbols, given["input"], given["hidden"], given["cell"])
    if given["precision"] == "bf16" and not autocast:
        model = model.bfloat16()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    loss = nn.CrossEntropyLoss()
    batches = [torch.randint(symbols, shape) for _ in range(BATCHES)]
    number = 0

    def step() -> None:
        nonlocal number
        ids_UB = batches[number % BATCHES]
        number += 1
        context = torch.autocast("cpu", torch.bfloat16) if autocast else contextlib.nullcontext()
        optimizer.zero_grad()
        with context:
            logits = model(ids_UB[:-1])
            value = loss(logits.flatten(0, 1).float(), ids_UB[1:].flatten())
        value.backward()
        optimizer.step()

    return step


def steps_per_second(step: Callable[[], None], seconds: float) -> float:
    """Return the best rate over spans of about a second."""
    for _ in range(WARM_UP_STEPS):
        step()
    best, began = 0.0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        count, first = 0, time.perf_counter()
        while (span := time.perf_counter() - first) < min(1.0, seconds):
            step()
            count += 1
        best = max(best, count / span)
    return best


def main() -> None:
    given = json.loads(sys.argv[1])
    torch.set_num_threads(given["threads"])
    ways = (False, True) if given["precision"] == "bf16" else (False,)
    rates = [
        steps_per_second(training_step(given, autocast=autocast), given["seconds"] / len(ways))
        for autocast in ways
    ]
    characters = given["steps"] * given["batch_size"]
    print(json.dumps({"rate": max(rates) * characters}))


if __name__ == "__main__":
    main()
