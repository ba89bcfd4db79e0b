"""Replace a whole folder at once: fill a temporary folder beside it, then rename.

The temporary folder's name contains a hash of the final path and of the machine, and the process
id. If the process is killed, a later process recognizes the folder and finishes or removes it.
``charloom.files`` writes and replaces single files.
"""

import contextlib
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Final

from charloom.files import exists, fsync_directory, is_dir, is_file, write_file
from charloom.model_folder.format import CARD

_REPLACED: Final = "model"
"""Name of the old model within a temporary folder, while the new one takes its place."""


def make_sibling(path: Path) -> Path:
    """Create a temporary folder in the parent of ``path``."""
    return Path(tempfile.mkdtemp(prefix=f"{_prefix(path)}{os.getpid()}-", dir=path.parent))


def fill_directory(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into ``folder``, the last one when all others are on the disk.

    If the last file is there, the folder is complete, also after a power failure.
    """
    *names, last = contents
    for name in names:
        write_file(folder / name, contents[name])
    fsync_directory(folder)
    write_file(folder / last, contents[last])
    fsync_directory(folder)


def replace_directory(temporary: Path, path: Path) -> None:
    """Rename the folder ``temporary`` to ``path``.

    ``path`` may be missing, an empty folder or a model. If renaming fails, the old folder is put
    back. Raises OSError.
    """
    _apply_umask(temporary)
    if not exists(path):
        temporary.rename(path)
        fsync_directory(path.parent)
        return
    old = make_sibling(path)
    try:
        path.rename(old / _REPLACED)
        temporary.rename(path)
        fsync_directory(path.parent)  # before the old model is deleted
    finally:
        if not exists(path):
            (old / _REPLACED).rename(path)
        shutil.rmtree(old, ignore_errors=True)


def recover(path: Path) -> None:
    """Finish or undo a replacement of ``path`` whose process was killed.

    A process that is killed between its two renames leaves nothing at ``path``: the new model is
    in its temporary folder and the old one in another. A complete new model is preferred. Then all
    temporary folders of ended processes of this machine are removed.
    """
    with contextlib.suppress(OSError):
        abandoned = list(_abandoned(path))
        complete = [folder for folder in abandoned if is_file(folder / CARD)]  # written last
        replaced = [folder / _REPLACED for folder in abandoned if is_dir(folder / _REPLACED)]
        for folder in complete:
            _apply_umask(folder)
        for folder in [*complete, *replaced]:
            if not exists(path) and not path.is_symlink():
                folder.rename(path)
                fsync_directory(path.parent)
        for folder in abandoned:
            shutil.rmtree(folder, ignore_errors=True)


def _abandoned(path: Path) -> Iterator[Path]:
    """Yield the temporary folders of ended processes of this machine for ``path``."""
    prefix = _prefix(path)
    for folder in path.parent.glob(f"{prefix}*-*"):
        process = folder.name.removeprefix(prefix).split("-")[0]
        if process.isdecimal() and not process_exists(int(process)):
            yield folder


def _prefix(path: Path) -> str:
    # A hash, because the name of the model may be as long as the file system allows.
    name = f"{path.name} {platform.node()}".encode(errors="replace")
    return f".charloom-{blake2b(name, digest_size=6).hexdigest()}-"


def process_exists(process: int) -> bool:
    """Return whether a process with this id may be running on this machine."""
    if os.name != "posix":  # elsewhere, signal 0 would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _apply_umask(folder: Path) -> None:
    """Give a temporary folder, which only its owner may use, default permissions."""
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)
