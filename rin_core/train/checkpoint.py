"""Weights and training state on disk: complete safetensors files.

A file is written under a temporary name and then renamed, so a reader sees the old file or the new
one, never a part. Metadata is in the same file as its tensors, so the two cannot disagree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import Tensor

from rin_core.errors import CheckpointError
from rin_core.tensors import write_tensors

_DIGEST = "digest"


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write tensors with JSON metadata.

    Args:
        path: Where to; its folder is made.
        tensors: By name; moved to CPU.
        metadata: What ``json`` can write.

    Raises:
        OSError: The file cannot be written.
    """
    on_cpu = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    # One entry: safetensors writes several in random order, and equal files should be equal.
    text = {"rin": json.dumps({**metadata, _DIGEST: _digest(on_cpu, metadata)})}
    write_tensors(path, on_cpu, text)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`save_tensors` wrote.

    Raises:
        CheckpointError: The file is damaged, even in one bit, or another program wrote it.
    """
    tensors, metadata = _read(path, tensors=True)
    # safetensors checks its header alone; older files have no digest.
    if metadata.pop(_DIGEST, None) not in (None, _digest(tensors, metadata)):
        raise CheckpointError(f"{path}: cannot be read (its content is damaged); delete it")
    return tensors, metadata


def load_metadata(path: Path) -> dict[str, Any]:
    """Read only the metadata of a file, not its tensors; raises as :func:`load_tensors`."""
    metadata = _read(path, tensors=False)[1]
    metadata.pop(_DIGEST, None)
    return metadata


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> str:
    """Return a digest of all of a file; hashing takes milliseconds, a wrong number hours."""
    found = hashlib.blake2b(json.dumps(dict(metadata), sort_keys=True).encode(), digest_size=16)
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _read(path: Path, *, tensors: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safetensors.safe_open(path, framework="pt", device="cpu") as file:
            metadata = json.loads((file.metadata() or {}).get("rin", "{}"))
            if not isinstance(metadata, dict):
                raise ValueError("its metadata is not a JSON object")
            names = file.keys() if tensors else ()
            return {name: file.get_tensor(name) for name in names}, metadata
    except FileNotFoundError:
        raise
    except (safetensors.SafetensorError, ValueError, OSError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); delete it to continue") from error


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as named tensors: ``<parameter number>.<entry>``."""
    state = optimizer.state_dict()["state"]
    return {f"{k}.{name}": value for k, entries in state.items() for name, value in entries.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back the state that :func:`optimizer_tensors` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
