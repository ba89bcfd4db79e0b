"""The cache folder: named corpora, encoded texts and file digests, all of which can be remade."""

import os
from pathlib import Path

import platformdirs


def cache_root() -> Path:
    """Return ``CHARLOOM_CACHE`` if it is set, else the user's cache folder of this system."""
    chosen = os.environ.get("CHARLOOM_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("charloom"))
