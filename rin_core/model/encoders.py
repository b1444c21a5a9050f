"""Sentence encoders: words to the shared features H (paper §4.4, §5.1).

Shapes: B sentences · L tokens, padded · D hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from rin_core.config import EncoderConfig
from rin_core.data.batches import Batch
from rin_core.data.pretrained import Pretrained
from rin_core.data.spelling import CASES
from rin_core.data.vectors import WordVectors
from rin_core.data.vocabulary import PAD, UNKNOWN, Vocabulary
from rin_core.encoder_traits import EncoderKind
from rin_core.model.spelling import CHARACTER_ENCODERS
from rin_core.model.transformer import TransformerEncoder


class Encoder(Protocol):
    """What the model asks of an encoder, which is also a module."""

    hidden_size: int
    """D."""

    def __call__(self, batch: Batch) -> Tensor:
        """Return H [B, L, D]; rows of padding hold numbers without meaning."""

    def pretrained_parameters(self) -> Iterable[nn.Parameter]:
        """Return the parameters trained with ``training.encoder_learning_rate``."""


@runtime_checkable
class WordEncoder(Encoder, Protocol):
    """An encoder that reads words."""

    def add_words(self, rows_XE: Tensor) -> None:
        """Set the vectors of the words that follow the vocabulary's own."""


class BiLSTMEncoder(nn.Module):
    """Word ⊕ part-of-speech ⊕ case ⊕ character vectors, dropout, one BiLSTM layer.

    The backward direction reads each sentence reversed within its own length, so padding
    always comes last and neither direction ever sees it before a word. That gives the same
    features as packed sequences, in the time of padded ones.

    Words that are not in the training split keep their pretrained vector, which is no weight: it
    is not trained, and it is not in the model's file.

    Args:
        config: Widths and dropout.
        vocabulary: Its words, and its part-of-speech tags where the corpus has them.
        vectors: Pretrained rows to start from; words without one start random.
    """

    others_XE: Tensor | None

    def __init__(
        self, config: EncoderConfig, vocabulary: Vocabulary, vectors: WordVectors | None
    ) -> None:
        super().__init__()
        self.hidden_size = config.hidden_size
        # Rows without a pretrained vector start from N(0, 1): smaller ones learn more slowly.
        self.words = nn.Embedding(len(vocabulary.words), config.word_dim, padding_idx=PAD)
        with torch.no_grad():
            self.words.weight[UNKNOWN] = 0  # learned by word dropout alone
        if vectors is not None:
            shape = tuple(self.words.weight.shape)
            if vectors.matrix.shape != shape:
                raise ValueError(
                    f"word vectors {vectors.matrix.shape} do not fit the embedding {shape}: load "
                    "them for this vocabulary and encoder.word_dim"
                )
            # Copies: the arrays may be read-only views of shared memory.
            found = torch.from_numpy(np.flatnonzero(vectors.found))
            with torch.no_grad():
                self.words.weight[found] = torch.from_numpy(vectors.matrix[vectors.found])
        others = vectors.other_matrix if vectors is not None else None
        rows = None if others is None else torch.tensor(others)
        self.register_buffer("others_XE", rows, persistent=False)
        pos_dim = config.pos_dim if vocabulary.pos else 0
        self.pos = nn.Embedding(len(vocabulary.pos), pos_dim, padding_idx=PAD) if pos_dim else None
        self.case = nn.Embedding(len(CASES), config.case_dim) if config.case_dim else None
        self.characters, character_dim = None, 0
        if config.characters != "none":
            character_dim = config.character_dim
            read = CHARACTER_ENCODERS[config.characters]
            self.characters = read(len(vocabulary.characters), character_dim)
        self.dropout = nn.Dropout(config.dropout)
        input_size = config.word_dim + pos_dim + config.case_dim + character_dim
        half = config.hidden_size // 2
        self.forwards = nn.LSTM(input_size, half, batch_first=True)
        self.backwards = nn.LSTM(input_size, half, batch_first=True)

    def forward(self, batch: Batch) -> Tensor:
        """Return H [B, L, D]; rows of padding hold numbers without meaning."""
        parts = [self._word_vectors(batch.words_BL)]
        if self.pos is not None:
            parts.append(self.pos(batch.pos_BL))
        if batch.spelling is not None:
            form_BL = batch.spelling.form_BL
            if self.case is not None:
                parts.append(self.case(batch.spelling.cases_U[form_BL]))
            if self.characters is not None:
                parts.append(self.characters(batch.spelling.characters_UC)[form_BL])
        inputs_BLE = self.dropout(torch.cat(parts, dim=-1))
        forwards_BLH, _ = self.forwards(inputs_BLE)
        backwards_BLH, _ = self.backwards(_reverse(inputs_BLE, batch))
        return torch.cat([forwards_BLH, _reverse(backwards_BLH, batch)], dim=-1)

    def _word_vectors(self, words_BL: Tensor) -> Tensor:
        vectors_BLE: Tensor
        if self.training or self.others_XE is None or not len(self.others_XE):
            vectors_BLE = self.words(words_BL)
            return vectors_BLE
        # Two lookups: joining both tables would copy all vectors of a file for each batch.
        V = self.words.num_embeddings
        vectors_BLE = self.words(words_BL.clamp(max=V - 1))
        others_BLE = nn.functional.embedding((words_BL - V).clamp(min=0), self.others_XE)
        return torch.where((words_BL < V)[..., None], vectors_BLE, others_BLE)

    def add_words(self, rows_XE: Tensor) -> None:
        """Set the vectors of the words that follow the vocabulary's own."""
        self.others_XE = rows_XE

    def pretrained_parameters(self) -> Iterable[nn.Parameter]:
        """Return nothing: word vectors are learned at the rate of everything else."""
        return ()


def _reverse(values_BLE: Tensor, batch: Batch) -> Tensor:
    """Reverse each sentence within its own length."""
    if batch.padding_BL is None:
        return values_BLE.flip(1)
    L = values_BLE.shape[1]
    place_BL = (batch.lengths_B[:, None] - 1 - torch.arange(L, device=values_BLE.device)) % L
    return values_BLE.gather(1, place_BL[:, :, None].expand_as(values_BLE))


#: Every encoder by ``encoder.kind``, in the table of what it reads; its traits are in
#: ``rin_core.encoder_traits.ENCODERS``.
WORD_ENCODERS: Mapping[
    EncoderKind, Callable[[EncoderConfig, Vocabulary, WordVectors | None], WordEncoder]
] = {"bilstm": BiLSTMEncoder}
PIECE_ENCODERS: Mapping[EncoderKind, Callable[[EncoderConfig, Pretrained], Encoder]] = {
    "transformer": TransformerEncoder
}


def build_encoder(
    config: EncoderConfig,
    vocabulary: Vocabulary,
    vectors: WordVectors | None,
    pretrained: Pretrained | None,
) -> Encoder:
    """Build the encoder that a configuration names.

    Args:
        config: Kind, widths and dropout.
        vocabulary: Words and tags, for encoders that read words.
        vectors: Pretrained word vectors for them, or None.
        pretrained: The transformer, for encoders that read pieces.

    Raises:
        ValueError: The encoder reads pieces and ``pretrained`` is None.
    """
    if not config.traits.reads_pieces:
        return WORD_ENCODERS[config.kind](config, vocabulary, vectors)
    if pretrained is None:
        raise ValueError(
            f"encoder.kind = {config.kind!r}: the corpus was encoded without its tokenizer; load "
            "it with rin_core.data.loading.load_dataset under this configuration"
        )
    return PIECE_ENCODERS[config.kind](config, pretrained)
