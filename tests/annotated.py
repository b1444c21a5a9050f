"""Sentences written by hand, small models that read them, and the reference beside both."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from rin_core.config import Config, EncoderConfig, ModelConfig
from rin_core.data.batches import Batch, make_batch
from rin_core.data.corpus import Sentence, Span, Triple
from rin_core.data.encoding import EncodedSplit, encode_split
from rin_core.data.vocabulary import Vocabulary
from rin_core.model.rin import RIN, Prediction
from tests.reference import Example, Opinion
from tests.settings import choices

CPU = torch.device("cpu")
RELATIONS = ("lives_in", "same", "part_of")
WORDS = ("<pad>", "<unk>", "ada", "of", "york", "lives", "in", "paris", "sleeps", "here")
POS = ("<pad>", "<unk>", "N", "P", "V")


@dataclasses.dataclass(frozen=True)
class Annotated:
    """A sentence written by hand: its words, their part of speech and their BIESO tags."""

    words: str
    pos: str
    tags: str
    spans: tuple[tuple[int, int], ...] = ()
    triples: tuple[tuple[int, str, int], ...] = ()
    """Subject and object are numbers of spans."""

    def sentence(self) -> Sentence:
        spans = [Span(*span) for span in self.spans]
        return Sentence(
            words=tuple(self.words.split()),
            pos=tuple(self.pos.split()),
            entities=tuple(spans),
            triples=tuple(Triple(spans[s], r, spans[o]) for s, r, o in self.triples),
        )

    def example(self, with_pos: bool) -> Example:
        return Example(
            words=[WORDS.index(word) if word in WORDS else 1 for word in self.words.split()],
            pos=[POS.index(tag) for tag in self.pos.split()] if with_pos else None,
            tags=["BIESO".index(tag) for tag in self.tags.split()],
            triples={
                (self.spans[s][0], RELATIONS.index(r), self.spans[o][0]) for s, r, o in self.triples
            },
        )


CORPUS = (
    Annotated(
        "ada of york lives in paris",
        "N P N V P N",
        "B I E O O S",
        ((0, 3), (5, 6)),
        ((0, "lives_in", 1), (0, "part_of", 1), (1, "lives_in", 0), (1, "same", 1)),
    ),
    Annotated("paris", "N", "S", ((0, 1),), ((0, "same", 0),)),
    Annotated("nobody sleeps here", "N V P", "O O O"),
    Annotated(
        "york in york", "N P N", "S O S", ((0, 1), (2, 3)), ((0, "same", 0), (1, "part_of", 0))
    ),
    Annotated("ada lives here in york", "N V P P N", "S O B E S", ((0, 1), (2, 4), (4, 5))),
)
EVERY = np.arange(len(CORPUS))


def vocabulary(pos: bool = True) -> Vocabulary:
    return Vocabulary(words=WORDS, pos=POS if pos else (), relations=RELATIONS, lowercase=True)


def encoded(pos: bool = True) -> EncodedSplit:
    return encode_split([a.sentence() for a in CORPUS], vocabulary(pos), "first")


def batch_of(rows: list[int] | np.ndarray = EVERY, pos: bool = True) -> Batch:
    return make_batch(encoded(pos), np.asarray(rows), CPU)


def build(model: ModelConfig, pos: bool = True) -> RIN:
    """Make a float64 model whose weights are large enough for every term to matter."""
    encoder = EncoderConfig(word_dim=4, pos_dim=2, hidden_size=6)
    rin = RIN(Config(encoder=encoder, model=model), vocabulary(pos)).double().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in rin.parameters():
            parameter.uniform_(-0.9, 0.9, generator=generator)
        for _ in range(3):  # towards logits around 0, so that some triples hold and some do not
            logits = rin(batch_of(pos=pos)).scores.logits().flatten(0, 2)
            rin.get_parameter("scorer.bias").sub_(logits[logits.isfinite().all(1)].mean(0))
    return rin


def settings_of(**changes: object) -> ModelConfig:
    return ModelConfig(**{"feature_size": 5, **changes})  # type: ignore[arg-type]


#: Models to compare with the reference. A cell or a scorer that is added is among them.
CASES = {
    **{
        f"{cell}, K={k}": settings_of(cell=cell, rounds=k)
        for cell in choices("model.cell")
        for k in (0, 1, 3)
    },
    **{
        f"{scorer}, K={k}": settings_of(scorer=scorer, rounds=k)
        for scorer in choices("model.scorer")
        for k in (0, 2)
    },
    "-ŷ": settings_of(rounds=2, relation_input=False),
    "-ȳ": settings_of(rounds=2, entity_input=False),
    "-H": settings_of(rounds=2, shared_input=False),
    "-ŷ -H": settings_of(rounds=1, relation_input=False, shared_input=False),
    "-ȳ -H, rnn": settings_of(rounds=2, cell="rnn", entity_input=False, shared_input=False),
    "BiLSTM": settings_of(rounds=0, task_features=False),
    "biaffine, -H": settings_of(rounds=1, scorer="biaffine", cell="rnn", shared_input=False),
    "camera-ready, K=0": settings_of(rounds=0, architecture="camera_ready", scorer="concat"),
    "camera-ready, K=1": settings_of(rounds=1, architecture="camera_ready"),
    "camera-ready, K=3": settings_of(rounds=3, architecture="camera_ready", scorer="concat"),
    "camera-ready, rnn": settings_of(rounds=2, architecture="camera_ready", cell="rnn"),
}


def assert_same_opinion(prediction: Prediction, opinions: list[Opinion]) -> None:
    """Compare a batch with the reference, sentence by sentence."""
    p_BLLR = torch.sigmoid(prediction.scores.logits())
    y_BLT = torch.softmax(prediction.tags_BLT, dim=-1)
    for b, opinion in enumerate(opinions):
        n = len(opinion.y)
        p_iLtj = torch.stack(
            [torch.stack([torch.stack(p_it) for p_it in p_i]) for p_i in opinion.p]
        )
        torch.testing.assert_close(
            p_BLLR[b, :n, :n], p_iLtj.transpose(1, 2), rtol=1e-10, atol=1e-12
        )
        torch.testing.assert_close(y_BLT[b, :n], torch.stack(opinion.y), rtol=1e-10, atol=1e-12)
        assert not p_BLLR[b, n:].any()
        assert not p_BLLR[b, :, n:].any()


def triples_of(prediction: Prediction) -> set[tuple[int, ...]]:
    return {tuple(column) for column in prediction.scores.triples().T.tolist()}


def same(a: Prediction, b: Prediction, tolerance: float = 1e-13) -> bool:
    pairs = [(a.tags_BLT, b.tags_BLT)]
    pairs += [(a.scores.logits(), b.scores.logits())]
    return all(torch.allclose(x, y, rtol=0, atol=tolerance) for x, y in pairs)
