"""The Keras lesson's training program, implemented anew: an LSTM over one-hot characters of titles.

The set-up is that of the lesson: minibatches of 8 in the order of the file, padded in front with id
0, which is a class like any other; the target of every step is the next character, and ``<eos>``
after the last; RMSprop with the defaults of Keras; TensorFlow. The first character of a title is
never a target. Validation ignores padding, and its time is not counted as training.

    python keras_lesson.py TRAINING.csv VALIDATION.csv [--cell lstm] [--epochs 3]

Files have one column and no header. Axes: B titles of a minibatch, T characters.
"""

import argparse
import csv
import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

BATCH = 8
EOS = "<eos>"
CELLS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}


class Titles:
    """Titles of a file as minibatches of input and target ids."""

    def __init__(self, path: Path, ids: dict[str, int]) -> None:
        self.rows = [[*(ids[c] for c in title), ids[EOS]] for title in read(path)]
        self.asked = sum(len(row) - 1 for row in self.rows)
        """Targets, including ``<eos>``."""

    def batches(self) -> Iterator[tuple[Any, Any]]:
        for begin in range(0, len(self.rows), BATCH):
            rows = self.rows[begin : begin + BATCH]
            ids_BT = np.zeros((len(rows), max(map(len, rows))), np.int32)
            for ids_T, row in zip(ids_BT, rows, strict=True):
                ids_T[-len(row) :] = row
            yield ids_BT[:, :-1], ids_BT[:, 1:]

    def dataset(self, classes: int) -> tf.data.Dataset:
        ids_BT = tf.TensorSpec((None, None), tf.int32)
        return (
            tf.data.Dataset.from_generator(self.batches, output_signature=(ids_BT, ids_BT))
            .apply(tf.data.experimental.assert_cardinality(math.ceil(len(self.rows) / BATCH)))
            .map(lambda read, asked: (tf.one_hot(read, classes), asked))
            .prefetch(tf.data.AUTOTUNE)
        )


class Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Validates after every epoch and counts the seconds of training."""

    def __init__(self, validation: Titles, classes: int) -> None:
        super().__init__()
        self.validation, self.classes = validation, classes
        self.epochs: list[dict[str, float]] = []
        self.seconds = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds += time.perf_counter() - self.began
        bits = self.bits_per_character()
        self.epochs.append({"seconds": self.seconds, "bits_per_character": bits})
        print(f"epoch {epoch + 1}: {bits:.3f} bits/char, {self.seconds:.1f} s", flush=True)

    def bits_per_character(self) -> float:
        nats = 0.0
        for read_BT, asked_BT in self.validation.batches():
            chances = self.model.predict_on_batch(tf.one_hot(read_BT, self.classes))
            asked = np.take_along_axis(chances, asked_BT[:, :, None], axis=2)[:, :, 0]
            nats -= float(np.log(asked[read_BT > 0], dtype=np.float64).sum())
        return nats / math.log(2) / self.validation.asked


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
    characters = sorted(set("".join(read(given.training) + read(given.validation))))
    ids = {symbol: k for k, symbol in enumerate([*characters, EOS], 1)}
    classes = len(ids) + 1
    training, validation = Titles(given.training, ids), Titles(given.validation, ids)
    model = keras.Sequential(
        [
            keras.Input((None, classes)),
            keras.layers.Masking(),
            CELLS[given.cell](128, return_sequences=True),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )
    # XLA is much slower here: it compiles again for every length of a minibatch.
    model.compile(
        optimizer=keras.optimizers.RMSprop(),
        loss="sparse_categorical_crossentropy",
        jit_compile=False,
    )
    clock = Clock(validation, classes)
    model.fit(training.dataset(classes), epochs=given.epochs, callbacks=[clock], verbose=0)
    computed = sum(read_BT.size for read_BT, _ in training.batches())
    result = {
        "epochs": clock.epochs,
        "seconds": clock.seconds,
        "characters": training.asked * given.epochs,
        "padding": 1 - training.asked / computed,
        "versions": f"tensorflow {tf.__version__}, keras {keras.__version__}",
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
