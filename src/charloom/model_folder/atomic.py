"""Folders that are filled beside the place where they are to stand, and renamed when whole.

A process that is killed leaves such a folder behind; its name tells for which place, on which
machine and in which process it was made, so that a later one can take it up or clear it away.
"""

import contextlib
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final

from charloom.model_folder.format import CARD

_REPLACED: Final = "model"
"""What a folder that stands in for a moment holds: the model that is replaced."""


def make_sibling(path: Path) -> Path:
    """Make a temporary folder beside ``path``."""
    return Path(tempfile.mkdtemp(prefix=f"{_prefix(path)}{os.getpid()}-", dir=path.parent))


def replace_directory(partial: Path, path: Path) -> None:
    """Rename the folder ``partial`` to ``path``, which may be missing, empty or a model."""
    _apply_umask(partial)
    if not path.exists():
        partial.rename(path)
        return
    old = make_sibling(path)
    try:
        path.rename(old / _REPLACED)
        partial.rename(path)
    finally:
        if not path.exists():
            (old / _REPLACED).rename(path)
        shutil.rmtree(old, ignore_errors=True)


def recover(path: Path) -> None:
    """Put in place what a process that was killed had ready for ``path``; clear the rest away.

    Where a kill came between two renamings, nothing stands at ``path``: then the new model is whole
    in its temporary folder, and the one that it replaces is in another.
    """
    with contextlib.suppress(OSError):
        left = list(_abandoned(path))
        ready = [folder for folder in left if (folder / CARD).is_file()]  # the last file written
        replaced = [folder / _REPLACED for folder in left if (folder / _REPLACED).is_dir()]
        for folder in ready:
            _apply_umask(folder)
        for folder in [*ready, *replaced]:
            if not path.exists() and not path.is_symlink():
                folder.rename(path)
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)


def _abandoned(path: Path) -> Iterator[Path]:
    """Yield the folders that processes which are no more made for ``path`` on this machine."""
    prefix = _prefix(path)
    for folder in path.parent.glob(f"{prefix}*-*"):
        owner = folder.name.removeprefix(prefix).split("-")[0]
        if owner.isdecimal() and not process_exists(int(owner)):
            yield folder


def _prefix(path: Path) -> str:
    # The model's name itself may be as long as names can be.
    place = f"{path.name} {platform.node()}".encode(errors="replace")
    return f".charloom-{blake2b(place, digest_size=6).hexdigest()}-"


def process_exists(process: int) -> bool:
    """Return whether there is a process of this number on this machine, for all that is known."""
    if os.name != "posix":  # elsewhere asking for a process by signal 0 would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _apply_umask(folder: Path) -> None:
    """Give a temporary folder, which only its owner may enter, the rights of an ordinary one."""
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)
