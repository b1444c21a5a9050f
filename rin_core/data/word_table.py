"""The vectors of all words of a file, as one safetensors file that a trained model reads.

A model's own file has the words of its training split. With the table beside it, or in the
``vectors`` folder of its ledger, the model knows every word of the file that it was trained with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray

from rin_core.data.vectors import VectorsError
from rin_core.tensors import write_tensors

Array = NDArray[Any]


def save_word_table(path: Path, words: Sequence[str], matrix: NDArray[np.float32]) -> None:
    """Write words and their rows [X, dim]; the folder is made."""
    arrays = np.frombuffer("\n".join(words).encode(), np.uint8).copy(), np.ascontiguousarray(matrix)
    text, rows = map(torch.from_numpy, arrays)
    write_tensors(path, {"words": text, "matrix": rows}, {"digest": _digest(*arrays)})


def load_word_table(path: Path) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Return the words and their rows [X, dim] that :func:`save_word_table` wrote.

    Raises:
        VectorsError: The file cannot be read, or its content is damaged.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            text, matrix = file.get_tensor("words"), file.get_tensor("matrix")
            digest = (file.metadata() or {}).get("digest")
        words = tuple(text.tobytes().decode().split("\n"))
        is_whole = digest == _digest(text, matrix)
    except (OSError, LookupError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise VectorsError(f"{path}: cannot be read as word vectors ({error}); delete it") from None
    # The digest is of the bytes alone, not of their type.
    is_whole &= matrix.dtype == np.float32 and matrix.ndim == 2 and len(matrix) == len(words)
    if not is_whole:
        raise VectorsError(f"{path}: its content is damaged; delete it, or copy it again")
    return words, matrix


def _digest(text: Array, matrix: Array) -> str:
    """Return a digest of the bytes, which are gigabytes in large files: they are not copied."""
    content = hashlib.sha256()
    for array in (text, matrix):
        content.update(array.reshape(-1).view(np.uint8).data)
    return content.hexdigest()
