"""RIN itself: encoder, task features, K rounds of interaction, heads (paper §4).

Composition only; every piece is a module of its own, and an ablation is a switch in the
configuration.

Shapes: B sentences · L tokens, padded · N = B·L · R relations · T tags · D width of H ·
F width of the task features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rin_core.batching import Batch
from rin_core.config import Config, ModelConfig
from rin_core.encoders import build_encoder
from rin_core.heads import TAGS, EntityTagger, PairScores, SeparableScorer
from rin_core.interaction import UPDATES, Interaction
from rin_core.pretrained import Pretrained
from rin_core.vocabulary import Vocabulary, WordVectors


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a round knows: the scores of all word pairs and the logits of all tags."""

    scores: PairScores
    tags_BLT: Tensor

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
        vocabulary: Words, part-of-speech tags and relations, from the training split.
        vectors: Pretrained word vectors for the vocabulary, or None.
        pretrained: The transformer, where ``encoder.kind`` asks for one.
    """

    def __init__(
        self,
        config: Config,
        vocabulary: Vocabulary,
        vectors: WordVectors | None = None,
        pretrained: Pretrained | None = None,
    ) -> None:
        super().__init__()
        model = config.model
        self.rounds, self.cell = model.rounds, model.cell
        self.encoder = build_encoder(config.encoder, vocabulary, vectors, pretrained)
        self.reduced = config.training.precision == "bfloat16"
        D, R = self.encoder.hidden_size, len(vocabulary.relations)
        F = model.feature_size if model.task_features else D
        self.relation_features = _features(D, F) if model.task_features else nn.Identity()  # f_r
        self.entity_features = _features(D, F) if model.task_features else nn.Identity()  # f_g
        self.scorer = SeparableScorer(F, R, model.relation_bias)
        self.tagger = EntityTagger(F)
        if model.rounds:
            self._add_updates(model, D, F, R)

    def _add_updates(self, model: ModelConfig, D: int, F: int, R: int) -> None:
        if model.cell == "linear":
            self.update_relation: nn.Module = nn.Linear(F, F)
            self.update_entity: nn.Module = nn.Linear(F, F)
            return
        self.interaction = Interaction(
            relations=R * model.relation_input,
            tags=len(TAGS) * model.entity_input,
            shared_size=D * model.shared_input,
            feature_size=F,
        )
        self.update_relation = UPDATES[model.cell](F)
        self.update_entity = UPDATES[model.cell](F)

    def forward(self, batch: Batch) -> Prediction:
        """Return the prediction after round K."""
        return self.refine(batch)[-1]

    def refine(self, batch: Batch) -> list[Prediction]:
        """Return the predictions before any round and after each: K + 1 of them."""
        shared_BLD = self._encode(batch)
        relation_BLF = self.relation_features(shared_BLD)
        entity_BLF = self.entity_features(shared_BLD)
        predictions = [self._predict(relation_BLF, entity_BLF, batch)]
        interacts = self.rounds > 0 and self.cell != "linear"
        shared_NF = self.interaction.shared_part(shared_BLD) if interacts else None
        for _ in range(self.rounds):
            inputs = () if shared_NF is None else (self._interact(predictions[-1], shared_NF),)
            relation_BLF = self.update_relation(relation_BLF, *inputs)
            entity_BLF = self.update_entity(entity_BLF, *inputs)
            predictions.append(self._predict(relation_BLF, entity_BLF, batch))
        return predictions

    def _encode(self, batch: Batch) -> Tensor:
        """Return H [B, L, D]; a model trained in bfloat16 still runs on a CPU, in float32."""
        if not (self.reduced and batch.words_BL.is_cuda):
            return self.encoder(batch)
        with torch.autocast("cuda", torch.bfloat16):
            return self.encoder(batch).float()

    def _predict(self, relation_BLF: Tensor, entity_BLF: Tensor, batch: Batch) -> Prediction:
        scores = self.scorer(relation_BLF, batch.lengths_B, batch.padding_BL)
        return Prediction(scores, self.tagger(entity_BLF))

    def _interact(self, prediction: Prediction, shared_NF: Tensor) -> Tensor:
        """Return x [N, F] (Eqs. 1-3)."""
        tags_BLT = torch.softmax(prediction.tags_BLT, dim=-1)
        relation_RN = prediction.scores.relation_probabilities().flatten(1)
        x_NF: Tensor = self.interaction(relation_RN, tags_BLT, shared_NF)
        return x_NF


def _features(D: int, F: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(D, F), nn.ReLU())  # Eq. 11
