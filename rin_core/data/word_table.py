"""The vectors of all words of a file, as one safetensors file that a trained model reads.

A model's own file has the words of its training split. With the table beside it, or in the
``vectors`` folder of its ledger, the model knows every word of the file that it was trained with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import load, save

from rin_core.data.vectors import VectorsError
from rin_core.files import write_atomically

Array = NDArray[Any]


def save_word_table(path: Path, words: Sequence[str], matrix: NDArray[np.float32]) -> None:
    """Write words and their rows [X, dim]; the folder is made."""
    text = np.frombuffer("\n".join(words).encode(), np.uint8)
    tensors: dict[str, Array] = {"words": text, "matrix": np.ascontiguousarray(matrix)}
    write_atomically(path, save(tensors, metadata={"digest": _digest(tensors)}))


def load_word_table(path: Path) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Read what :func:`save_word_table` wrote.

    Raises:
        VectorsError: The file cannot be read, or its content is damaged.
    """
    try:
        tensors = load(path.read_bytes())
        with safetensors.safe_open(path, framework="numpy") as file:
            digest = (file.metadata() or {}).get("digest")
        words, matrix = tuple(tensors["words"].tobytes().decode().split("\n")), tensors["matrix"]
        is_whole = digest == _digest(tensors)
    except (OSError, LookupError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise VectorsError(f"{path}: cannot be read as word vectors ({error}); delete it") from None
    # The digest is of the bytes alone, not of their type.
    is_whole &= matrix.dtype == np.float32 and matrix.ndim == 2 and len(matrix) == len(words)
    if not is_whole:
        raise VectorsError(f"{path}: its content is damaged; delete it, or copy it again")
    return words, matrix


def _digest(tensors: Mapping[str, Array]) -> str:
    content = hashlib.sha256(tensors["words"].tobytes())
    content.update(tensors["matrix"].tobytes())
    return content.hexdigest()
