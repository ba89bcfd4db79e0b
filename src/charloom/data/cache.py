"""The cache folder: named corpora, encoded texts and digests of files.

Everything in it can be made again.
"""

import os
from pathlib import Path

import platformdirs


def cache_root() -> Path:
    """Return the cache folder of this user.

    The environment variable ``CHARLOOM_CACHE`` replaces the default of the system.
    """
    chosen = os.environ.get("CHARLOOM_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("charloom"))
