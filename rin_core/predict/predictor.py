"""A trained model finds entities and triples in sentences.

    predictor = Predictor.load(Path("runs/units/…/weights.safetensors"))
    for extraction in predictor.predict(predictor.split("Ann Lee founded Acme in Oslo.")):
        print(extraction.triples)

Evaluation finds the same triples, by the same code. Sentences are computed in batches of similar
length; which sentences share a batch changes results only by rounding.

Shapes: B sentences of a batch · L tokens, padded · T tags · N triples · E entities.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import torch

from rin_core.config import Config
from rin_core.data.batches import batches_by_length, make_batch
from rin_core.data.corpus import Sentence
from rin_core.data.encoding import Array, encode_split
from rin_core.data.pieces import PieceTokenizer
from rin_core.data.readers.unannotated import unannotated
from rin_core.data.tagging import TagSource, tag_source, with_tags
from rin_core.data.tags import best_tags, decode_spans
from rin_core.data.vocabulary import Vocabulary
from rin_core.model.rin import RIN, Prediction
from rin_core.predict.decoded import Confidence, DecodedSentence, WordTriple, to_extraction
from rin_core.predict.extraction import Extraction, FoundEntity, mention
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
        threshold: Least probability of a triple. Less than 0.5 finds more triples, of which more
            are wrong. Scores of studies are at 0.5.

    Raises:
        ValueError: The threshold is not between 0 and 1.

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
        threshold: float = 0.5,
    ) -> None:
        if not 0 < threshold < 1:
            raise ValueError(f"threshold {threshold}: must be between 0 and 1")
        self.least_logit = math.log(threshold / (1 - threshold))
        self.model, self.vocabulary, self.config = model.eval(), vocabulary, config
        self.tokenizer, self.note = tokenizer, note
        self.takes_tags = bool(vocabulary.pos) and tokenizer is None
        self.device = next(model.parameters()).device

    @classmethod
    def load(
        cls, weights: Path, device: torch.device | None = None, threshold: float = 0.5
    ) -> Self:
        """Load a model; raises as :func:`rin_core.predict.loading.load_model`."""
        return cls(*load_model(weights, device), threshold)

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
        read = self.read(sentences)
        found = self.find(read, batch_tokens=batch_tokens)
        return [self.extraction(*row) for row in zip(sentences, read, found, strict=True)]

    def predict_rounds(
        self, sentences: Sequence[Sentence | TextSentence], *, batch_tokens: int = 2048
    ) -> list[tuple[Extraction, ...]]:
        """As :meth:`predict`, but before any round and after each: K + 1 extractions a sentence."""
        read = self.read(sentences)
        found = self.find_rounds(read, batch_tokens=batch_tokens)
        return [
            tuple(self.extraction(given, s, own) for own in rounds)
            for given, s, rounds in zip(sentences, read, found, strict=True)
        ]

    def read(self, sentences: Iterable[Sentence | TextSentence]) -> list[Sentence]:
        """Return words and tags of sentences as :meth:`find` takes them."""
        given = [s.sentence if isinstance(s, TextSentence) else s for s in sentences]
        # Gold annotation would only take time to encode.
        plain = [unannotated(s.words, s.pos if self.takes_tags else None) for s in given]
        return with_tags(plain, self.vocabulary) if self.takes_tags else plain

    def find(self, read: Sequence[Sentence], *, batch_tokens: int = 2048) -> list[DecodedSentence]:
        """Return what is found in each sentence, by words.

        Args:
            read: Words, and tags if the model takes any.
            batch_tokens: As for :meth:`predict`.
        """
        return [found[-1] for found in self._find(read, batch_tokens, count=1)]

    def find_rounds(
        self, read: Sequence[Sentence], *, batch_tokens: int = 2048
    ) -> list[tuple[DecodedSentence, ...]]:
        """As :meth:`find`, but before any round and after each."""
        return self._find(read, batch_tokens, count=self.model.rounds + 1)

    def extraction(
        self, given: Sentence | TextSentence, read: Sentence, found: DecodedSentence
    ) -> Extraction:
        """Return what was found in a sentence, with mentions as they were given."""
        extraction = to_extraction(read, found, self.vocabulary, self.config.data.entity_word)
        if isinstance(given, TextSentence):
            return extraction.located(given.text, given.offsets)
        return extraction

    def _find(
        self, read: Sequence[Sentence], batch_tokens: int, *, count: int
    ) -> list[tuple[DecodedSentence, ...]]:
        """Return what the last ``count`` predictions of each sentence have."""
        found = [(DecodedSentence(triples={}),) * count for _ in read]
        filled = np.array([n for n, s in enumerate(read) if s.words], np.int64)
        lengths = np.array([len(read[n].words) for n in filled], np.int64)
        with torch.inference_mode():
            for rows in batches_by_length(lengths, batch_tokens):
                numbers = filled[rows].tolist()
                sentences = [read[n] for n in numbers]
                split = encode_split(
                    sentences,
                    self.vocabulary,
                    self.config.data.entity_word,
                    self.tokenizer,
                    spelling=self.config.encoder.reads_spelling,
                )
                batch = make_batch(split, np.arange(len(numbers)), self.device)
                predictions = self.model.refine(batch)[-count:]
                rounds = [self._decode(sentences, prediction) for prediction in predictions]
                for n, own in zip(numbers, zip(*rounds, strict=True), strict=True):
                    found[n] = own
        return found

    def _decode(self, sentences: list[Sentence], prediction: Prediction) -> list[DecodedSentence]:
        """Return what one prediction of a batch has in each sentence."""
        entities = _entities(sentences, prediction, self.vocabulary.entity_types)
        triples_4N = prediction.scores.triples(self.least_logit)
        triples = _triples(triples_4N, len(sentences), prediction, self.vocabulary.relations)
        return [
            DecodedSentence(entities=tuple(e), triples=t)
            for e, t in zip(entities, triples, strict=True)
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


def _triples(
    triples_4N: torch.Tensor, count: int, prediction: Prediction, relations: tuple[str, ...]
) -> list[dict[WordTriple, Confidence]]:
    """Return the triples of each of a batch's sentences, with their probabilities."""
    probabilities_N = torch.sigmoid(prediction.scores.logits_at(triples_4N).double())
    found: list[dict[WordTriple, Confidence]] = [{} for _ in range(count)]
    columns = (column.tolist() for column in triples_4N.cpu())
    for b, i, t, j, p in zip(*columns, probabilities_N.tolist(), strict=True):
        found[b][WordTriple(i, relations[t], j)] = Confidence(p)
    return found


def _sorted(columns: Array, keys: Sequence[int]) -> Array:
    """Order the columns of a table by some of its rows, the last key first."""
    ordered: Array = columns[:, np.lexsort([columns[key] for key in keys])]
    return ordered
