"""Files of text, and folders with one for each document."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from rin_core.data.corpus import CorpusError

#: First bytes of files that are no UTF-8 text, with what they are and the remedy.
_OTHERS = (
    (b"\x1f\x8b", "packed with gzip", "unpack it with gunzip"),
    (b"PK\x03\x04", "a zip archive", "unpack it"),
    (codecs.BOM_UTF16_LE, "UTF-16 text", "save it as UTF-8"),
    (codecs.BOM_UTF16_BE, "UTF-16 text", "save it as UTF-8"),
)


def read_text(path: Path) -> str:
    """Return the text of a file, with its line ends and its byte order mark.

    Raises:
        CorpusError: It is not UTF-8.
        OSError: It cannot be read.
    """
    raw = path.read_bytes()
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CorpusError(f"{path}:{line}: {not_utf8(raw, error)}") from None


def not_utf8(raw: bytes, error: UnicodeDecodeError) -> str:
    """Return what bytes are that are not UTF-8, and the remedy."""
    for start, what, remedy in _OTHERS:
        if raw.startswith(start):
            return f"not UTF-8 text but {what}: {remedy}"
    return f"not UTF-8 text ({error.reason}): save it as UTF-8"


def entries(folder: Path) -> list[Path]:
    """Return the files and folders of a folder in order, except hidden ones.

    Raises:
        OSError: It cannot be read.
    """
    return _visible(folder.iterdir(), folder)


def documents(folder: Path, suffix: str) -> list[Path]:
    """Return the files with a suffix in a folder and up to two levels below, in order.

    Hidden files and the content of hidden folders are left out.
    """
    levels = (folder.glob(f"{below}*{suffix}") for below in ("", "*/", "*/*/"))
    return _visible(chain.from_iterable(levels), folder)


def _visible(paths: Iterable[Path], folder: Path) -> list[Path]:
    """Return the paths below a folder in order, except hidden ones.

    macOS adds ``._train.json`` and ``__MACOSX``, and Jupyter ``.ipynb_checkpoints``.
    """
    return sorted(
        path
        for path in paths
        if not any(x.startswith(".") or x == "__MACOSX" for x in path.relative_to(folder).parts)
    )
