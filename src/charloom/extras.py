"""Optional packages, the extra that installs each, and the error without it."""

import importlib.util
from typing import Final

from charloom.errors import MissingPackageError

EXTRAS: Final = {
    "h5py": "export",
    "huggingface_hub": "hub",
    "optuna": "search",
    "polars": "parquet",
    "sklearn": "sklearn",
    "tensorboard": "tensorboard",
    "torch": "torch",
}
"""Optional packages by the name of their module, and the extra of charloom that installs each."""
_OTHER_NAMES: Final = {"huggingface_hub": "huggingface-hub", "sklearn": "scikit-learn"}
"""The name to install of packages whose module has another."""


def package_name(module: str) -> str:
    """Return the name by which the package of a module is installed."""
    return _OTHER_NAMES.get(module, module)


def is_installed(package: str) -> bool:
    """Return whether a package can be imported; it is not imported."""
    return importlib.util.find_spec(package) is not None


def require_package(package: str, feature: str, alternative: str) -> None:
    """Raise MissingPackageError if an optional package is not installed.

    The message is "FEATURE needs the package ...; install it with ..., or ALTERNATIVE.": pass what
    the user asked for, and how to do without it. Call it before any work is done.
    """
    if not is_installed(package):
        raise MissingPackageError(
            f"{feature} needs the package {package_name(package)}, which is not installed; install "
            f"it with pip install 'charloom[{EXTRAS[package]}]', or {alternative}."
        )


def check_device(device: str) -> None:
    """Raise MissingPackageError if ``device`` is a GPU and torch is not installed.

    Other names are not checked: ``auto`` and ``cpu`` need no package.
    """
    if device.partition(":")[0] in ("cuda", "mps"):
        require_package("torch", f"--device {device}", "use --device cpu")
