"""A folder for files that save time when they are there, such as compiled code."""

from __future__ import annotations

import functools
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def cache_folder() -> Path:
    """Return a folder for such files.

    ``$RIN_CACHE`` if it is set, else ``~/.cache/rin-study``. Without a home that can be written, it
    is a folder under the temporary one that only this user can write: compiled code is run.
    """
    if given := os.environ.get("RIN_CACHE"):
        return Path(given)
    return _in_home() or _temporary()


def _in_home() -> Path | None:
    """Return the folder in this user's home, None if there is no home that can be written."""
    try:
        folder = Path.home() / ".cache" / "rin-study"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: a user without a name and without HOME
        return None
    return folder if os.access(folder, os.W_OK) else None


@functools.cache
def _temporary() -> Path:
    folder = Path(tempfile.gettempdir()) / f"rin-study-{os.getuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
        if not is_own or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return Path(tempfile.mkdtemp(prefix=f"{folder.name}-"))
    return folder


def set_numba_cache(source: Path) -> None:
    """Let Numba keep compiled code where it can; it refuses to compile where it finds no place.

    Args:
        source: A file with functions to compile. Numba's own choice is a folder beside it.
    """
    import numba

    beside = source.parent / "__pycache__"
    writable = os.access(beside if beside.exists() else source.parent, os.W_OK)
    if not numba.config.CACHE_DIR and not writable:
        numba.config.CACHE_DIR = str(cache_folder() / "numba")


def set_matplotlib_cache() -> None:
    """Let matplotlib keep its list of fonts where it can, without its notices on the screen.

    It reads the variable when it is imported. Its own choice is a folder in the home.
    """
    if "MPLCONFIGDIR" not in os.environ and _in_home() is None:
        os.environ["MPLCONFIGDIR"] = str(cache_folder() / "matplotlib")
