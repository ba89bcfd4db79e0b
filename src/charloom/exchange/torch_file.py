"""Read a safetensors file that another program wrote."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from charloom.errors import ModelFolderError
from charloom.exchange.torch_names import Floats
from charloom.formatting import quote
from charloom.model_folder.weights import WeightTypeError, read_weights

MAX_BYTES: Final = 2_000_000_000
_PICKLES: Final = (b"PK\x03\x04", b"\x80\x02", b"\x80\x04")
"""First bytes of files that torch.save writes."""


def read_state_dict(path: Path) -> Mapping[str, Floats]:
    """Return the arrays by name, in float32.

    Raises ModelFolderError for a file that cannot be read, is no safetensors file, is larger than
    MAX_BYTES, or has arrays of other types than float32, float16 or bfloat16, empty arrays, or
    values that are not finite.
    """
    from safetensors import SafetensorError

    content = _read(path)
    if content.startswith(_PICKLES):
        raise ModelFolderError(
            f"{path} is a file of torch.save, which can run code and is never opened; load it with "
            "torch.load(..., weights_only=True) and write it with safetensors.torch.save_file."
        )
    try:
        state, _, metadata = read_weights(content)
    except WeightTypeError as error:
        raise ModelFolderError(
            f"{path} has arrays of type {error}; convert all to float32 with .float()."
        ) from error
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise ModelFolderError(
            f"{path} is no intact safetensors file; write it again with "
            "safetensors.torch.save_file."
        ) from error
    if metadata.get("nonlinearity", "tanh") != "tanh":
        raise ModelFolderError(
            f"{path} names the nonlinearity {quote(str(metadata['nonlinearity'])[:40])}; nn.RNN is "
            "supported with tanh only."
        )
    for name, array in state.items():
        if array.size == 0:
            raise ModelFolderError(
                f"{path} has {quote(name[:80])} without values; write it again from a whole model."
            )
        if not np.isfinite(array).all():
            raise ModelFolderError(
                f"{path} has NaN or infinity in {quote(name[:80])}, so no text can be generated; "
                "export weights that are finite."
            )
    # The package safetensors has no order of its own.
    return dict(sorted(state.items()))


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ModelFolderError(
                f"{path} has {size:,} bytes; at most {MAX_BYTES:,} are read: export a smaller "
                "model."
            )
        return path.read_bytes()
    except OSError as error:
        raise ModelFolderError(
            f"{path} cannot be read ({error.strerror or error}); name a safetensors file."
        ) from error
