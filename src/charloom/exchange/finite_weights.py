"""The check of weights that every export makes."""

import numpy as np

from charloom.errors import SettingsError
from charloom.model_folder.format import ModelRecord


def check_finite(record: ModelRecord) -> None:
    """Raise SettingsError for weights from which no text can be generated."""
    for name, tensor in record.tensors.items():
        if not np.isfinite(tensor).all():
            raise SettingsError(
                f"the weights of {name} hold NaN or infinity, so no text can be generated; "
                "train again with a lower learning rate."
            )
