"""Where charloom keeps what it can fetch or make again: named corpora, and texts as ids."""

import os
from pathlib import Path

import platformdirs


def cache_root() -> Path:
    """Return the cache folder: ``CHARLOOM_CACHE`` if set, else the usual one of this system."""
    chosen = os.environ.get("CHARLOOM_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("charloom"))
