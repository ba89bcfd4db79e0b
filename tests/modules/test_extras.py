"""Missing packages: found without importing them, reported in one line."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from charloom.errors import MissingPackageError
from charloom.extras import EXTRAS, check_device, is_installed, package_name, require_package


def test_each_extra_of_the_project_is_that_of_its_package() -> None:
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    for package, extra in EXTRAS.items():
        (requirement,) = project["optional-dependencies"][extra]
        name = package_name(package)
        assert requirement.startswith(name)
        assert not any(needed.startswith(name) for needed in project["dependencies"])


def test_packages_are_found_without_an_import() -> None:
    program = (
        "import sys\nfrom charloom.extras import EXTRAS, is_installed\n"
        "print(*map(is_installed, ('numpy', 'no_such_package')))\n"
        "[is_installed(package) for package in EXTRAS]\n"
        "print({'numpy', *EXTRAS} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["True False", "set()"]


def test_an_installed_package_passes() -> None:
    assert is_installed("numpy")
    require_package("numpy", "a table", "leave it out")


@pytest.mark.parametrize(("package", "extra"), EXTRAS.items())
def test_a_missing_package_is_one_line_with_the_command(
    package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError) as caught:
        require_package(package, "--best", "leave --best out")
    assert str(caught.value) == (
        f"--best needs the package {package_name(package)}, which is not installed; "
        f"install it with pip install 'charloom[{extra}]', or leave --best out."
    )


def test_the_scorer_of_scikit_learn_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "charloom.sklearn.line_scorer", raising=False)
    with pytest.raises(MissingPackageError) as caught:
        from charloom.sklearn import LineScorer  # noqa: F401
    assert str(caught.value) == (
        "charloom.sklearn.LineScorer needs the package scikit-learn, which is not installed; "
        "install it with pip install 'charloom[sklearn]', or use charloom.Model.score."
    )
    with pytest.raises(ImportError, match="cannot import name 'TextScorer'"):
        from charloom.sklearn import TextScorer  # type: ignore[attr-defined]  # noqa: F401


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
def test_a_gpu_needs_torch(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackageError) as caught:
        check_device(device)
    assert str(caught.value) == (
        f"--device {device} needs the package torch, which is not installed; "
        "install it with pip install 'charloom[torch]', or use --device cpu."
    )


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_a_cpu_needs_no_package(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    check_device(device)
