"""A pretrained transformer: from its files to plain values, and from those to a module.

The files are read once, where the corpus is encoded. The weights are then sent to trials as arrays,
like word vectors: trials on other machines need no folder of the model, and they train exactly the
weights that were digested. Only safetensors are read, and code that comes with a model never runs.

Importing ``transformers`` takes seconds, so functions import it when they need it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rin_core.data.installed import BASE, OWNER, SMALL, installed_folder, installed_name
from rin_core.data.pieces import PieceTokenizer
from rin_core.problems import first_line, short

#: The files of a model that decide its numbers, in the order in which they are digested.
FILES = (
    "config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)
MOST_LAYERS = 1_000
_NEEDED = {
    "config.json": "no config.json",
    "model*.safetensors": "no weights in safetensors (pickled ones are never read)",
    "tokenizer.json": "no tokenizer.json (a fast tokenizer is needed)",
}

_WANTED = (
    "give a folder with config.json, tokenizer.json and model.safetensors, or "
    f"{SMALL} or {BASE} after `make encoders`"
)


class PretrainedError(ValueError):
    """A pretrained model that cannot be used. The message names model, problem and remedy."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pretrained:
    """A transformer in plain values."""

    name: str
    """Owner and name as on the hub, or a folder's last two parts; not part of its digest."""
    digest: str
    """Identity of the files' content, 16 hexadecimal digits."""
    architecture: Mapping[str, Any] = field(repr=False)
    """Its configuration, in JSON's types."""
    tokenizer: PieceTokenizer
    weights: Mapping[str, NDArray[np.float32]] = field(repr=False)
    """By name, without the pooler; empty if a checkpoint has them."""

    @property
    def size(self) -> int:
        """How many weights there are."""
        return sum(array.size for array in self.weights.values())

    def to_json(self) -> dict[str, Any]:
        """Return all but the weights in JSON's types."""
        return {
            "name": self.name,
            "digest": self.digest,
            "architecture": dict(self.architecture),
            "tokenizer": self.tokenizer.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Pretrained:
        """Rebuild what :meth:`to_json` wrote; trained weights are loaded into it later."""
        check_layers(data["architecture"])
        tokenizer = PieceTokenizer.from_json(data["tokenizer"])
        return cls(**{**data, "tokenizer": tokenizer, "weights": {}})


def load_pretrained(name: str, max_pieces: int) -> Pretrained:
    """Read a model's files.

    Args:
        name: A folder; the name of an encoder that ``make encoders`` installs; or a name on the
            Hugging Face hub, whose files are downloaded once and kept in the hub's own cache.
        max_pieces: Most pieces of a window; the model's own limit applies if it is lower.

    Raises:
        PretrainedError: No such model, no connection, or a model without safetensors, without a
            fast tokenizer, or that is not an encoder.
    """
    given = Path(name) if Path(name).is_dir() else installed_folder(name)
    folder = given or _download(name)
    content = hashlib.sha256()
    for path in _files(name, folder):
        with path.open("rb") as file:
            content.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    with _clear_errors(name):
        check_layers(json.loads((folder / "config.json").read_bytes()))
        model = _load_model(name, folder)
        tokenizer = _load_tokenizer(folder, model, max_pieces)
    return Pretrained(
        name=_name_of(given) if given else name,
        digest=content.hexdigest()[:16],
        architecture=json.loads(model.config.to_json_string(use_diff=False)),
        tokenizer=tokenizer,
        weights={name: tensor.numpy() for name, tensor in model.state_dict().items()},
    )


def check_layers(architecture: Any) -> None:
    """Raise ``ValueError`` for more than :data:`MOST_LAYERS` layers: to build them takes hours."""
    if not isinstance(architecture, dict):
        raise ValueError(f"architecture = {short(architecture)}: must be an object")
    parts = [part for part in architecture.values() if isinstance(part, dict)]
    for part in (architecture, *parts):
        for key, value in part.items():
            if "layer" in key and isinstance(value, int | float) and value > MOST_LAYERS:
                raise ValueError(f"{key} = {short(value)}: must be at most {MOST_LAYERS:,}")


def _name_of(folder: Path) -> str:
    """Return a name like those on the hub: that of an installed encoder, or the last two parts."""
    return installed_name(folder) or "/".join(folder.resolve().parts[-2:])


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        on_hub = f"{OWNER}/{name}" if name in (SMALL, BASE) else name
        return Path(snapshot_download(on_hub, allow_patterns=list(FILES)))
    except HFValidationError:
        raise PretrainedError(
            f"encoder.model = {name!r}: no such folder; {_WANTED}, or a name on the hub"
        ) from None
    except Exception as error:  # the hub's client lets errors of several libraries through
        raise PretrainedError(
            f"encoder.model = {name!r}: is not a folder, and cannot be downloaded from the Hugging "
            f"Face hub ({first_line(error)}); {_WANTED}, or connect once: the files are cached"
        ) from error


def _files(name: str, folder: Path) -> list[Path]:
    """Return the files that decide the numbers."""
    found = {pattern: sorted(folder.glob(pattern)) for pattern in FILES}
    missing = [what for pattern, what in _NEEDED.items() if not found[pattern]]
    if missing:
        raise PretrainedError(
            f"encoder.model = {name!r}: {' and '.join(missing)}; where transformers can read the "
            "model, save_pretrained() of model and tokenizer writes such a folder"
        )
    return [path for paths in found.values() for path in paths]


@contextmanager
def _clear_errors(name: str) -> Iterator[None]:
    """Turn any error of the libraries into one that names the model."""
    try:
        yield
    except PretrainedError:
        raise
    except Exception as error:  # anything a broken or foreign file may set off
        raise PretrainedError(
            f"encoder.model = {name!r}: cannot be read ({first_line(error)}); check that the "
            "files are complete and that the installed transformers knows the architecture"
        ) from error


def _load_model(name: str, folder: Path) -> Any:
    import torch
    from transformers import AutoModel
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model, info = AutoModel.from_pretrained(
        folder,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
        dtype=torch.float32,
        output_loading_info=True,
    )
    missing = sorted(key for key in info["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise PretrainedError(
            f"encoder.model = {name!r}: {len(missing)} weights of {type(model).__name__} are "
            f"missing, the first is {missing[0]}; model.safetensors must belong to config.json"
        )
    if model.config.is_encoder_decoder or not hasattr(model.config, "hidden_size"):
        raise PretrainedError(
            f"encoder.model = {name!r}: {type(model).__name__} is not a sentence encoder; "
            "choose one such as BERT"
        )
    return without_pooler(model)


def without_pooler(model: Any) -> Any:
    """Remove the layer over the first piece: the features of no word come from it."""
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return model


def _load_tokenizer(folder: Path, model: Any, max_pieces: int) -> PieceTokenizer:
    from transformers import AutoTokenizer

    # Byte-level tokenizers take words one by one only if each may begin with a space.
    tokenizer = AutoTokenizer.from_pretrained(
        folder, trust_remote_code=False, local_files_only=True, add_prefix_space=True
    )
    if not tokenizer.is_fast:
        raise ValueError(f"{type(tokenizer).__name__} is slow; a fast tokenizer is needed")
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    probe = tokenizer(["a"], is_split_into_words=True)
    inside = [place for place, word in enumerate(probe.word_ids()) if word is not None]
    pad = tokenizer.pad_token_id or 0
    positions = getattr(model.config, "max_position_embeddings", 0)  # 0 or less: no limit
    table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    if padding is not None:  # RoBERTa and models like it count from the position after padding
        positions -= padding + 1
    limits = (max_pieces, tokenizer.model_max_length, positions)
    return PieceTokenizer(
        text=backend.to_str(),
        before=tuple(probe.input_ids[: inside[0]]),
        after=tuple(probe.input_ids[inside[-1] + 1 :]),
        pad=pad,
        unknown=pad if tokenizer.unk_token_id is None else tokenizer.unk_token_id,
        limit=min(limit for limit in limits if limit > 0),
    )
