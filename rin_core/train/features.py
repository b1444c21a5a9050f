"""Features of a frozen transformer: computed once for a corpus, and kept on disk.

A frozen transformer gives each word the same features in every epoch, run and seed. They are kept
by the content that decides them, in ``$RIN_CACHE`` or ``~/.cache/rin-study``, and read as a memory
map, which processes share. Deleting the folder costs one pass over each corpus.

Shapes: S words of a split · B sentences · L tokens, padded · D hidden size.
"""

from __future__ import annotations

import dataclasses
import hashlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from rin_core.cache import cache_folder
from rin_core.data.batches import make_batch, scoring_batches
from rin_core.data.encoding import Array, EncodedCorpus, EncodedSplit
from rin_core.files import open_atomically
from rin_core.model import matmul
from rin_core.model.rin import RIN


def with_features(model: RIN, corpus: EncodedCorpus) -> EncodedCorpus:
    """Return a corpus whose splits hold the features of their words.

    Args:
        model: With a frozen transformer, on a CPU.
        corpus: Encoded with its tokenizer.
    """
    train, dev, test = (
        _with_features(model, split, corpus) for split in (corpus.train, corpus.dev, corpus.test)
    )
    return dataclasses.replace(corpus, train=train, dev=dev, test=test)


def _with_features(model: RIN, split: EncodedSplit, corpus: EncodedCorpus) -> EncodedSplit:
    path = cache_folder() / "features" / f"{_key(model, split, corpus)}.npy"
    try:
        features_SD = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):  # none yet, damaged, or empty
        features_SD = _computed(model, split)
        _keep(path, features_SD)
    return dataclasses.replace(split, features_SD=features_SD)


def _key(model: RIN, split: EncodedSplit, corpus: EncodedCorpus) -> str:
    """Return a digest of all that decides the features: pieces, weights and arithmetic."""
    pieces, pretrained = split.pieces, corpus.pretrained
    if pieces is None or pretrained is None:
        raise ValueError("the corpus was encoded without a transformer's tokenizer")
    found = hashlib.sha256()
    arithmetic = (torch.backends.cpu.get_cpu_capability(), matmul.library(), str(model.reduced))
    found.update(" ".join((pretrained.digest, torch.__version__, *arithmetic)).encode())
    for array in (
        pieces.pieces_Q,
        pieces.window_starts,
        pieces.sentence_starts,
        pieces.window_S,
        pieces.place_S,
        split.lengths_N,
    ):
        found.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:32]


@torch.no_grad()
def _computed(model: RIN, split: EncodedSplit) -> Array:
    """Return the features of all words, sentence by sentence [S, D]."""
    starts = split.word_starts
    features_SD = np.empty((split.tokens, model.encoder.hidden_size), np.float32)
    was_training = model.training
    model.eval()
    for rows in scoring_batches(split):
        batch = make_batch(split, rows, torch.device("cpu"))
        for row, features_LD in zip(rows, model.encode(batch).numpy(), strict=True):
            features_SD[starts[row] : starts[row + 1]] = features_LD[: split.lengths_N[row]]
    model.train(was_training)
    return features_SD


def _keep(path: Path, features_SD: Array) -> None:
    """Write features in one step. Without space on the disk, they are computed again each time."""
    with suppress(OSError), open_atomically(path) as file:
        np.save(file, features_SD, allow_pickle=False)
