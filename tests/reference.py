"""RIN as the paper writes it: one sentence, one word, one pair and one relation at a time.

The oracle of ``test_model``. It is slow on purpose and shares nothing with the model but the
names of the weights, so that each function can be held beside the equation it is named after.
All numbers are float64, and autograd gives the gradients.

Symbols: h a word of H · hʳ of H̃, the relation features · hᵉ of H̄, the entity features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rin_core.config import ModelConfig

Vectors = list[Tensor]


@dataclass(frozen=True)
class Example:
    """One sentence in numbers."""

    words: list[int]
    pos: list[int] | None
    tags: list[int]
    triples: set[tuple[int, int, int]]
    """Gold (subject word, relation, object word)."""


@dataclass(frozen=True)
class Opinion:
    """What one round says of a sentence."""

    p: list[list[list[Tensor]]]
    """p(⟨i, t, j⟩) as ``p[i][t][j]``."""
    y: Vectors
    """ȳ of each word."""

    def triples(self) -> set[tuple[int, int, int]]:
        words, relations = range(len(self.p)), range(len(self.p[0]))
        return {
            (i, t, j) for i in words for t in relations for j in words if self.p[i][t][j] >= 0.5
        }


class Reference:
    """The network of given weights."""

    def __init__(self, settings: ModelConfig, weights: Mapping[str, Tensor]) -> None:
        self.settings = settings
        self.weights = {
            name: value.detach().clone().double().requires_grad_()
            for name, value in weights.items()
        }
        w = self.weights
        self.W_g, self.b_g = w["tagger.output.weight"], w["tagger.output.bias"]
        self.b = w["scorer.bias"]

    # The encoder (§4.4).

    def embed(self, example: Example) -> Vectors:
        vectors = []
        for place, word in enumerate(example.words):
            vector = self.weights["encoder.words.weight"][word]
            if example.pos is not None:
                pos = self.weights["encoder.pos.weight"][example.pos[place]]
                vector = torch.cat([vector, pos])
            vectors.append(vector)
        return vectors

    def lstm(self, name: str, inputs: Vectors) -> Vectors:
        """Read words from left to right; gates in the order input, forget, cell, output."""
        W_x, W_h = self.weights[f"{name}.weight_ih_l0"], self.weights[f"{name}.weight_hh_l0"]
        bias = self.weights[f"{name}.bias_ih_l0"] + self.weights[f"{name}.bias_hh_l0"]
        size = W_h.shape[1]
        h = c = torch.zeros(size, dtype=torch.float64)
        states = []
        for x in inputs:
            gates = W_x @ x + W_h @ h + bias
            i, f = torch.sigmoid(gates[:size]), torch.sigmoid(gates[size : 2 * size])
            g, o = torch.tanh(gates[2 * size : 3 * size]), torch.sigmoid(gates[3 * size :])
            c = f * c + i * g
            h = o * torch.tanh(c)
            states.append(h)
        return states

    def encode(self, example: Example) -> Vectors:
        inputs = self.embed(example)
        forwards = self.lstm("encoder.forwards", inputs)
        backwards = self.lstm("encoder.backwards", inputs[::-1])[::-1]
        return [torch.cat(pair) for pair in zip(forwards, backwards, strict=True)]

    # The two tasks (§4.2, §4.3).

    def eq_11(self, name: str, h: Tensor) -> Tensor:
        if not self.settings.task_features or self.settings.architecture == "camera_ready":
            return h
        W_f, b_f = self.weights[f"{name}.0.weight"], self.weights[f"{name}.0.bias"]
        return torch.relu(W_f @ h + b_f)

    def eq_8(self, h: Tensor) -> Tensor:
        return torch.softmax(self.W_g @ h + self.b_g, dim=0)

    def eq_9(self, h: Tensor, h_other: Tensor) -> Tensor:
        W_m, W_r = self.weights["scorer.subject.weight"], self.weights["scorer.object.weight"]
        return torch.relu(torch.cat([W_m @ h, W_r @ h_other]))

    def eq_10(self, t: int, m: Tensor) -> Tensor:
        # One row a relation, as long as m.
        rows = [self.weights["scorer.subject_weight"][t], self.weights["scorer.object_weight"][t]]
        return torch.cat(rows) @ m + self.b[t]

    def separable(self, h: Tensor, h_other: Tensor) -> Vectors:
        m = self.eq_9(h, h_other)
        return [self.eq_10(t, m) for t in range(len(self.b))]

    def concat(self, h: Tensor, h_other: Tensor) -> Vectors:
        """The camera-ready version: Eq. 9 with the concatenation inside W_m."""
        W_m, b_m = self.weights["scorer.pair.weight"], self.weights.get("scorer.pair.bias")
        m = W_m @ torch.cat([h, h_other])
        m = torch.relu(m if b_m is None else m + b_m)
        W_p = self.weights["scorer.weight"]
        return [W_p[t] @ m + self.b[t] for t in range(len(self.b))]

    def biaffine(self, h: Tensor, h_other: Tensor) -> Vectors:
        """Dozat and Manning's labels: a product of both words, each word alone, a bias."""
        s = torch.relu(self.weights["scorer.subject.weight"] @ h)
        o = torch.relu(self.weights["scorer.object.weight"] @ h_other)
        logits = []
        for t in range(len(self.b)):
            logit = self.b[t]
            for c, o_c in enumerate(o):
                logit = logit + self.weights["scorer.object_weight"][t, c] * o_c
                for a, s_a in enumerate(s):
                    logit = logit + s_a * self.weights["scorer.product"][t, a, c] * o_c
            for a, s_a in enumerate(s):
                logit = logit + self.weights["scorer.subject_weight"][t, a] * s_a
            logits.append(logit)
        return logits

    def opinion(self, h_relation: Vectors, h_entity: Vectors) -> Opinion:
        scorers = {
            "separable": self.separable,
            "concat": self.concat,
            "concat_bias": self.concat,
            "biaffine": self.biaffine,
        }
        score = scorers[self.settings.scorer]
        p = []
        for h in h_relation:
            rows = [[torch.sigmoid(v) for v in score(h, h_other)] for h_other in h_relation]
            p.append([[row[t] for row in rows] for t in range(len(self.b))])
        return Opinion(p, [self.eq_8(h) for h in h_entity])

    # Interaction and updates (§4.1).

    def eq_1_2(self, p_i: list[Vectors]) -> Tensor:
        return torch.stack([torch.stack(p_it).max() for p_it in p_i])

    def eq_3(self, y_relation: Tensor, y_entity: Tensor, h: Tensor) -> Tensor:
        parts = []
        if self.settings.relation_input:
            parts.append(y_relation)
        if self.settings.entity_input:
            parts.append(y_entity)
        if self.settings.shared_input:
            parts.append(h)
        W_a, b_a = (
            self.weights["interaction.project.weight"],
            self.weights["interaction.project.bias"],
        )
        return torch.relu(W_a @ torch.cat(parts) + b_a)

    def cell(self, name: str, h: Tensor, x: Tensor) -> Tensor:
        cells = {"gru": self.gru, "rnn": self.rnn}
        return cells[self.settings.cell](name, h, x)

    def gru(self, name: str, h: Tensor, x: Tensor) -> Tensor:
        """Eqs. 4-7."""
        W_z, W_u = self.weights[f"{name}.gates.weight"].tensor_split(2)
        W_o = self.weights[f"{name}.candidate.weight"]
        z = torch.sigmoid(W_z @ torch.cat([h, x]))
        u = torch.sigmoid(W_u @ torch.cat([h, x]))
        candidate = torch.tanh(W_o @ torch.cat([u * h, x]))
        return (1 - z) * h + z * candidate

    def rnn(self, name: str, h: Tensor, x: Tensor) -> Tensor:
        """Figure 3."""
        return torch.tanh(self.weights[f"{name}.output.weight"] @ torch.cat([h, x]))

    def linear(self, name: str, h: Tensor) -> Tensor:
        """Table 5's -γ: neither INT nor gates."""
        return self.weights[f"{name}.weight"] @ h + self.weights[f"{name}.bias"]

    def update(self, name: str, features: Vectors, opinion: Opinion, shared: Vectors) -> Vectors:
        updated = []
        for i, h in enumerate(features):
            if self.settings.cell == "linear":
                updated.append(self.linear(name, h))
                continue
            x = self.eq_3(self.eq_1_2(opinion.p[i]), opinion.y[i], shared[i])
            updated.append(self.cell(name, h, x))
        return updated

    def refine(self, example: Example) -> list[Opinion]:
        """Return the opinion before any round and after each."""
        shared = self.encode(example)
        h_relation = [self.eq_11("relation_features", h) for h in shared]
        h_entity = [self.eq_11("entity_features", h) for h in shared]
        opinions = [self.opinion(h_relation, h_entity)]
        for _ in range(self.settings.rounds):
            if self.settings.architecture == "camera_ready":
                h_relation, h_entity, shared = self.camera_ready(opinions[-1], shared)
            else:
                h_relation = self.update("update_relation", h_relation, opinions[-1], shared)
                h_entity = self.update("update_entity", h_entity, opinions[-1], shared)
            opinions.append(self.opinion(h_relation, h_entity))
        return opinions

    def camera_ready(self, opinion: Opinion, shared: Vectors) -> tuple[Vectors, Vectors, Vectors]:
        """One round of the camera-ready version: ŷ and ȳ update H, a word at a time."""
        h_relation, h_entity, h_next = [], [], []
        for i, h in enumerate(shared):
            h_relation.append(self.cell("update_relation", h, self.eq_1_2(opinion.p[i])))
            h_entity.append(self.cell("update_entity", h, opinion.y[i]))
            h_next.append(h_relation[i] + h_entity[i] + h)
        return h_relation, h_entity, h_next

    # The objective (§4.5).

    def sentence_loss(self, example: Example) -> Tensor:
        opinion = self.refine(example)[-1]
        loss = torch.zeros((), dtype=torch.float64)
        for i, tag in enumerate(example.tags):
            loss = loss - opinion.y[i][tag].log()  # Eq. 12
            for t, p_it in enumerate(opinion.p[i]):
                for j, p in enumerate(p_it):
                    holds = (i, t, j) in example.triples
                    loss = loss - (p.log() if holds else (1 - p).log())  # Eq. 13
        return loss

    def loss(self, examples: list[Example]) -> Tensor:
        """Eq. 14, of the average sentence."""
        return torch.stack([self.sentence_loss(example) for example in examples]).mean()
