"""RIN itself: encoder, task features, K rounds of interaction, heads (paper §4).

Composition only; every piece is a module of its own, and an ablation is a switch in the
configuration. Two architectures share the pieces and differ in a round:

- *arXiv*, Figure 2: INT makes x of ŷ, ȳ and H, and x updates H̃ and H̄.
- *camera-ready*: ŷ and ȳ themselves update H, H̃ᵏ = GRU_r(ŷᵏ⁻¹, Hᵏ⁻¹) and H̄ᵏ = GRU_e(ȳᵏ⁻¹, Hᵏ⁻¹),
  and Hᵏ = H̃ᵏ + H̄ᵏ + Hᵏ⁻¹. As in the authors' program, C_r reads H̃ᵏ and C_g reads H̄ᵏ, both H
  before the first round. The GRU stays that of Eqs. 4-7, whose W now are D × (D + R) and
  D × (D + T); the authors' program takes torch's GRUCell, which differs by biases and in
  where u is applied.

Shapes: B sentences · L tokens, padded · N = B·L · R relations · T tags · D width of H ·
F width of the task features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rin_core.config import Config, ModelConfig
from rin_core.data.batches import Batch
from rin_core.data.pretrained import Pretrained
from rin_core.data.vectors import WordVectors
from rin_core.data.vocabulary import Vocabulary
from rin_core.model.dense import SCORERS
from rin_core.model.encoders import build_encoder
from rin_core.model.heads import EntityTagger, PairScores
from rin_core.model.interaction import UPDATES, Interaction
from rin_core.model.matmul import computes_bfloat16, prepare_torch


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction of a round: the scores of all word pairs and the logits of all tags."""

    scores: PairScores
    tags_BLT: Tensor

    def probabilities(self) -> tuple[Tensor, Tensor]:
        """Return the inputs of the next round: ŷ [R, N] (Eqs. 1-2) and ȳ [B, L, T] (Eq. 8)."""
        tags_BLT = torch.softmax(self.tags_BLT, dim=-1)
        return self.scores.relation_probabilities().flatten(1), tags_BLT

    def loss(self, batch: Batch) -> Tensor:
        """Return L of Eq. 14 over the batch, divided by its sentences: a scalar."""
        tag_loss = nn.functional.cross_entropy(
            self.tags_BLT.flatten(0, 1), batch.tags_BL.flatten(), reduction="sum"
        )
        return (tag_loss + self.scores.loss(batch.gold_4N)) / len(batch.lengths_B)


class RIN(nn.Module):
    """The Recurrent Interaction Network.

    Args:
        config: The model to build; ``model.rounds`` = 0 is BiLSTM_s, and without
            ``model.task_features`` it is BiLSTM.
        vocabulary: Words, part-of-speech tags, relations and entity types, from the training
            split.
        vectors: Pretrained word vectors for the vocabulary, or None.
        pretrained: The transformer, if ``encoder.kind`` requires one.
    """

    def __init__(
        self,
        config: Config,
        vocabulary: Vocabulary,
        vectors: WordVectors | None = None,
        pretrained: Pretrained | None = None,
    ) -> None:
        super().__init__()
        prepare_torch()
        model = config.model
        self.rounds, self.cell, self.architecture = model.rounds, model.cell, model.architecture
        self.encoder = build_encoder(config.encoder, vocabulary, vectors, pretrained)
        self.reduced = config.training.precision == "bfloat16"
        D, R = self.encoder.hidden_size, len(vocabulary.relations)
        T = len(vocabulary.entity_tags)
        separate = model.task_features and model.architecture == "arxiv"
        F = model.feature_size if separate else D
        self.relation_features = _features(D, F) if separate else nn.Identity()  # f_r
        self.entity_features = _features(D, F) if separate else nn.Identity()  # f_g
        self.scorer = SCORERS[model.scorer](F, R, model.relation_bias)
        self.tagger = EntityTagger(F, T)
        if model.rounds:
            self._add_updates(model, D, F, R, T)

    def _add_updates(self, model: ModelConfig, D: int, F: int, R: int, T: int) -> None:
        if model.cell == "linear":
            self.update_relation: nn.Module = nn.Linear(F, F)
            self.update_entity: nn.Module = nn.Linear(F, F)
            return
        if model.architecture == "camera_ready":
            self.update_relation = UPDATES[model.cell](D, R)
            self.update_entity = UPDATES[model.cell](D, T)
            return
        self.interaction = Interaction(
            relations=R * model.relation_input,
            tags=T * model.entity_input,
            shared_size=D * model.shared_input,
            feature_size=F,
        )
        self.update_relation = UPDATES[model.cell](F, F)
        self.update_entity = UPDATES[model.cell](F, F)

    def forward(self, batch: Batch) -> Prediction:
        """Return the prediction after round K."""
        return self.refine(batch)[-1]

    def refine(self, batch: Batch) -> list[Prediction]:
        """Return the predictions before any round and after each: K + 1 of them."""
        shared_BLD = self.encode(batch)
        if self.architecture == "camera_ready":
            return self._refine_shared(shared_BLD, batch)
        return self._refine_tasks(shared_BLD, batch)

    def _refine_tasks(self, shared_BLD: Tensor, batch: Batch) -> list[Prediction]:
        """Update H̃ and H̄ with x (the arXiv version), or by linear maps without it."""
        relation_BLF = self.relation_features(shared_BLD)
        entity_BLF = self.entity_features(shared_BLD)
        predictions = [self._predict(relation_BLF, entity_BLF, batch)]
        interacts = self.rounds > 0 and self.cell != "linear"
        shared_NF = self.interaction.shared_part(shared_BLD) if interacts else None
        for _ in range(self.rounds):
            inputs: tuple[Tensor, ...] = ()
            if shared_NF is not None:
                relation_RN, tags_BLT = predictions[-1].probabilities()
                inputs = (self.interaction(relation_RN, tags_BLT, shared_NF),)  # Eqs. 1-3
            relation_BLF = self.update_relation(relation_BLF, *inputs)
            entity_BLF = self.update_entity(entity_BLF, *inputs)
            predictions.append(self._predict(relation_BLF, entity_BLF, batch))
        return predictions

    def _refine_shared(self, shared_BLD: Tensor, batch: Batch) -> list[Prediction]:
        """Update H with ŷ and with ȳ (the camera-ready version)."""
        predictions = [self._predict(shared_BLD, shared_BLD, batch)]
        for _ in range(self.rounds):
            relation_RN, tags_BLT = predictions[-1].probabilities()
            relation_BLD = self.update_relation(shared_BLD, relation_RN.T)
            entity_BLD = self.update_entity(shared_BLD, tags_BLT.flatten(0, 1))
            shared_BLD = relation_BLD + entity_BLD + shared_BLD
            predictions.append(self._predict(relation_BLD, entity_BLD, batch))
        return predictions

    def encode(self, batch: Batch) -> Tensor:
        """Return H [B, L, D]; a model trained in bfloat16 runs in float32 on a CPU without it."""
        device = batch.words_BL.device
        if not (self.reduced and computes_bfloat16(device)):
            return self.encoder(batch)
        with torch.autocast(device.type, torch.bfloat16):
            return self.encoder(batch).float()

    def _predict(self, relation_BLF: Tensor, entity_BLF: Tensor, batch: Batch) -> Prediction:
        scores = self.scorer(relation_BLF, batch.lengths_B, batch.padding_BL)
        return Prediction(scores, self.tagger(entity_BLF))


def _features(D: int, F: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(D, F), nn.ReLU())  # Eq. 11
