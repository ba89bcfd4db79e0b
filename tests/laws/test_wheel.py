"""The wheel: pure Python, with the files of src/charloom and nothing else; a light installation."""

import json
import re
import subprocess
import sys
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest
from optional import skip_or_fail

from charloom.extras import EXTRAS, package_name

ROOT = Path(__file__).parents[2]
OPTIONAL = {package_name(package) for package in EXTRAS}
HEAVY = {*OPTIONAL, "scipy", "zstandard"}
"""Packages that the base installation lacks."""


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
    assert "charloom = charloom.__main__:main" in scripts


def requirements(metadata: Message, extra: str | None) -> set[str]:
    """Return the names of the packages that an extra requires; None: those always required."""
    lines = [line.partition(";") for line in metadata.get_all("Requires-Dist", [])]
    marked = [(name, re.search(r"extra == '(\w+)'", marker)) for name, _, marker in lines]
    matches = [re.match(r"[\w.-]+", n) for n, m in marked if (m and m[1]) == extra]
    return {match[0] for match in matches if match}


def test_the_base_requires_no_package_of_an_extra(metadata: Message) -> None:
    base = requirements(metadata, None)
    assert "numpy" in base
    assert not base & HEAVY
    for package, extra in EXTRAS.items():
        assert requirements(metadata, extra) == {package_name(package)}
    assert requirements(metadata, "all") == OPTIONAL
    assert requirements(metadata, "dev") >= OPTIONAL | requirements(metadata, "test")
    assert not requirements(metadata, "test") & HEAVY


@pytest.mark.slow
def test_the_base_installs_no_package_of_an_extra(wheel: Path, tmp_path: Path) -> None:
    """pip chooses all packages as for an empty environment; none is installed."""
    report = tmp_path / "report.json"
    options = ["--dry-run", "--ignore-installed", "--quiet", "--report", str(report)]
    command = [sys.executable, "-m", "pip", "install", *options, str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.splitlines() or ["no message"])[-1]
        skip_or_fail(f"pip cannot choose the packages, perhaps without a network: {reason}")
    installed = json.loads(report.read_text("utf-8"))["install"]
    names = {item["metadata"]["name"].lower() for item in installed}
    assert {"charloom", "numpy", "numba"} <= names
    assert not names & HEAVY
    assert not [name for name in names if name.startswith(("nvidia", "triton"))]
