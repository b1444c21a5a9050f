"""Names of the files of a run, and how a run is found in an output folder."""

from __future__ import annotations

from pathlib import Path

from rin_core.plural import plural

CHECKPOINT = "checkpoint.safetensors"
"""Everything that training needs to resume."""
WEIGHTS = "weights.safetensors"
"""The model of the best epoch so far."""
AVERAGED_WEIGHTS = "averaged.safetensors"
"""The model with the moving average of the weights, with ``training.average=ema``."""
VECTORS = "vectors"
"""The folder of word vectors, in an output folder."""
RUNS = "units"
"""The folder of all runs, in an output folder. Each has a folder named by its fingerprint."""


class RunNotFound(ValueError):
    """No run, or more than one run, has a fingerprint with the given first digits."""


def find_run(root: Path, prefix: str) -> Path:
    """Return the folder of the run whose fingerprint starts with the given digits.

    Args:
        root: An output folder, such as ``runs``.
        prefix: The first digits of a fingerprint.

    Raises:
        RunNotFound: No run matches, or several do.
    """
    folder = root / RUNS
    names = sorted(path.name for path in folder.glob("*") if path.is_dir())
    found = [name for name in names if name.startswith(prefix)]
    if len(found) == 1:
        return folder / found[0]
    if not found:
        raise RunNotFound(f"{prefix}: no such run in {folder} ({plural(len(names), 'run')} there)")
    several = ", ".join(found[:5])
    raise RunNotFound(f"{prefix}: matches {several}; give more digits of the fingerprint")
