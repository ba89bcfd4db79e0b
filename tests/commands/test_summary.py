from pathlib import Path

import pytest
from command_line import Charloom
from networks import make_vocabulary, random_tensors
from records import folder

from charloom.settings import NetworkSettings, TextSettings

SYMBOLS = [chr(33 + k) for k in range(82)]
"""With <eos> and <unk>, a vocabulary of 84 ids."""


def parameters(charloom: Charloom, path: Path) -> dict[str, int]:
    [described] = charloom("summary", path, "--json").records
    layers = {layer["name"]: layer["parameters"] for layer in described["layers"]}
    assert described["parameters"] == sum(layers.values())
    return layers


def test_the_lesson_s_network_has_the_lesson_s_parameters(
    charloom: Charloom, tmp_path: Path
) -> None:
    lesson = NetworkSettings(cell="lstm", hidden=128, input="one-hot")
    vocabulary = make_vocabulary(SYMBOLS)
    assert len(vocabulary) == 84
    tensors = random_tensors(lesson, len(vocabulary))
    path = folder(tmp_path / "m", network=lesson, vocabulary=vocabulary, tensors=tensors)
    assert parameters(charloom, path) == {"input": 0, "cells.0": 109_056, "output": 10_836}
    table = [line.split() for line in charloom("summary", path).out.splitlines()]
    assert ["cells.0", "(lstm)", "(batch,", "time,", "128)", "109,056"] in table
    assert ["output", "(dense)", "(batch,", "time,", "84)", "10,836"] in table
    assert ["total", "119,892"] in table


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (
            # Keras' GRU(16, reset_after) has two bias vectors for each gate; one of them matters
            # for the new gate alone: 3 * 16 * (4 + 16 + 1) + 16.
            NetworkSettings(cell="gru", hidden=16, input=4),
            {"embedding": 336, "cells.0": 1024, "output": 1428},
        ),
        (
            NetworkSettings(cell="rnn", hidden=16, input=4, layers=2),
            {"embedding": 336, "cells.0": 336, "cells.1": 528, "output": 1428},
        ),
    ],
)
def test_other_networks(
    charloom: Charloom, tmp_path: Path, network: NetworkSettings, expected: dict[str, int]
) -> None:
    vocabulary = make_vocabulary(SYMBOLS)
    tensors = random_tensors(network, len(vocabulary))
    path = folder(tmp_path / "m", network=network, vocabulary=vocabulary, tensors=tensors)
    assert parameters(charloom, path) == expected


def test_more_than_ten_layers_are_not_mixed_up(charloom: Charloom, tmp_path: Path) -> None:
    network = NetworkSettings(cell="rnn", hidden=3, input=2, layers=12)
    layers = parameters(charloom, folder(tmp_path / "m", network=network))
    assert [layers[f"cells.{k}"] for k in range(12)] == [3 * (2 + 3 + 1)] + 11 * [3 * (3 + 3 + 1)]


def test_labels_are_initial_states(charloom: Charloom, labelled: Path) -> None:
    # 2 labels, 1 layer, hidden and cell state of 6.
    assert parameters(charloom, labelled)["labels"] == 24
    out = charloom("summary", labelled).out
    assert "labels (initial state)" in out
    assert "World, Sports" in out


def test_text_settings_and_metrics_are_listed(charloom: Charloom, tmp_path: Path) -> None:
    text = TextSettings(columns=("title", "body"), clean=False, min_count=3)
    path = folder(tmp_path / "m", text=text)
    done = charloom("summary", path)
    assert (done.code, done.err) == (0, "")
    assert 'lines as char symbols, not cleaned; columns "title", "body"\n' in done.out
    assert "15 symbols, with <eos> and <unk>; those seen less than 3 times are <unk>\n" in done.out
    facts = dict(line.rsplit("  ", 1) for line in done.out.splitlines() if "bits per" in line)
    assert {key.strip(): value for key, value in facts.items()} == {"bits per character": "2.500"}
    one = folder(tmp_path / "one", text=TextSettings(columns=("2",)))
    assert 'cleaned; column "2"\n' in charloom("summary", one).out
    [described] = charloom("summary", path, "--json").records
    assert described["text"]["columns"] == ["title", "body"]
    assert described["figures"]["bits_per_character"] == 2.5
    assert (described["level"], described["vocabulary_size"]) == ("char", 15)
