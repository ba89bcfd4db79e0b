"""Weights of a model in 16 bits, for a smaller folder and faster generation."""

import dataclasses

import numpy as np

from charloom.errors import SettingsError
from charloom.model_folder.format import ModelRecord
from charloom.model_folder.weights import WeightPrecision, narrow, widen


def round_weights(record: ModelRecord, precision: WeightPrecision) -> ModelRecord:
    """Return the model with every weight rounded to ``precision``, ties to even.

    The model folder of the result has tensors of that type. Metrics and calibration stay those of
    the weights before rounding. Raises SettingsError for a weight outside the range of the type.
    """
    with np.errstate(invalid="ignore"):
        tensors = {
            name: widen(narrow(tensor, precision), precision)
            for name, tensor in record.tensors.items()
        }
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise SettingsError(
                f"the weights of {name} reach {np.abs(record.tensors[name]).max():.4g}, outside "
                f"the range of {precision}; choose bf16 or keep fp32."
            )
    return dataclasses.replace(record, tensors=tensors, weight_precision=precision)
