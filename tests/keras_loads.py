"""Load exports with Keras, in a process of its own: ``python tests/keras_loads.py FOLDER``.

For each ``.keras`` file of the folder, with the ids ``ids.npy`` (B, T), it writes the predictions
to a ``.npy`` file beside it. Files whose name ends with ``-train.keras`` are trained too, and saved
as ``-trained.keras``; a loss that does not fall is an error.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np


def main(folder: Path) -> None:
    ids_BT = np.load(folder / "ids.npy")
    for path in sorted(folder.glob("*.keras")):
        model = keras.models.load_model(path)
        size = model.output_shape[-1]
        model.summary(print_fn=lambda line: None)
        given = ids_BT if len(model.input_shape) == 2 else np.eye(size, dtype=np.float32)[ids_BT]
        np.save(path.with_suffix(".npy"), model.predict(given, verbose=0))
        if path.stem.endswith("-train"):
            model.compile("adam", "sparse_categorical_crossentropy")
            done = model.fit(given[:, :-1], ids_BT[:, 1:], epochs=3, verbose=0)
            assert done.history["loss"][-1] < done.history["loss"][0]
            model.save(path.with_name(f"{path.stem}ed.keras"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
