"""Files that are replaced in one step: a reader sees the old file or the new one, whole."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step; after a power cut it is either whole or the old one."""
    with open_atomically(path) as file:
        file.write(content)


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write. It replaces the old file at the end, or not at all after an error.

    Args:
        path: The file; its folder is made if it is missing.
    """
    with new_version(path) as part, part.open("wb") as file:
        yield file


@contextmanager
def new_version(path: Path) -> Iterator[Path]:
    """Give the name under which to write a file that replaces another at the end.

    Args:
        path: The other file; its folder is made if it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def copy_atomically(source: Path, target: Path) -> None:
    """Copy a file to a name that has the whole copy or none."""
    with new_version(target) as part:
        shutil.copyfile(source, part)


def incomplete_files(folder: Path) -> list[Path]:
    """Return what writers have begun in a folder and not yet renamed; a killed one never does.

    The names are those of :func:`new_version` and of safetensors, which writes ``.tmp`` and six
    letters beside the file.
    """
    return sorted(chain(folder.glob(".*.part"), folder.glob(".tmp??????")))
