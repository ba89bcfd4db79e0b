import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from keras_models import FOLDER, archive, members

from charloom.errors import ModelFolderError
from charloom.exchange import keras_file
from charloom.exchange.hdf5_values import Hdf5Error
from charloom.exchange.keras_file import read_bounded, read_keras_file

LESSON = FOLDER / "lesson.keras"
ADVICE = "; save the model again with model.save() of Keras, as .keras or .h5."


def message(path: Path) -> str:
    with pytest.raises(ModelFolderError) as error:
        read_keras_file(path)
    return str(error.value)


def test_the_first_bytes_and_not_the_suffix_name_the_kind(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(LESSON.read_bytes())
    assert read_keras_file(path).program == "Keras 3.15.1"
    assert [len(a.shape) for a in read_keras_file(path).weights("LSTM", "lstm")] == [2, 2, 1]


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    path = tmp_path / "x.keras"
    assert message(path) == f"there is no file {path}; name the file of a model."
    long = tmp_path / ("x" * 300)
    assert message(long) == (
        f"{long} cannot be read (File name too long); name a file that you may read."
    )


def test_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.h5"
    with path.open("wb") as file:
        file.truncate(2_000_000_001)  # sparse
    with pytest.raises(ModelFolderError) as error:
        read_bounded(path)
    assert str(error.value) == (
        f"{path} has more than 2 GB, which no model here needs; name another file."
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m.pop("config.json"), "has no config.json"),
        (lambda m: m.pop("model.weights.h5"), "has no model.weights.h5"),
        (lambda m: m.update({"config.json": b"{"}), "has a damaged config.json"),
        (lambda m: m.update({"config.json": b"[" * 100_000}), "has a damaged config.json"),
        (lambda m: m.update({"metadata.json": b"\xff"}), "has a damaged metadata.json"),
        (lambda m: m.update({"model.weights.h5": b"x"}), "is not an HDF5 file"),
        (
            lambda m: m.update({f"x{k}": b"" for k in range(1000)}),
            "has more than 1,000 members",
        ),
    ],
)
def test_archives_without_a_model(
    change: Callable[[dict[str, bytes]], object], reason: str, tmp_path: Path
) -> None:
    content = members(LESSON)
    change(content)
    path = archive(tmp_path / "x.keras", content)
    assert message(path) == f"{path} {reason}{ADVICE}"


def test_members_of_other_names_are_never_opened(tmp_path: Path) -> None:
    other = {"../../escape": b"x", "/etc/passwd": b"x", "assets/": b"", "bomb": bytes(10**7)}
    path = archive(tmp_path / "x.keras", members(LESSON) | other, zipfile.ZIP_DEFLATED)
    assert read_keras_file(path).program == "Keras 3.15.1"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.keras"]


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = members(LESSON) | {"model.weights.h5": bytes(50_000_000)}
    path = archive(tmp_path / "x.keras", bomb, zipfile.ZIP_DEFLATED)
    limit = 20 * path.stat().st_size
    assert message(path) == f"{path} has model.weights.h5 of more than {limit:,} bytes{ADVICE}"
    path = archive(tmp_path / "y.keras", members(LESSON) | {"config.json": bytes(20_000_000)})
    assert message(path) == f"{path} has config.json of more than 16,000,000 bytes{ADVICE}"


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("config.json", b"{}")
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("config.json", b"{}")
    path = tmp_path / "x.keras"
    path.write_bytes(stream.getvalue())
    assert message(path) == f"{path} has config.json twice{ADVICE}"


def test_odd_archives(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.keras", members(LESSON), zipfile.ZIP_LZMA)
    assert message(path) == f"{path} is compressed in an unusual way{ADVICE}"
    path = archive(tmp_path / "x.keras", members(LESSON))
    content = bytearray(path.read_bytes())
    for start in range(len(content)):
        if content[start : start + 4] == b"PK\1\2":
            content[start + 8] |= 1
    path.write_bytes(content)
    assert message(path) == f"{path} is encrypted{ADVICE}"
    path.write_bytes(LESSON.read_bytes()[:3000])
    assert message(path) == f"{path} is a damaged archive{ADVICE}"


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    path = tmp_path / "x.weights.h5"
    path.write_bytes(members(LESSON)["model.weights.h5"])
    assert message(path) == f"{path} has weights only and no model_config{ADVICE}"


@pytest.mark.needs("h5py")
@pytest.mark.parametrize("is_legacy", [False, True])
def test_layers_with_many_arrays_take_no_time(*, is_legacy: bool, tmp_path: Path) -> None:
    import h5py

    names = [f"w{k}" for k in range(2000)]
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights/lstm" if is_legacy else "layers/lstm/cell/vars")
        if is_legacy:
            file.attrs["model_config"] = "{}"
            group.attrs["weight_names"] = names
        for name in names:
            group.create_group(name)
    if not is_legacy:
        path = archive(path, members(LESSON) | {"model.weights.h5": path.read_bytes()})
    place = "model_weights/lstm" if is_legacy else "layers/lstm/cell/vars"
    with pytest.raises(Hdf5Error, match=f"^has 2,000 weights at {place}$"):
        read_keras_file(path).weights("LSTM", "lstm")


def test_versions_that_are_no_versions_are_left_out(tmp_path: Path) -> None:
    odd = {"metadata.json": b'{"keras_version": "3\\n\\u001b[2J"}'}
    path = archive(tmp_path / "x.keras", members(LESSON) | odd)
    assert read_keras_file(path).program == "Keras"
    assert keras_file.snake_case("TimeDistributed") == "time_distributed"
