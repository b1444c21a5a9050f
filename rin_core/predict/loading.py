"""Trained models from disk.

A weights file contains its configuration, its vocabulary and, for a transformer, architecture
and tokenizer. A model needs neither corpus nor ledger. With ``data.vocabulary=vectors``, it also
reads the table of its word vectors: ``DIGEST.safetensors``, beside the weights or in the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rin_core.config import PROTOCOL_VERSION, Config
from rin_core.data.pieces import PieceTokenizer
from rin_core.data.pretrained import Pretrained
from rin_core.data.vocabulary import Vocabulary
from rin_core.data.word_table import load_word_table
from rin_core.errors import CheckpointError
from rin_core.layout import VECTORS, WEIGHTS, RunNotFound, find_run
from rin_core.model.encoders import WordEncoder
from rin_core.model.rin import RIN
from rin_core.problems import short
from rin_core.train.checkpoint import load_tensors
from rin_core.train.continuing import checkpoint_epochs
from rin_core.train.epochs import f1_and_losses
from rin_core.train.stopping import end_reason, limits

_LONGEST_DIGEST = 64


class ModelError(ValueError):
    """No such model. The message names what was given and what is valid."""


class LoadedModel(NamedTuple):
    """A trained model and what it reads sentences with."""

    model: RIN
    """Without dropout."""
    vocabulary: Vocabulary
    config: Config
    tokenizer: PieceTokenizer | None
    """None for an encoder that reads words."""
    note: str = ""
    """What a person should know of how the model was loaded; empty if nothing."""


def load_model(weights: Path, device: torch.device | None = None) -> LoadedModel:
    """Load a trained model, ready to predict.

    Args:
        weights: A ``weights.safetensors`` of :mod:`rin_core.train.loop`.
        device: Default: CPU.

    Raises:
        ModelError: There is no such file, or it is something else.
        CheckpointError: The file is damaged, or another version of this program wrote it.
        VectorsError: The table of its word vectors is damaged.
    """
    tensors, metadata = _read(weights)
    try:
        loaded = _build(tensors, metadata)
    except Exception as error:  # transformers and the hub's client raise their own, too
        # torch lists every tensor that does not fit, a line each.
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"{weights}: has no model that this version can load ({reason}); use the version "
            "that trained it, or train it again"
        ) from error
    if (vectors := _vectors(weights, metadata)) is not None:
        loaded = _with_vectors(loaded, weights, vectors)
    return loaded._replace(model=loaded.model.to(device or torch.device("cpu")).eval())


def word_table(weights: Path) -> Path | None:
    """Return the table of a model's word vectors; None if it needs none, or it is missing.

    Args:
        weights: A ``weights.safetensors``.

    Raises:
        ModelError: There is no such file, or it is something else.
        CheckpointError: The file is damaged.
    """
    vectors = _vectors(weights, _read(weights)[1])
    return None if vectors is None else _find_table(weights, vectors)


def extra_packages(weights: Path) -> list[str]:
    """Return the packages that a model needs besides the dependencies of this project.

    They are the tagger that gave the training corpus its tags, and peft for the matrices of LoRA.

    Args:
        weights: A ``weights.safetensors``.

    Raises:
        ModelError: There is no such file, or it is something else.
        CheckpointError: The file is damaged.
    """
    metadata = _read(weights)[1]
    try:
        encoder = Config.from_flat(metadata["config"]).encoder
        tagger = Vocabulary.from_json(metadata["vocabulary"]).tagger
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise CheckpointError(f"{weights}: has no model that this version can load") from error
    packages = [tagger] if tagger else []
    if encoder.lora and not encoder.freeze:
        packages.append("peft")
    return packages


def _vectors(weights: Path, metadata: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return name and digest of the word vectors that a file names; None if it names none."""
    vectors = metadata.get("vectors")
    if vectors is None:
        return None
    given = vectors if isinstance(vectors, dict) else {}
    if not all(isinstance(given.get(key), str) for key in ("name", "digest")):
        raise CheckpointError(f"{weights}: vectors = {short(vectors)}: must have name and digest")
    # The digest becomes a file's name.
    if not given["digest"].isalnum() or len(given["digest"]) > _LONGEST_DIGEST:
        raise CheckpointError(
            f"{weights}: vectors.digest = {short(given['digest'])}: is not a digest"
        )
    return given


def _find_table(weights: Path, vectors: Mapping[str, str]) -> Path | None:
    name = f"{vectors['digest']}.safetensors"
    ledger = weights.resolve().parent.parent.parent
    for path in (weights.with_name(name), ledger / VECTORS / name):
        if path.is_file():
            return path
    return None


def _with_vectors(loaded: LoadedModel, weights: Path, vectors: Mapping[str, str]) -> LoadedModel:
    """Return a model that knows every word of the vectors it was trained with."""
    path = _find_table(weights, vectors)
    if path is None:
        table = f"{vectors['digest']}.safetensors"
        note = (
            f"word vectors {vectors['name']}: {table} is not beside the model; words that the "
            "training split does not have are unknown. Copy it from the ledger's folder vectors"
        )
        return loaded._replace(note=note)
    words, matrix = load_word_table(path)
    trained = set(loaded.vocabulary.words)
    # A vocabulary in lower case is asked for lower-case words alone.
    places = [
        place
        for place, word in enumerate(words)
        if word not in trained and not (loaded.vocabulary.lowercase and word != word.lower())
    ]
    vocabulary = replace(loaded.vocabulary, vector_words=tuple(words[place] for place in places))
    if not isinstance(loaded.model.encoder, WordEncoder):
        raise CheckpointError(f"{weights}: its encoder reads no words, but it has word vectors")
    loaded.model.encoder.add_words(torch.from_numpy(matrix[np.array(places, np.int64)]))
    return loaded._replace(vocabulary=vocabulary)


def find_weights(model: str, runs: Path) -> Path:
    """Return the weights file that ``--model`` names.

    Args:
        model: A weights file, the folder of a run, or the first digits of a run's fingerprint.
        runs: The ledger's folder.

    Raises:
        ModelError: There is none, or more than one.
    """
    path = Path(model)
    if path.is_file():
        return path
    if path.is_dir():
        return _weights_in(path)
    try:
        return _weights_in(find_run(runs, model))
    except (ModelError, RunNotFound) as error:
        raise ModelError(f"--model {error}; or give a weights file or a run's folder") from None


def is_unfinished(weights: Path) -> bool:
    """Return whether the run of these weights has not finished, so better ones may follow.

    Raises:
        CheckpointError: The checkpoint beside them cannot be read.
    """
    try:
        config, _, epochs = checkpoint_epochs(weights.parent)
    except FileNotFoundError:
        return False
    f1, losses = f1_and_losses(epochs)
    return end_reason(f1, losses, **limits(config)) is None


def _read(weights: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        tensors, metadata = load_tensors(weights)
    except FileNotFoundError:
        raise ModelError(f"{weights}: no such file; expected a trained model's {WEIGHTS}") from None
    except CheckpointError as error:
        reason = error.__cause__ or "its content is damaged"
        raise CheckpointError(
            f"{weights}: cannot be read as a model ({reason}); is the copy complete?"
        ) from None
    if "history" in metadata:
        raise ModelError(f"{weights}: is a training checkpoint; the model is in {WEIGHTS}")
    return tensors, metadata


def _build(tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> LoadedModel:
    # Files without the entry have protocol 1.
    if (protocol := metadata.get("protocol", 1)) != PROTOCOL_VERSION:
        raise ValueError(f"it has protocol {short(protocol)}, this version has {PROTOCOL_VERSION}")
    config = Config.from_flat(_entry(metadata, "config"))
    vocabulary = Vocabulary.from_json(_entry(metadata, "vocabulary"))
    pretrained = None
    if metadata.get("pretrained"):
        pretrained = Pretrained.from_json(_entry(metadata, "pretrained"))
    _check_values(tensors)
    _check_size(tensors, config, vocabulary, pretrained)
    # The start values that the weights replace must not advance the caller's generator.
    with torch.random.fork_rng(devices=[]):
        model = RIN(config, vocabulary, pretrained=pretrained)
    model.load_state_dict(tensors)
    return LoadedModel(model, vocabulary, config, pretrained.tokenizer if pretrained else None)


def _entry(metadata: Mapping[str, Any], name: str) -> dict[str, Any]:
    if name not in metadata:
        raise ValueError(f"{name} is missing")
    entry = metadata[name]
    if not isinstance(entry, dict):
        raise ValueError(f"{name} = {short(entry)}: must be an object")
    return entry


def _check_values(tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise ValueError(f"{name}: has values that are not finite numbers")


def _check_size(
    tensors: Mapping[str, Tensor],
    config: Config,
    vocabulary: Vocabulary,
    pretrained: Pretrained | None,
) -> None:
    """Refuse a model that is larger than the file, before memory is taken for it."""
    values = sum(tensor.numel() for tensor in tensors.values())
    encoder, longest = config.encoder, max(size for t in tensors.values() for size in t.shape)
    widths = (
        encoder.word_dim,
        encoder.pos_dim,
        encoder.case_dim,
        encoder.character_dim,
        encoder.hidden_size,
        config.model.feature_size,
    )
    fits = max(widths) ** 2 <= values and len(vocabulary.relations) <= longest
    if pretrained is None and fits:  # what follows takes a second
        return
    with torch.device("meta"):
        built = RIN(config, vocabulary, pretrained=pretrained)
    if (size := sum(tensor.numel() for tensor in built.state_dict().values())) > values:
        raise ValueError(f"its configuration has {size:,} values, and the file {values:,}")


def _weights_in(folder: Path) -> Path:
    if not (folder / WEIGHTS).is_file():
        raise ModelError(
            f"{folder}: has no {WEIGHTS}; expected the folder of a run that was trained here; "
            "rin-study rerun trains an imported run"
        )
    return folder / WEIGHTS
