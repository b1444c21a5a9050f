"""Batches of sentences of similar length, as tensors on a device.

Shapes: N sentences of a split · S their words · L tokens, padded · B sentences of a batch ·
W windows of a batch · P pieces of a window, padded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from rin_core.data.encoding import IGNORED, Array, EncodedSplit, padded, word_places
from rin_core.data.pieces import Pieces
from rin_core.data.spelling import Spelling
from rin_core.data.transfer import to_device
from rin_core.data.vocabulary import PAD, UNKNOWN


@dataclass(frozen=True, slots=True)
class PieceBatch:
    """Sentences as a transformer reads them; a sentence has one window, or several."""

    pieces_WP: Tensor
    present_WP: Tensor
    """True where there is a piece."""
    first_BL: Tensor
    """Where in W·P each word's first piece is; some place of the same sentence for padding."""


@dataclass(frozen=True, slots=True)
class SpellingBatch:
    """Characters and case of a batch's U distinct forms."""

    form_BL: Tensor
    """Which of the forms a word has."""
    characters_UC: Tensor
    cases_U: Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Sentences of similar length as tensors."""

    words_BL: Tensor
    pos_BL: Tensor | None
    tags_BL: Tensor
    lengths_B: Tensor
    gold_4N: Tensor
    """Gold triples as rows sentence of the batch, subject, relation, object."""
    padding_BL: Tensor | None
    """True where there is no word; None when there is no padding."""
    pieces: PieceBatch | None = None
    """The sentences as a transformer reads them."""
    spelling: SpellingBatch | None = None
    """Characters and case of the words, for an encoder that reads them."""
    features_BLD: Tensor | None = None
    """What a frozen transformer computed for the words before."""


def training_batches(
    split: EncodedSplit,
    batch_size: int,
    generator: np.random.Generator,
    order: str = "length",
    epoch_size: int | None = None,
) -> list[Array]:
    """Cut an epoch into batches.

    Args:
        split: The sentences.
        batch_size: Sentences of a batch; the last cut has the rest.
        generator: Shuffles sentences and batches.
        order: See :attr:`rin_core.config.TrainingConfig.batch_order`: batches of similar length in
            random order, random batches, or those of the file.
        epoch_size: Sentences of the epoch; those of the split if ``None``. More of them make
            several passes, so that a batch has few copies of a sentence.

    Returns:
        Sentence numbers of each batch; each sentence occurs once in a pass. The last pass may have
        a part of them only.
    """
    count = len(split) if epoch_size is None else epoch_size
    sizes = [min(len(split), count - start) for start in range(0, count, len(split))]
    rows = np.concatenate([_pass(split, size, generator, order) for size in sizes])
    batches = np.split(rows, np.arange(batch_size, count, batch_size))
    if order != "length":
        return batches
    return [batches[k] for k in generator.permutation(len(batches))]


def _pass(split: EncodedSplit, size: int, generator: np.random.Generator, order: str) -> Array:
    """Return so many sentence numbers in the order in which they are cut into batches."""
    if order == "file":
        return np.arange(size)
    shuffled = generator.permutation(len(split))[:size]
    if order == "random":
        return shuffled
    return shuffled[np.argsort(split.lengths_N[shuffled], kind="stable")]


def scoring_batches(split: EncodedSplit, tokens: int = 4096) -> Iterator[Array]:
    """Cut a split into batches of similar length of at most about ``tokens`` words each."""
    return batches_by_length(split.lengths_N, tokens)


def batches_by_length(lengths_N: Array, tokens: int) -> Iterator[Array]:
    """Yield sentence numbers in batches of similar length, of at most about ``tokens`` words."""
    order = np.argsort(lengths_N, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * lengths_N[order[end]] <= tokens:
            end += 1
        yield order[start:end]
        start = end


def parts_of_batch(rows: Array, tokens_N: Array, most: int) -> list[Array]:
    """Cut a batch into parts of sentences of similar length, within a budget of tokens.

    Args:
        rows: Sentence numbers of the batch.
        tokens_N: Tokens of every sentence of the split; see :func:`input_tokens`.
        most: Largest number of tokens of a part, with padding; a longer sentence is alone. 0 for
            no limit.

    Returns:
        Sentence numbers of each part; ``rows`` itself if it fits.
    """
    parts = list(batches_by_length(tokens_N[rows], most)) if most else []
    return [rows[part] for part in parts] if len(parts) > 1 else [rows]


def input_tokens(split: EncodedSplit) -> Array:
    """Return how many tokens of each sentence an encoder reads [N]: pieces, or else words."""
    pieces = split.pieces
    if pieces is None or split.features_SD is not None or not len(split):
        return split.lengths_N
    longest_N = np.maximum.reduceat(np.diff(pieces.window_starts), pieces.sentence_starts[:-1])
    tokens_N: Array = longest_N * np.diff(pieces.sentence_starts)
    return tokens_N


def make_batch(split: EncodedSplit, rows: Array, device: torch.device) -> Batch:
    """Gather sentences into tensors on a device."""
    place_BL = word_places(split.word_starts, rows)
    starts, ends = split.gold_starts[rows], split.gold_starts[rows + 1]
    gold = np.concatenate([split.gold_4M[:, s:e] for s, e in zip(starts, ends, strict=True)], 1)
    gold[0] = np.repeat(np.arange(len(rows)), ends - starts)
    words, tags = padded(split.words_S, place_BL, PAD), padded(split.tags_S, place_BL, IGNORED)
    arrays = [words, tags, split.lengths_N[rows], gold]
    if split.pos_S is not None:
        arrays.append(padded(split.pos_S, place_BL, PAD))
    words_BL, tags_BL, lengths_B, gold_4N, *pos = to_device(arrays, device)
    is_padded, place_L = place_BL.min() < 0, torch.arange(place_BL.shape[1], device=device)
    batch = Batch(
        words_BL=words_BL,
        pos_BL=pos[0] if pos else None,
        tags_BL=tags_BL,
        lengths_B=lengths_B,
        gold_4N=gold_4N,
        padding_BL=place_L >= lengths_B[:, None] if is_padded else None,
    )
    if split.features_SD is not None:
        return replace(batch, features_BLD=_features(split.features_SD, place_BL, device))
    if split.pieces is not None:
        return replace(batch, pieces=piece_batch(split.pieces, rows, place_BL, device))
    if split.spelling is not None:
        return replace(batch, spelling=_spelling_batch(split.spelling, place_BL, device))
    return batch


def drop_words(batch: Batch, share: float) -> Batch:
    """Return a batch in which a random share of the words are the unknown word.

    Their characters and tags stay. Draws from torch's generator of the batch's device.
    """
    words_BL = batch.words_BL
    dropped_BL = torch.rand(words_BL.shape, device=words_BL.device) < share
    unknown_BL = words_BL.masked_fill(dropped_BL & (words_BL != PAD), UNKNOWN)
    return replace(batch, words_BL=unknown_BL)


def _features(features_SD: Array, place_BL: Array, device: torch.device) -> Tensor:
    """Gather the features of words at their places; padding is 0."""
    features_BLD = features_SD[place_BL]
    features_BLD[place_BL < 0] = 0
    return torch.from_numpy(features_BLD).to(device)


def _spelling_batch(spelling: Spelling, place_BL: Array, device: torch.device) -> SpellingBatch:
    """Gather the distinct forms of the words at some places."""
    forms_BL = padded(spelling.forms_S, place_BL, 0)
    distinct_U, form_BL = np.unique(forms_BL, return_inverse=True)
    characters_UC = spelling.characters_FC[distinct_U]
    longest = max(1, int((characters_UC != PAD).sum(1).max()))
    arrays = [form_BL.reshape(forms_BL.shape), characters_UC[:, :longest]]
    tensors = to_device([*arrays, spelling.cases_F[distinct_U]], device)
    return SpellingBatch(*tensors)


def piece_batch(pieces: Pieces, rows: Array, place_BL: Array, device: torch.device) -> PieceBatch:
    """Gather the windows of the sentences ``rows`` [B], whose words are at some places."""
    starts, ends = pieces.sentence_starts[rows], pieces.sentence_starts[rows + 1]
    windows = np.concatenate([np.arange(s, e) for s, e in zip(starts, ends, strict=True)])
    begins, lengths = pieces.window_starts[windows], np.diff(pieces.window_starts)[windows]
    P = int(lengths.max())
    present_WP = np.arange(P) < lengths[:, None]
    places_WP = np.where(present_WP, begins[:, None] + np.arange(P), 0)
    pieces_WP = np.where(present_WP, pieces.pieces_Q[places_WP], pieces.pad)
    first_window_B = np.cumsum(ends - starts) - (ends - starts)
    window_BL = first_window_B[:, None] + padded(pieces.window_S, place_BL, 0)
    first_BL = window_BL * P + padded(pieces.place_S, place_BL, 0)
    tensors = to_device([pieces_WP, lengths, first_BL], device)
    return PieceBatch(
        pieces_WP=tensors[0],
        present_WP=torch.arange(P, device=device) < tensors[1][:, None],
        first_BL=tensors[2],
    )
