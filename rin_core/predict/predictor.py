"""A trained model finds entities and triples in sentences.

    predictor = Predictor.load(Path("runs/units/…/weights.safetensors"))
    for extraction in predictor.predict(predictor.split("Ann Lee founded Acme in Oslo.")):
        print(extraction.triples)

Evaluation finds the same triples, by the same code. Sentences are computed in batches of similar
length; which sentences share a batch changes results only by rounding.

Shapes: B sentences of a batch · L tokens, padded · T tags · N triples · E entities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import torch

from rin_core.config import Config
from rin_core.data.batches import batches_by_length, make_batch
from rin_core.data.corpus import Sentence, Span, entity_place
from rin_core.data.encoding import Array, encode_split
from rin_core.data.pieces import PieceTokenizer
from rin_core.data.readers.unannotated import unannotated
from rin_core.data.tagging import TagSource, tag_source, with_tags
from rin_core.data.tags import best_tags, decode_spans
from rin_core.data.vocabulary import Vocabulary
from rin_core.model.rin import RIN, Prediction
from rin_core.predict.extraction import Extraction, FoundEntity, FoundTriple, Mention, mention
from rin_core.predict.loading import load_model
from rin_core.predict.texts import TextSentence, TextSplitter


class Predictor:
    """Find entities and triples with a trained model.

    Args:
        model: As :func:`rin_core.predict.loading.load_model` returns it, like the two that follow.
        vocabulary: Words, tags and relations.
        config: Which word stands for an entity.
        tokenizer: Of a transformer.
        note: What a person should know of how the model was loaded.

    Examples:
        >>> from rin_core.data.demo import demo_corpus
        >>> from rin_core.data.vocabulary import build_vocabulary
        >>> train = demo_corpus(sentences=20).train
        >>> vocabulary = build_vocabulary(train, lowercase=True, use_pos=False)
        >>> predictor = Predictor(RIN(Config(), vocabulary), vocabulary, Config())
        >>> found = predictor.predict(predictor.split("Ann Lee founded Acme. It is in Oslo."))
        >>> [sentence.words for sentence in found]
        [('Ann', 'Lee', 'founded', 'Acme', '.'), ('It', 'is', 'in', 'Oslo', '.')]
    """

    def __init__(
        self,
        model: RIN,
        vocabulary: Vocabulary,
        config: Config,
        tokenizer: PieceTokenizer | None = None,
        note: str = "",
    ) -> None:
        self.model, self.vocabulary, self.config = model.eval(), vocabulary, config
        self.tokenizer, self.note = tokenizer, note
        self.takes_tags = bool(vocabulary.pos) and tokenizer is None
        self.device = next(model.parameters()).device

    @classmethod
    def load(cls, weights: Path, device: torch.device | None = None) -> Self:
        """Load a model; raises as :func:`rin_core.predict.loading.load_model`."""
        return cls(*load_model(weights, device))

    @cached_property
    def tag_source(self) -> TagSource | None:
        """Where the tags of text without tags come from; None if the model takes none."""
        return tag_source(self.vocabulary) if self.takes_tags else None

    @cached_property
    def splitter(self) -> TextSplitter:
        """How text is split into sentences and words for this model."""
        return TextSplitter(self.vocabulary)

    def split(self, text: str) -> tuple[TextSentence, ...]:
        """Split a text into the sentences of :meth:`predict`; a blank text has none."""
        return self.splitter.split(text)

    def predict(
        self, sentences: Sequence[Sentence | TextSentence], *, batch_tokens: int = 2048
    ) -> list[Extraction]:
        """Find the entities and triples of sentences.

        Args:
            sentences: Sentences of a text, or words with or without tags; annotations are
                ignored. Words may be empty.
            batch_tokens: Words computed at once, with padding. A longer sentence goes alone.

        Returns:
            One extraction a sentence, in the order given.
        """
        found = self._predict(sentences, batch_tokens, every_round=False)
        return [rounds[-1] for rounds in found]

    def predict_rounds(
        self, sentences: Sequence[Sentence | TextSentence], *, batch_tokens: int = 2048
    ) -> list[tuple[Extraction, ...]]:
        """As :meth:`predict`, but before any round and after each: K + 1 extractions a sentence."""
        return self._predict(sentences, batch_tokens, every_round=True)

    def _predict(
        self,
        sentences: Sequence[Sentence | TextSentence],
        batch_tokens: int,
        *,
        every_round: bool,
    ) -> list[tuple[Extraction, ...]]:
        given = [s.sentence if isinstance(s, TextSentence) else s for s in sentences]
        # Gold annotation would only take time to encode.
        prepared = [unannotated(s.words, s.pos) for s in given]
        if self.takes_tags:
            prepared = with_tags(prepared, self.vocabulary)
        else:
            prepared = [replace(s, pos=None) for s in prepared]
        count = self.model.rounds + 1 if every_round else 1
        empty = [Extraction(words=s.words, pos=s.pos, entities=(), triples=()) for s in prepared]
        found = [(extraction,) * count for extraction in empty]
        filled = np.array([n for n, s in enumerate(prepared) if s.words], np.int64)
        lengths = np.array([len(prepared[n].words) for n in filled], np.int64)
        with torch.inference_mode():
            for rows in batches_by_length(lengths, batch_tokens):
                numbers = filled[rows].tolist()
                batch_sentences = [prepared[n] for n in numbers]
                split = encode_split(
                    batch_sentences,
                    self.vocabulary,
                    self.config.data.entity_word,
                    self.tokenizer,
                    spelling=self.config.encoder.reads_spelling,
                )
                batch = make_batch(split, np.arange(len(numbers)), self.device)
                predictions = self.model.refine(batch)[-count:]
                rounds = [self._decode(batch_sentences, prediction) for prediction in predictions]
                for n, extractions in zip(numbers, zip(*rounds, strict=True), strict=True):
                    found[n] = extractions
        for n, s in enumerate(sentences):
            if isinstance(s, TextSentence):
                found[n] = tuple(x.located(s.text, s.offsets) for x in found[n])
        return found

    def _decode(self, sentences: list[Sentence], prediction: Prediction) -> list[Extraction]:
        """Return what a round finds in each sentence."""
        entities = _entities(sentences, prediction, self.vocabulary.entity_types)
        entity_word = self.config.data.entity_word
        at_word = [
            {
                entity_place(Span(e.mention.start, e.mention.end), entity_word)[0]: e.mention
                for e in found
            }
            for found in entities
        ]
        rows_5N = _triple_rows(prediction)
        if self.vocabulary.entity_types:
            rows_5N = _between_entities(rows_5N, at_word)
        triples = _triples(sentences, rows_5N, self.vocabulary.relations, at_word)
        return [
            Extraction(words=s.words, pos=s.pos, entities=tuple(e), triples=tuple(t))
            for s, e, t in zip(sentences, entities, triples, strict=True)
        ]


def _entities(
    sentences: list[Sentence], prediction: Prediction, types: tuple[str, ...]
) -> list[list[FoundEntity]]:
    """Return the entities that a batch's tags spell, in order of position."""
    lengths = np.array([len(sentence.words) for sentence in sentences])
    tags_BL = best_tags(prediction.tags_BLT.cpu().numpy(), lengths)
    log_BLT = prediction.tags_BLT.double().log_softmax(-1).cpu().numpy()
    # Sums of logarithms up to each word: a span's probability is then one difference.
    log_BL = np.take_along_axis(log_BLT, np.maximum(tags_BL, 0)[..., None], -1)[..., 0].cumsum(-1)
    log_BL = np.pad(log_BL, ((0, 0), (1, 0)))
    n, start, end, numbers = _sorted(decode_spans(tags_BL), keys=(1, 0))
    probabilities = np.exp(log_BL[n, end] - log_BL[n, start]).tolist()
    found: list[list[FoundEntity]] = [[] for _ in sentences]
    rows = (n.tolist(), start.tolist(), end.tolist(), numbers.tolist(), probabilities)
    for b, first, past, number, probability in zip(*rows, strict=True):
        span = mention(sentences[b].words, first, past)
        found[b].append(FoundEntity(span, probability, types[number] if types else None))
    return found


def _triple_rows(prediction: Prediction) -> Array:
    """Return the triples of a batch: rows sentence, subject, relation, object, probability."""
    triples_4N = prediction.scores.triples()
    probabilities_N = torch.sigmoid(prediction.scores.logits_at(triples_4N).double())
    return np.vstack([triples_4N.cpu().numpy(), probabilities_N.cpu().numpy()])


def _between_entities(rows_5N: Array, at_word: list[dict[int, Mention]]) -> Array:
    """Return the triples between entities, by the words that stand for these.

    As in :mod:`rin_core.train.metrics`, a word stands for the entity that it is in, and a triple
    without two entities is left out. Of several triples that become one, the most probable counts.
    """
    inside = [
        {word: place for place, span in found.items() for word in range(span.start, span.end)}
        for found in at_word
    ]
    best: dict[tuple[int, ...], float] = {}
    for *numbers, probability in rows_5N.T.tolist():
        b, i, t, j = map(int, numbers)
        if i in inside[b] and j in inside[b]:
            key = b, inside[b][i], t, inside[b][j]
            best[key] = max(probability, best.get(key, 0.0))
    return np.array([(*key, p) for key, p in best.items()]).reshape(-1, 5).T


def _triples(
    sentences: list[Sentence],
    rows_5N: Array,
    relations: tuple[str, ...],
    at_word: list[dict[int, Mention]],
) -> list[list[FoundTriple]]:
    """Return the triples of a batch, in order of subject, object, relation."""
    found: list[list[FoundTriple]] = [[] for _ in sentences]
    *numbers_4N, probabilities = _sorted(rows_5N, keys=(2, 3, 1, 0))
    columns = (column.astype(np.int64).tolist() for column in numbers_4N)
    for b, i, t, j, p in zip(*columns, probabilities.tolist(), strict=True):
        words, spans = sentences[b].words, at_word[b]
        subject = spans.get(i) or mention(words, i, i + 1)
        object_ = spans.get(j) or mention(words, j, j + 1)
        found[b].append(FoundTriple(subject, relations[t], object_, p))
    return found


def _sorted(columns: Array, keys: Sequence[int]) -> Array:
    """Order the columns of a table by some of its rows, the last key first."""
    ordered: Array = columns[:, np.lexsort([columns[key] for key in keys])]
    return ordered
