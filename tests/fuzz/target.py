"""What a target is: a function of bytes that raises nothing where all is well."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

MEMORY = Path("/dev/shm")  # a file each time: on a disk that would be all there is to measure
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-", dir=MEMORY if MEMORY.exists() else None))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


class WrongNumber(AssertionError):
    """Input was accepted, and now means something that it must not."""


class Target(NamedTuple):
    """A function that reads bytes, and valid input for it."""

    read: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
