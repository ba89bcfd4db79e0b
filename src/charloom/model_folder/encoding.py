"""JSON and digests of the files in a model folder.

NumPy is not imported, because every command line imports this module at its start.
"""

import hashlib
import json


def digest(content: bytes) -> str:
    """Return the BLAKE2b digest of 16 bytes, in hexadecimal."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def model_json(value: object) -> bytes:
    """Return ``value`` as the JSON of a model folder: UTF-8, sorted keys."""
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def checkpoint_json(value: object) -> bytes:
    """Return ``value`` as the JSON of a checkpoint: ASCII, sorted keys.

    ASCII, because names of source files may contain surrogates, which UTF-8 cannot encode. Raises
    ValueError for NaN.
    """
    return (json.dumps(value, allow_nan=False, indent=1, sort_keys=True) + "\n").encode("ascii")
