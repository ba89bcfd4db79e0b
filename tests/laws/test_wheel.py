"""The wheel: pure Python, with the files of src/charloom and nothing else."""

import subprocess
import sys
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the installed hatchling, which needs no network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*command, str(folder)], cwd=ROOT, check=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_string(archive.read(name).decode("utf-8"))


def test_one_wheel_is_for_every_system(wheel: Path) -> None:
    assert wheel.name == "charloom-0.1.0-py3-none-any.whl"


def test_the_wheel_contains_the_package_its_types_and_its_license(names: set[str]) -> None:
    source = ROOT / "src"
    package = {
        path.relative_to(source).as_posix()
        for path in (source / "charloom").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "charloom/py.typed" in package
    assert package == {name for name in names if ".dist-info/" not in name}
    assert "charloom-0.1.0.dist-info/licenses/LICENSE" in names


def test_the_wheel_names_python_version_license_and_command(wheel: Path, metadata: Message) -> None:
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    with zipfile.ZipFile(wheel) as archive:
        scripts = archive.read("charloom-0.1.0.dist-info/entry_points.txt").decode("utf-8")
    assert "charloom = charloom.cli.app:main" in scripts
