import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from charloom.errors import ModelFolderError
from charloom.exchange.torch_file import MAX_BYTES, read_state_dict


def message(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(ModelFolderError) as error:
        read_state_dict(path)
    return str(error.value).replace(str(path), "FILE")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def header(shape: list[int], size: int = 4) -> bytes:
    entry = {"x": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}
    text = json.dumps(entry).encode()
    return len(text).to_bytes(8, "little") + text + b"\0" * size


def test_arrays_are_float32(path: Path) -> None:
    path.write_bytes(save({"x": np.array([1.5, 2], np.float16)}))
    state = read_state_dict(path)
    assert state["x"].dtype == np.float32
    assert state["x"].tolist() == [1.5, 2]


def test_pickles_are_never_opened(path: Path) -> None:
    for content in (b"PK\x03\x04zip", b"\x80\x02pickle"):
        assert message(path, content) == (
            "FILE is a file of torch.save, which can run code and is never opened; load it with "
            "torch.load(..., weights_only=True) and write it with safetensors.torch.save_file."
        )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"\xff" * 100,
        header([1])[:-1],
        header([10**15]),
        header([10**15, 10**15]),
        header([2**62, 4]),
        header([-1]),
        header([1]).replace(b"F32", b"X32"),
        header([1]).replace(b'"shape"', b'"other"'),
        (100_000).to_bytes(8, "little") + b'{"a":' * 20_000,
    ],
)
def test_damaged_files(content: bytes, path: Path) -> None:
    assert message(path, content) == (
        "FILE is no intact safetensors file; write it again with safetensors.torch.save_file."
    )


def test_other_types_and_values(path: Path) -> None:
    assert message(path, save({"x": np.ones(2)})) == (
        "FILE has arrays of type F64; convert all to float32 with .float()."
    )
    assert message(path, save({"x": np.array([np.nan], np.float32)})) == (
        'FILE has NaN or infinity in "x", so no text can be generated; export weights that are '
        "finite."
    )
    assert message(path, save({"x": np.ones((0, 3), np.float32)})) == (
        'FILE has "x" without values; write it again from a whole model.'
    )
    relu = save({"x": np.ones(2, np.float32)}, metadata={"nonlinearity": "relu"})
    assert message(path, relu) == (
        'FILE names the nonlinearity "relu"; nn.RNN is supported with tanh only.'
    )


def test_files_that_cannot_be_read(tmp_path: Path, path: Path) -> None:
    with pytest.raises(ModelFolderError) as error:
        read_state_dict(path)
    assert str(error.value) == (
        f"{path} cannot be read (No such file or directory); name a safetensors file."
    )
    with pytest.raises(ModelFolderError, match=r"cannot be read \(Is a directory\)"):
        read_state_dict(tmp_path)


def test_a_file_that_is_too_large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ModelFolderError) as error:
        read_state_dict(path)
    assert str(error.value) == (
        f"{path} has 2,000,000,001 bytes; at most 2,000,000,000 are read: export a smaller model."
    )
