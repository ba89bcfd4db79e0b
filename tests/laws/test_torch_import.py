"""Imported state dicts have PyTorch's logits; damaged ones are refused in one line."""

import json
import random
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import NETWORKS, network_id, random_tensors
from safetensors.numpy import save
from soak import times

from charloom import import_model
from charloom.errors import CharloomError
from charloom.exchange.torch_names import MODULES, to_torch
from charloom.network.reference import Network
from charloom.settings import NetworkSettings

SYMBOLS = list("abcdef\n")
EXAMPLES = times(500)
MAX_SECONDS = 5.0
MAX_BYTES = 50_000_000
TOLERANCE = 1e-5


@pytest.mark.needs("torch")
@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_logits_are_those_of_pytorch(settings: NetworkSettings, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file
    from torch import nn

    torch.manual_seed(1)
    one_hot = settings.input == "one-hot"
    width = len(SYMBOLS) if isinstance(settings.input, str) else settings.input
    modules = nn.ModuleDict(
        {
            "core": getattr(nn, MODULES[settings.cell])(width, settings.hidden, settings.layers),
            "head": nn.Linear(settings.hidden, len(SYMBOLS)),
        }
    )
    if not one_hot:
        modules["emb"] = nn.Embedding(len(SYMBOLS), width)
    path = tmp_path / "model.safetensors"
    save_file(modules.state_dict(prefix="net."), path)
    record = import_model(path, symbols=SYMBOLS).record
    network = Network(settings, record.tensors)
    state = network.initial_state(np.array([-1]))
    ids_T = np.random.default_rng(0).integers(0, len(SYMBOLS), 12)
    ids_TB = torch.tensor(ids_T)[:, None]
    with torch.no_grad():
        inputs = nn.functional.one_hot(ids_TB, width).float() if one_hot else modules["emb"](ids_TB)
        logits_TBV = modules["head"](modules["core"](inputs)[0])
    for step, symbol in enumerate(ids_T):
        own_BV, state = network.step(np.array([symbol + 2]), state)
        assert np.abs(own_BV[:, 2:] - logits_TBV[step].numpy()).max() < TOLERANCE


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return a file with changes of its bytes or of its header."""
    if chance.random() < 0.5:
        return with_header(content, chance)
    data = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 8])):
        place = chance.randrange(len(data) + 1)
        stop = min(len(data), place + chance.choice([1, 2, 8, 64]))
        change = chance.randrange(4)
        if change == 0:
            data[place:stop] = bytes(chance.randrange(256) for _ in range(stop - place))
        elif change == 1:
            del data[place:stop]
        elif change == 2:
            data[place:place] = data[: chance.randrange(len(data) + 1)][:1000]
        else:
            del data[place:]
    return bytes(data)


def with_header(content: bytes, chance: random.Random) -> bytes:
    """Return a file whose header has other names, types, shapes or offsets."""
    end = 8 + int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8:end])
    for _ in range(chance.choice([1, 1, 2])):
        name = chance.choice(list(header))
        change = chance.randrange(5)
        if change == 0:
            part = chance.choice(["core.", "", "a" * 5000, "\n", "weight_ih_l", "_reverse"])
            header[f"{part}{name}"] = header.pop(name)
        elif change == 1:
            del header[name]
        elif change == 2:
            header[name] = chance.choice([None, [], {}, 5, "x", {"dtype": "F32"}])
        elif isinstance(header[name], dict) and "shape" in header[name]:
            entry = header[name]
            if change == 3:
                entry["dtype"] = chance.choice(["F16", "F64", "I64", "BF16", "U8", "", 3])
            elif chance.random() < 0.5:
                entry["shape"] = chance.choice(
                    [[], [0], [-1], [10**18], [2**32, 2**32], entry["shape"][::-1], "x", [1.5]]
                )
            else:
                entry["data_offsets"] = chance.choice([[0, 0], [0, 10**18], [8, 4], [], None])
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[end:]


@pytest.mark.soak
def test_damaged_files_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    files = [
        save(to_torch(settings, random_tensors(settings, len(SYMBOLS)))) for settings in NETWORKS
    ]
    path = tmp_path / "model.safetensors"
    slowest, accepted = 0.0, 0
    tracemalloc.start()
    for seed in range(EXAMPLES):
        chance = random.Random(seed)
        path.write_bytes(mutated(chance.choice(files), chance))
        begin = time.perf_counter()
        try:
            model = import_model(path, symbols=SYMBOLS)
            accepted += 1
            if seed % 20 == 0:
                with np.errstate(all="ignore"):  # of huge weights
                    model.generate("a", length=3)
        except CharloomError as error:
            assert "\n" not in str(error).replace(str(path), ""), (seed, str(error))
            assert len(str(error)) < 1000, (seed, str(error))
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
        slowest = max(slowest, time.perf_counter() - begin)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0 < accepted < EXAMPLES
    assert slowest < MAX_SECONDS
    assert peak < MAX_BYTES
