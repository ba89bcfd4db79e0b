"""Steps that bring the configuration of an old model folder to the current format.

Append only: a step never changes after a release has written its output format.
Step n - 1 of ``MIGRATIONS`` turns a configuration of format n into one of format n + 1. The files
of the folder stay as they are. The list of formats is in docs/model-folder.md.
"""

from collections.abc import Callable
from typing import Any, Final

Config = dict[str, Any]
"""The JSON object of ``config.json``, without its digest."""


def add_average_and_index(config: Config) -> Config:
    """Turn format 1 (charloom 0.1.0) into format 2.

    Weights were not averaged. The first folders of format 1 have neither ``documents_digest``, as
    they have no document index, nor ``index``, the setting that saves one; it gets its default.
    """
    training = {"average": False} | config["training"]
    return {"index": True, "documents_digest": None} | config | {"training": training}


def add_reading_settings(config: Config) -> Config:
    """Turn format 2 into format 3, in which ``text`` has more settings of reading.

    All of them have the values with which the older versions read texts. Their level word is now
    closed-word. Settings of training that they did not have are off.
    """
    level = config["text"].get("level")
    text = {
        "errors": "strict",
        "delimiter": None,
        "separator": None,
        "separator_regex": None,
        "unique_documents": False,
        "mask_digits": False,
        "valid_tail": False,
        "token_pattern": None,
    }
    renamed = {"level": "closed-word"} if level == "word" else {}
    training = {
        "source_weights": [],
        "freeze": "none",
        "keep_optimizer": False,
        "checked_texts": 100,
        "keep_best": "loss",
    } | config["training"]
    return config | {"text": text | config["text"] | renamed, "training": training}


MIGRATIONS: Final[tuple[Callable[[Config], Config], ...]] = (
    add_average_and_index,
    add_reading_settings,
)
"""In the order of the formats that they read, from format 1."""


def migrate(config: Config) -> Config:
    """Return ``config`` in the current format.

    Raises KeyError, TypeError or ValueError if it is damaged.

    >>> migrate({"format": 1, "text": {}, "training": {"steps": 3}})["training"]["average"]
    False
    """
    first = config["format"]
    if not 1 <= first <= len(MIGRATIONS) + 1:
        raise ValueError(f"no format {first}")
    for number, step in enumerate(MIGRATIONS[first - 1 :], first + 1):
        config = step(config) | {"format": number}
    return config
