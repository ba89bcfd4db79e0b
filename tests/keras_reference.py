"""Make the reference files of tests of Keras, by Keras itself.

    python tests/keras_reference.py [TITLES.csv]

writes ``tests/golden/keras``: models that Keras saved, and ``predictions.json``, their
probabilities after each of some ids. The program runs in an environment that has keras and a back
end, such as that of ``make setup`` (KERAS_BACKEND=torch). The files of Keras 2 are made where
tf_keras is installed, and kept elsewhere. With a file of titles, which has them in its second
column, ``titles.keras`` is the model of the lesson with 32 units, after one epoch.

The files were made with Keras 3.15.1 and tf_keras 2.21.0.
"""

import csv
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
FOLDER = Path(__file__).parent / "golden" / "keras"
PREDICTIONS = FOLDER / "predictions.json"
IDS = [1, 2, 3, 1, 5, 6, 7, 4, 2, 2, 6]
SIZE = 8
END = 7


def layers_of(name: str, keras: Any) -> list[Any]:
    """Return the layers of a reference model."""
    of = keras.layers
    one_hot = keras.Input((None, SIZE))
    read = keras.Input((None,))
    if name == "lesson":
        return [
            *(one_hot, of.Masking(), of.LSTM(4, return_sequences=True)),
            of.Dense(SIZE, activation="softmax"),
        ]
    if name == "masked":
        return [
            *(read, of.Embedding(SIZE, 3, mask_zero=True), of.GRU(4, return_sequences=True)),
            *(of.Dropout(0.25), of.Dense(SIZE), of.Activation("softmax")),
        ]
    if name == "sizes":
        return [
            *(read, of.Embedding(SIZE, 3), of.SimpleRNN(3, return_sequences=True)),
            of.SimpleRNN(5, return_sequences=True),
            of.TimeDistributed(of.Dense(SIZE, activation="softmax")),
        ]
    if name == "layers":
        return [
            *(one_hot, of.LSTM(4, return_sequences=True, use_bias=False)),
            of.LSTM(3, return_sequences=True, dropout=0.1),
            of.Dense(SIZE, activation="softmax", use_bias=False),
        ]
    return [
        *(read, of.Embedding(SIZE, 3), of.GRU(4, return_sequences=True), of.Dropout(0.2)),
        *(of.GRU(3, return_sequences=True), of.Dense(SIZE, activation="softmax")),
    ]


FILES = {
    "lesson.keras": "keras",
    "lesson.h5": "keras",
    "masked.keras": "keras",
    "sizes.keras": "keras",
    "sizes.h5": "keras",
    "layers.keras": "keras",
    "two_gru.h5": "keras",
    "keras2_two_gru.h5": "tf_keras",
    "keras2_two_gru.keras": "tf_keras",
    "keras2_layers.h5": "tf_keras",
}
"""The package that saves each file."""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    known = json.loads(PREDICTIONS.read_text("utf-8")) if PREDICTIONS.exists() else {}
    for file, package in FILES.items():
        if importlib.util.find_spec(package) is not None:
            known[file] = save(file, importlib.import_module(package))
    if len(sys.argv) > 1:
        known["titles.keras"] = train_on_titles(Path(sys.argv[1]))
    PREDICTIONS.write_text(json.dumps(known) + "\n", "utf-8")


def save(file: str, keras: Any) -> list[list[float]]:
    """Save a model with random weights and return its predictions after each of ``IDS``."""
    name = file.split(".", maxsplit=1)[0].removeprefix("keras2_")
    model = keras.Sequential(layers_of(name, keras))
    chance = np.random.default_rng(len(name))
    model.set_weights(
        [0.7 * chance.standard_normal(weight.shape) for weight in model.get_weights()]
    )
    model.save(FOLDER / file)
    return predict(model, IDS, SIZE)


def predict(model: Any, ids: list[int], size: int) -> list[list[float]]:
    is_one_hot = len(model.input_shape) == 3
    given: NDArray[Any] = np.eye(size, dtype=np.float32)[ids] if is_one_hot else np.array(ids)
    rows: list[list[float]] = model.predict(given[np.newaxis], verbose=0)[0].tolist()
    return [[round(value, 8) for value in row] for row in rows]


def train_on_titles(path: Path) -> list[list[float]]:
    """Train the model of the lesson, save it with its Tokenizer, return predictions."""
    import keras
    from keras.src.legacy.preprocessing.text import Tokenizer

    with path.open(encoding="utf-8", newline="") as file:
        titles = [row[1] for row in csv.reader(file)]
    tokenizer = Tokenizer(char_level=True, lower=False)
    tokenizer.fit_on_texts(titles)
    end = len(tokenizer.word_index) + 1
    (FOLDER / "titles_tokenizer.json").write_text(tokenizer.to_json(), "utf-8")
    tokenizer.word_index["<eos>"] = end
    tokenizer.index_word[end] = "<eos>"
    size = end + 1
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((None, size)),
            keras.layers.Masking(),
            keras.layers.LSTM(32, return_sequences=True),
            keras.layers.Dense(size, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="rmsprop", jit_compile=False)
    for given, asked in minibatches(tokenizer.texts_to_sequences(titles), size, end):
        model.train_on_batch(given, asked)
    model.save(FOLDER / "titles.keras", include_optimizer=False)
    [ids] = tokenizer.texts_to_sequences(["Today "])
    return predict(model, [0, *ids], size)


def minibatches(
    titles: list[list[int]], size: int, end: int
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Yield minibatches of 8 titles, padded in front with 0, and their next symbols."""
    for begin in range(0, len(titles), 8):
        rows = [[*title, end] for title in titles[begin : begin + 8]]
        longest = max(map(len, rows))
        ids_BT = np.array([[0] * (longest - len(row)) + row for row in rows])
        one_hot_BTV = np.eye(size, dtype=np.float32)[ids_BT]
        yield one_hot_BTV[:, :-1], one_hot_BTV[:, 1:]


if __name__ == "__main__":
    main()
