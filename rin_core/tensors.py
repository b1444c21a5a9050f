"""Tensors on disk: safetensors files that are replaced in one step."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors
from safetensors.torch import save_file
from torch import Tensor

from rin_core.files import new_version


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write contiguous tensors on the CPU, without a copy of them in memory.

    Args:
        path: Where to; its folder is made.
        tensors: By name.
        metadata: Texts by name, in the same file.

    Raises:
        OSError: The file cannot be written.
    """
    try:
        with new_version(path) as part:
            part.touch()
            mode = part.stat().st_mode
            save_file(dict(tensors), part, metadata=dict(metadata))
            part.chmod(mode)  # safetensors lets only the owner read it
    except safetensors.SafetensorError as error:  # such as a full disk
        raise OSError(f"{path}: cannot be written ({error})") from error
