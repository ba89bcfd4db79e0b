"""Oracle: h5py. It also makes the files that must be refused."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from keras_models import FOLDER, members

from charloom.exchange.hdf5 import Hdf5File, guarded
from charloom.exchange.hdf5_values import Hdf5Error

CONTENTS = {
    path.name: members(path)["model.weights.h5"] if path.suffix == ".keras" else path.read_bytes()
    for path in sorted(FOLDER.iterdir())
    if path.suffix in (".keras", ".h5")
}


def made(make: Callable[[Any], None], **options: Any) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w", **options) as file:
        make(file)
    return stream.getvalue()


def reason(content: bytes, *names: str) -> str:
    """Return the message with which a dataset is refused."""

    def read() -> None:
        file = Hdf5File(content)
        file.array(file.find(*names))

    with pytest.raises(Hdf5Error) as error:
        guarded(read)
    return str(error.value)


@pytest.mark.parametrize("name", CONTENTS)
def test_files_of_keras_are_read_as_by_h5py(name: str) -> None:
    own = Hdf5File(CONTENTS[name])
    arrays = 0

    def compare(path: str, item: Any) -> None:
        nonlocal arrays
        address = own.find(*path.split("/"))
        for key, value in item.attrs.items():
            read = own.attributes(address)[key]
            assert read is None if np.asarray(value).dtype.kind == "f" else read == texts(value)
        if isinstance(item, h5py.Dataset):
            if item.dtype.kind != "f":  # the optimizer's step
                return
            np.testing.assert_array_equal(own.array(address), item[()])
            arrays += 1
        else:
            assert set(own.links(address)) == set(item)

    with h5py.File(io.BytesIO(CONTENTS[name])) as file:
        for key, value in file.attrs.items():
            assert own.attributes(own.root)[key] == texts(value)
        file.visititems(compare)
    assert arrays > 2


def texts(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [item if isinstance(item, str) else item.decode() for item in value]
    return value if isinstance(value, str) else value.decode()


@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", "<f8", ">f8"])
def test_numbers_of_every_type_become_float32(dtype: str) -> None:
    values = np.arange(6, dtype=dtype).reshape(2, 3) / 4
    content = made(lambda file: file.create_dataset("x", data=values))
    file = Hdf5File(content)
    read = file.array(file.find("x"))
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, values)


def test_fixed_texts_and_many_members_are_read() -> None:
    def make(file: Any) -> None:
        file.attrs["fixed"] = np.array([b"ab", b"cde"])
        file.attrs["one"] = np.bytes_(b"xyz")
        for k in range(300):
            file.create_group(f"group{k}")

    file = Hdf5File(made(make))
    assert file.attributes(file.root) == {"fixed": ["ab", "cde"], "one": "xyz"}
    assert set(file.links(file.root)) == {f"group{k}" for k in range(300)}


def test_compact_data_are_read() -> None:
    def make(file: Any) -> None:
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        creation.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((2,))
        dataset = h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, space, creation)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([1.5, 2.5], np.float32))

    file = Hdf5File(made(make))
    assert file.array(file.find("x")).tolist() == [1.5, 2.5]


def soft_link(file: Any) -> None:
    file["x"] = h5py.SoftLink("/y")


def external_link(file: Any) -> None:
    file["x"] = h5py.ExternalLink("/etc/passwd", "/y")


def external_data(file: Any) -> None:
    file.create_dataset("x", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def virtual_data(file: Any) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "y", (4,))
    file.create_virtual_dataset("x", layout)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda file: None, "has no x"),
        (soft_link, "has a soft link at x"),
        (external_link, "has groups of a newer layout of HDF5"),
        (external_data, "has data in other files"),
        (virtual_data, "has data in chunks, virtual data or an old layout of data"),
        (
            lambda file: file.create_dataset("x", (4,), "f4", chunks=(2,)),
            "has data in chunks, virtual data or an old layout of data",
        ),
        (
            lambda file: file.create_dataset("x", (4,), "f4", compression="gzip"),
            "has data that are compressed",
        ),
        (
            lambda file: file.create_dataset("x", (4,), "i4"),
            "has weights that are not floating-point numbers",
        ),
        (lambda file: file.create_dataset("x", (4,), "f4"), "has weights that were never written"),
        (lambda file: file.create_group("x"), "has a group where weights are expected"),
        (
            lambda file: file.create_dataset("x", (1 << 40,), "f4"),
            "has weights larger than the file",
        ),
    ],
)
def test_other_content_is_refused(make: Callable[[Any], None], message: str) -> None:
    assert reason(made(make), "x") == message


def test_overlapping_weights_are_read_up_to_the_size_of_the_file() -> None:
    def make(file: Any) -> None:
        file["x"] = np.zeros(1000, np.float32)
        for k in range(9):
            file[f"x{k}"] = file["x"]

    file = Hdf5File(made(make))
    with pytest.raises(Hdf5Error, match="^has weights larger than the file$"):
        for k in range(9):
            file.array(file.find(f"x{k}"))


def test_other_files_are_refused() -> None:
    assert reason(b"no file", "x") == "is not an HDF5 file"
    assert reason(made(soft_link, libver="latest"), "x") == "has a newer layout of HDF5"
    assert reason(made(soft_link, userblock_size=512), "x") == "is not an HDF5 file"
    assert reason(made(soft_link)[:100], "x") == "is truncated or damaged"
    moved = bytearray(made(soft_link))
    moved[24] = 1
    assert reason(bytes(moved), "x") == "has a user block"


def test_groups_of_a_newer_layout_are_refused() -> None:
    content = made(lambda file: file.create_group("x", track_order=True).create_group("y"))
    assert reason(content, "x", "y").startswith("has ")


def test_a_group_that_contains_itself_is_refused() -> None:
    content = bytearray(made(lambda file: file.create_group("x")))
    tree = content.index(b"TREE")
    content[tree + 32 : tree + 40] = tree.to_bytes(8, "little")
    assert reason(bytes(content), "x") == "is damaged: a group contains itself"


def test_heaps_that_overlap_are_refused() -> None:
    content = bytearray(made(lambda file: file.attrs.update({"a": "xyz"})))
    heap = content.index(b"GCOL")
    size = (len(content) + 1).to_bytes(8, "little")
    content[heap + 8 : heap + 16] = size
    file = Hdf5File(bytes(content))
    with pytest.raises(Hdf5Error, match="^is damaged: texts are larger than the file$"):
        file.attributes(file.root)


def test_errors_of_python_become_those_of_the_file(tmp_path: Path) -> None:
    def fail() -> None:
        raise OverflowError("too large")

    with pytest.raises(Hdf5Error, match="^is damaged$"):
        guarded(fail)
