"""A simple character model in PyTorch, for comparison; it uses nothing of charloom.

An embedding, an LSTM of 128 units and a linear layer; shuffled titles in minibatches of 64, padded
at the end; Adam. As in charloom, a title is ``<eos>``, its characters, ``<eos>``, so the first
character is a target too. The time of validation is not counted as training.

    python torch_loop.py TRAINING.csv VALIDATION.csv [--cell lstm] [--epochs 3]

Files have one column and no header. Axes: B titles of a minibatch, T characters.
"""

import argparse
import csv
import json
import math
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

BATCH, EOS, FILLING = 64, 0, -100
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class Model(nn.Module):
    def __init__(self, symbols: int, cell: str) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, 64)
        self.recurrent = CELLS[cell](64, 128, batch_first=True)
        self.output = nn.Linear(128, symbols)

    def forward(self, ids_BT: Tensor) -> Tensor:
        states, _ = self.recurrent(self.embedding(ids_BT))
        logits: Tensor = self.output(states)
        return logits


def batches(titles: list[Tensor], order: list[int]) -> list[tuple[Tensor, Tensor]]:
    """Return minibatches of input and target ids."""
    chosen = [[titles[k] for k in order[i : i + BATCH]] for i in range(0, len(order), BATCH)]
    return [
        (
            pad_sequence([title[:-1] for title in group], batch_first=True),
            pad_sequence([title[1:] for title in group], batch_first=True, padding_value=FILLING),
        )
        for group in chosen
    ]


def bits_per_character(model: Model, titles: list[Tensor], loss: nn.CrossEntropyLoss) -> float:
    nats, characters = 0.0, 0
    with torch.no_grad():
        for read_BT, asked_BT in batches(titles, list(range(len(titles)))):
            count = int((asked_BT != FILLING).sum())
            nats += count * loss(model(read_BT).flatten(0, 1), asked_BT.flatten()).item()
            characters += count
    return nats / math.log(2) / characters


def read(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row[0] for row in csv.reader(file)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("training", type=Path)
    parser.add_argument("validation", type=Path)
    parser.add_argument("--cell", choices=list(CELLS), default="lstm")
    parser.add_argument("--epochs", type=int, default=3)
    given = parser.parse_args()
    texts = read(given.training), read(given.validation)
    symbols = sorted(set("".join(texts[0] + texts[1])))
    ids = {character: k for k, character in enumerate(symbols, 1)}
    training, validation = (
        [torch.tensor([EOS, *(ids[character] for character in title), EOS]) for title in part]
        for part in texts
    )
    torch.manual_seed(0)
    model = Model(1 + len(ids), given.cell)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss = nn.CrossEntropyLoss(ignore_index=FILLING)
    epochs, seconds, places = [], 0.0, 0
    for epoch in range(given.epochs):
        began = time.perf_counter()
        for read_BT, asked_BT in batches(training, torch.randperm(len(training)).tolist()):
            optimizer.zero_grad()
            loss(model(read_BT).flatten(0, 1), asked_BT.flatten()).backward()
            optimizer.step()
            places += asked_BT.numel()
        seconds += time.perf_counter() - began
        bits = bits_per_character(model, validation, loss)
        epochs.append({"seconds": seconds, "bits_per_character": bits})
        print(f"epoch {epoch + 1}: {bits:.3f} bits/char, {seconds:.1f} s", flush=True)
    characters = given.epochs * sum(len(title) - 1 for title in training)
    result = {
        "epochs": epochs,
        "seconds": seconds,
        "characters": characters,
        "padding": 1 - characters / places,
        "versions": f"torch {torch.__version__}",
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
