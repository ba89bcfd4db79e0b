"""Weights as an export stores them: in 32, 16 or 8 bits a value.

With ``int8``, each row (the values along the last axis) of a tensor of two or more axes has one
scale, its largest magnitude divided by 127, and a value is the integer times the scale, rounded to
float32. Tensors of one axis, the biases, stay in float32.
"""

import dataclasses
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.exchange.names import STORED_TYPES, StoredType
from charloom.formatting import quote
from charloom.model_folder.format import ModelRecord
from charloom.model_folder.weights import WeightPrecision

_MAX_INTEGER: Final = 127
_PRECISIONS: Final[dict[StoredType, WeightPrecision]] = {"float16": "fp16", "int8": "fp32"}
"""The type of the rounded weights in a model folder."""


@dataclasses.dataclass(frozen=True)
class StoredTensor:
    """A tensor in a type of fewer bits."""

    type: StoredType
    stored: NDArray[Any]
    """The values in the type, with the axes of the tensor."""
    scales: NDArray[np.float32] | None = None
    """One for each row of a tensor of integers, with one axis less."""

    def values(self) -> NDArray[np.float32]:
        """Return the float32 values that the tensor stands for."""
        values = self.stored.astype(np.float32)
        return values if self.scales is None else values * self.scales[..., np.newaxis]


def check_stored_type(dtype: str) -> StoredType:
    """Return the type of a name; raises SettingsError for another name."""
    for known in STORED_TYPES:
        if dtype == known:
            return known
    raise SettingsError(f"dtype is {quote(str(dtype))}; it must be {', '.join(STORED_TYPES)}.")


def store_tensor(name: str, tensor: NDArray[np.float32], dtype: StoredType) -> StoredTensor:
    """Return a tensor in a type, each value rounded to the nearest, ties to even.

    Raises SettingsError for values outside the range of the type.
    """
    if dtype == "int8" and tensor.ndim > 1:
        scales = np.abs(tensor).max(axis=-1) / np.float32(_MAX_INTEGER)
        # A row of zeros has integers 0 at any scale; so do rows too small for a scale.
        divisors = np.where(scales > 0, scales, np.float32(1))[..., np.newaxis]
        integers = np.clip(np.rint(tensor / divisors), -_MAX_INTEGER, _MAX_INTEGER)
        return StoredTensor("int8", integers.astype(np.int8), scales)
    if dtype != "float16":
        return StoredTensor("float32", tensor)
    with np.errstate(over="ignore"):
        halves = tensor.astype(np.float16)
    if not np.isfinite(halves).all():
        raise SettingsError(
            f"the weights of {name} reach {np.abs(tensor).max():.4g}, outside the range of "
            "float16; choose float32 or int8."
        )
    return StoredTensor("float16", halves)


def round_model(record: ModelRecord, dtype: StoredType) -> ModelRecord:
    """Return the model with the weights that an export in a type stands for.

    Its metrics and its calibration stay those of the weights before. Raises SettingsError for
    weights outside the range of the type.
    """
    if dtype == "float32":
        return record
    tensors = {
        name: store_tensor(name, tensor, dtype).values() for name, tensor in record.tensors.items()
    }
    return dataclasses.replace(record, tensors=tensors, weight_precision=_PRECISIONS[dtype])
