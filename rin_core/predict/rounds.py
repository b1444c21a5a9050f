"""The predictions of one model for one sentence, round by round, as in Table 3.

A model that interacts predicts K + 1 times. Every prediction is kept as probabilities, which show
what the rounds of interaction changed.

Shapes: L words of the sentence · R relations · T tags.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rin_core.config import Config
from rin_core.data.batches import make_batch
from rin_core.data.corpus import Fact, Sentence, Span
from rin_core.data.encoding import Array, encode_split
from rin_core.data.pieces import PieceTokenizer
from rin_core.data.tags import O_TAG, best_tags, decode_spans, first_tag, span_tags
from rin_core.data.vocabulary import Vocabulary
from rin_core.model.rin import RIN, Prediction

#: A triple is predicted if its probability reaches this (paper §3).
THRESHOLD = 0.5
#: A triple that no round predicts is still traced if some round gives it this probability.
WORTH_SHOWING = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedTriple:
    """A triple and its probability after each round, 0 to K."""

    subject: int
    relation: str
    object: int
    probabilities: tuple[float, ...] | None
    """None if the model does not know the relation."""

    @property
    def predicted(self) -> bool:
        """Whether the last round predicts the triple."""
        return self.probabilities is not None and self.probabilities[-1] >= THRESHOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedSpan:
    """An entity span after each round."""

    start: int
    end: int
    probabilities: tuple[float, ...]
    """Product of its words' tag probabilities: B, I …, E, or S, of its most probable type."""
    decoded: tuple[bool, ...]
    """Whether the tagger's best tags contain it, after each round."""
    types: tuple[str, ...] = ()
    """Its most probable type after each round; none for a model without entity types."""

    @property
    def predicted(self) -> bool:
        """Whether the last round predicts the entity."""
        return self.decoded[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What one model predicts for one sentence."""

    rounds: int
    """K; there are K + 1 predictions."""
    entity_words: tuple[tuple[float, ...], ...]
    """1 − p(O) of each word after each round: K + 1 rows of L."""
    spans: tuple[TracedSpan, ...]
    """Those asked for and those any round decodes, by place."""
    triples: tuple[TracedTriple, ...]
    """Those asked for and those some round finds worth showing, by place."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values, with ``predicted`` of each span and triple."""
        return {
            "rounds": self.rounds,
            "entity_words": self.entity_words,
            "spans": [_with_verdict(span) for span in self.spans],
            "triples": [_with_verdict(triple) for triple in self.triples],
        }


def _with_verdict(traced: TracedSpan | TracedTriple) -> dict[str, Any]:
    return dataclasses.asdict(traced) | {"predicted": traced.predicted}


@torch.inference_mode()
def trace(
    model: RIN,
    vocabulary: Vocabulary,
    config: Config,
    sentence: Sentence,
    facts: Collection[Fact] = (),
    spans: Collection[Span] = (),
    tokenizer: PieceTokenizer | None = None,
) -> Trace:
    """Trace a model's predictions of a sentence from before the first round to after the last.

    Args:
        model: In evaluation mode, on CPU.
        vocabulary: The model's.
        config: The model's.
        sentence: Words, and tags where the model was trained with them.
        facts: Triples to trace in any case, such as the gold ones.
        spans: Entity spans to trace in any case.
        tokenizer: The model's, if it is a transformer.
    """
    entity_word, spelling = config.data.entity_word, config.encoder.reads_spelling
    split = encode_split([sentence], vocabulary, entity_word, tokenizer, spelling=spelling)
    batch = make_batch(split, np.zeros(1, np.int64), torch.device("cpu"))
    predictions = model.refine(batch)
    tags = [torch.softmax(p.tags_BLT[0].double(), dim=-1).numpy() for p in predictions]
    return Trace(
        rounds=len(predictions) - 1,
        entity_words=tuple(tuple((1 - tags_LT[:, O_TAG]).tolist()) for tags_LT in tags),
        spans=_trace_spans(predictions, tags, vocabulary.entity_types, spans),
        triples=_trace_triples(predictions, vocabulary, facts),
    )


def _trace_triples(
    predictions: Sequence[Prediction], vocabulary: Vocabulary, asked: Collection[Fact]
) -> tuple[TracedTriple, ...]:
    rounds = torch.stack([torch.sigmoid(p.scores.logits()[0].double()) for p in predictions])
    i, j, t = (rounds.amax(0) >= WORTH_SHOWING).nonzero(as_tuple=True)
    found = zip(i.tolist(), t.tolist(), j.tolist(), strict=True)
    facts = {*asked, *((s, vocabulary.relations[r], o) for s, r, o in found)}

    def probabilities(fact: Fact) -> tuple[float, ...] | None:
        relation = vocabulary.relation_ids.get(fact[1])
        return None if relation is None else tuple(rounds[:, fact[0], fact[2], relation].tolist())

    return tuple(
        TracedTriple(subject=s, relation=r, object=o, probabilities=probabilities((s, r, o)))
        for s, r, o in sorted(facts, key=lambda fact: (fact[0], fact[2], fact[1]))
    )


def _trace_spans(
    predictions: Sequence[Prediction],
    tags: Sequence[Array],
    types: Sequence[str],
    asked: Collection[Span],
) -> tuple[TracedSpan, ...]:
    """Follow spans through the tag probabilities [L, T] of each round."""
    decoded = [_decoded_spans(prediction) for prediction in predictions]
    traced = []
    for span in sorted({*asked, *(span for spans in decoded for span in spans)}):
        found = [_best_type(tags_LT, span) for tags_LT in tags]
        traced.append(
            TracedSpan(
                start=span.start,
                end=span.end,
                probabilities=tuple(probability for _, probability in found),
                decoded=tuple(span in spans for spans in decoded),
                types=tuple(types[number] for number, _ in found) if types else (),
            )
        )
    return tuple(traced)


def _decoded_spans(prediction: Prediction) -> set[Span]:
    logits_1LT = prediction.tags_BLT.numpy()
    tags_1L = best_tags(logits_1LT, np.array([logits_1LT.shape[1]]))
    return {Span(start, end) for _, start, end, _ in decode_spans(tags_1L).T.tolist()}


def _best_type(tags_LT: Array, span: Span) -> tuple[int, float]:
    """Return the most probable type of a span, by number, and its probability with this type."""
    size, types = span.end - span.start, max(1, tags_LT.shape[1] // O_TAG)
    letters = np.array(span_tags([Span(0, size)], size))
    tags_XS = first_tag(np.arange(types))[:, None] + letters
    by_type = tags_LT[np.arange(span.start, span.end), tags_XS].prod(1)
    return int(by_type.argmax()), float(by_type.max())
