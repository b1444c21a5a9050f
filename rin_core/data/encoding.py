"""Sentences as flat arrays, and batches of like length.

An encoded split is a handful of numpy arrays, so that a cluster's object store hands it to
every trial without a copy. What training and scoring need of a sentence is all in there.

Shapes: N sentences · L tokens, padded · M gold triples of the split · B sentences of a batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rin_core.config import DataConfig
from rin_core.data.corpus import Corpus, Sentence, Span, Triple
from rin_core.data.pieces import PieceBatch, Pieces, PieceTokenizer
from rin_core.data.pretrained import Pretrained
from rin_core.data.tags import TAGS
from rin_core.data.transfer import to_device
from rin_core.data.vocabulary import PAD, Vocabulary, WordVectors, build_vocabulary

Array = NDArray[Any]
B_TAG, I_TAG, E_TAG, S_TAG, O_TAG = range(len(TAGS))
Fact = tuple[int, str, int]
"""A triple by its words: subject word, relation, object word."""
IGNORED = -100  # torch's cross entropy passes over this target


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedSplit:
    """One split, in numbers."""

    words_NL: Array
    pos_NL: Array | None
    tags_NL: Array
    """Gold BIESO tags; padding is :data:`IGNORED`."""
    lengths_N: Array
    gold_4M: Array
    """Distinct gold triples as rows sentence, subject, relation, object, sentences ascending."""
    gold_starts: Array
    """Where each sentence's gold triples start, and the end of the last [N + 1]."""
    exact_6X: Array
    """Distinct gold triples with the other end of both spans: rows sentence, subject word,
    its span's other end, relation, object word, its span's other end."""
    entities_3E: Array
    """Gold entity spans as rows sentence, start, end (exclusive)."""
    relations_2P: Array
    """Distinct (sentence, relation) pairs of the gold triples, unknown relations left out."""
    missed_triples: int
    """Gold triples no model can find: an argument not in the sentence, an unknown relation."""
    missed_exact: int
    """The same, counted as distinct spans rather than distinct words."""
    missed_relations: int
    """(sentence, relation) pairs whose relation the training split never shows."""
    missed_entities: int
    """Gold entities that are not in their sentence."""
    pieces: Pieces | None = None
    """The words as a transformer reads them; None for the BiLSTM."""

    def __len__(self) -> int:
        return len(self.lengths_N)

    @property
    def tokens(self) -> int:
        """Words of all sentences."""
        return int(self.lengths_N.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedCorpus:
    """Three encoded splits with the vocabulary and vectors they were encoded with."""

    name: str
    train: EncodedSplit
    dev: EncodedSplit
    test: EncodedSplit
    vocabulary: Vocabulary
    vectors: WordVectors | None
    entity_word: str
    digest: str
    """Content of the corpus and of what pretrained weights come with it: the data's part of a
    fingerprint."""
    content: str
    """Content of the corpus alone, whatever it was encoded with."""
    notes: tuple[str, ...] = ()
    """What a person should know of how the corpus was read."""
    pretrained: Pretrained | None = None
    """The transformer whose pieces the splits hold."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Sentences of like length as tensors."""

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


def encode_corpus(
    corpus: Corpus,
    config: DataConfig,
    vectors: WordVectors | None,
    vocabulary: Vocabulary,
    pretrained: Pretrained | None = None,
) -> EncodedCorpus:
    """Turn a corpus into arrays.

    Args:
        corpus: The sentences.
        config: Which word stands for an entity.
        vectors: Pretrained rows for ``vocabulary``.
        vocabulary: From :func:`rin_core.data.vocabulary.build_vocabulary` on the training split.
        pretrained: The transformer that is to read the corpus, if one is.
    """
    tokenizer = pretrained.tokenizer if pretrained else None
    splits = [
        encode_split(part, vocabulary, config.entity_word, tokenizer)
        for part in (corpus.train, corpus.dev, corpus.test)
    ]
    content = corpus.digest()
    identity = f"{content} {vectors.digest if vectors else None}"
    if pretrained is not None:
        identity += f" {pretrained.digest}"
    return EncodedCorpus(
        name=corpus.name,
        train=splits[0],
        dev=splits[1],
        test=splits[2],
        vocabulary=vocabulary,
        vectors=vectors,
        entity_word=config.entity_word,
        digest=hashlib.sha256(identity.encode()).hexdigest()[:16],
        content=content,
        pretrained=pretrained,
    )


def corpus_vocabulary(corpus: Corpus, config: DataConfig) -> Vocabulary:
    """Return the vocabulary of the training split under the given settings."""
    return build_vocabulary(corpus.train, lowercase=config.lowercase, use_pos=config.pos == "auto")


def encode_split(
    sentences: Sequence[Sentence],
    vocabulary: Vocabulary,
    entity_word: str,
    tokenizer: PieceTokenizer | None = None,
) -> EncodedSplit:
    """Encode sentences; relations the vocabulary lacks are counted as missed."""
    L = max(len(s.words) for s in sentences)
    has_pos = bool(vocabulary.pos)
    words, tags = (np.full((len(sentences), L), fill, np.int32) for fill in (PAD, IGNORED))
    pos = np.full((len(sentences), L), PAD, np.int32) if has_pos else None
    relation_ids = vocabulary.relation_ids
    gold: list[list[tuple[int, ...]]] = []
    exact: list[tuple[int, ...]] = []
    missed_triples = missed_exact = missed_relations = 0
    for n, sentence in enumerate(sentences):
        length = len(sentence.words)
        words[n, :length] = vocabulary.word_ids(sentence.words)
        tags[n, :length] = span_tags(sentence.entities, length)
        if pos is not None and sentence.pos is not None:
            pos[n, :length] = vocabulary.pos_ids(sentence.pos)
        known = [t for t in sentence.triples if t.relation in relation_ids]
        unknown = set(sentence.triples).difference(known)
        missed_triples += len(sentence.missing) + len(word_facts(unknown, entity_word))
        missed_exact += len(sentence.missing) + len(unknown)
        labels = {t.relation for t in sentence.triples} | {m[1] for m in sentence.missing}
        missed_relations += len(labels - relation_ids.keys())
        pairs = word_facts(known, entity_word)
        gold.append(sorted((n, i, relation_ids[r], j) for i, r, j in pairs))
        exact += sorted({(n, *_exact(t, relation_ids, entity_word)) for t in known})
    gold_4M = _columns([row for rows in gold for row in rows], 4)
    entities = [(n, *span) for n, s in enumerate(sentences) for span in s.entities]
    return EncodedSplit(
        words_NL=words,
        pos_NL=pos,
        tags_NL=tags,
        lengths_N=np.array([len(s.words) for s in sentences], np.int64),
        gold_4M=gold_4M,
        gold_starts=np.cumsum([0, *map(len, gold)]),
        exact_6X=_columns(exact, 6),
        entities_3E=_columns(entities, 3),
        relations_2P=np.unique(_known_relations(sentences, relation_ids), axis=1),
        missed_triples=missed_triples,
        missed_exact=missed_exact,
        missed_relations=missed_relations,
        missed_entities=sum(len(s.missing_entities) for s in sentences),
        pieces=tokenizer.encode([s.words for s in sentences]) if tokenizer else None,
    )


def span_tags(spans: Sequence[Span], length: int) -> list[int]:
    """Write spans as BIESO tags; where two overlap the longer one is kept."""
    tags = [O_TAG] * length
    for start, end in sorted(spans, key=lambda s: (s.start - s.end, s.start)):
        if any(tag != O_TAG for tag in tags[start:end]):
            continue
        if end - start == 1:
            tags[start] = S_TAG
        else:
            tags[start:end] = [B_TAG, *[I_TAG] * (end - start - 2), E_TAG]
    return tags


def training_batches(
    split: EncodedSplit, batch_size: int, generator: np.random.Generator
) -> list[Array]:
    """Cut a shuffled split into batches of like length, in random order.

    Returns:
        Sentence numbers of each batch; each sentence occurs once.
    """
    shuffled = generator.permutation(len(split))
    by_length = shuffled[np.argsort(split.lengths_N[shuffled], kind="stable")]
    batches = np.split(by_length, np.arange(batch_size, len(split), batch_size))
    return [batches[k] for k in generator.permutation(len(batches))]


def scoring_batches(split: EncodedSplit, tokens: int = 4096) -> Iterator[Array]:
    """Cut a split into batches of like length of at most about ``tokens`` words each."""
    return batches_by_length(split.lengths_N, tokens)


def batches_by_length(lengths_N: Array, tokens: int) -> Iterator[Array]:
    """Yield the numbers of sentences of like length, at most about ``tokens`` words at a time."""
    order = np.argsort(lengths_N, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * lengths_N[order[end]] <= tokens:
            end += 1
        yield order[start:end]
        start = end


def make_batch(split: EncodedSplit, rows: Array, device: torch.device) -> Batch:
    """Gather sentences into tensors on a device."""
    lengths = split.lengths_N[rows]
    L = int(lengths.max())
    starts, ends = split.gold_starts[rows], split.gold_starts[rows + 1]
    gold = np.concatenate([split.gold_4M[:, s:e] for s, e in zip(starts, ends, strict=True)], 1)
    gold[0] = np.repeat(np.arange(len(rows)), ends - starts)
    arrays = [split.words_NL[rows, :L], split.tags_NL[rows, :L], lengths, gold]
    if split.pos_NL is not None:
        arrays.append(split.pos_NL[rows, :L])
    words_BL, tags_BL, lengths_B, gold_4N, *pos = to_device(arrays, device)
    padded = int(lengths.min()) < L
    return Batch(
        words_BL=words_BL,
        pos_BL=pos[0] if pos else None,
        tags_BL=tags_BL,
        lengths_B=lengths_B,
        gold_4N=gold_4N,
        padding_BL=torch.arange(L, device=device) >= lengths_B[:, None] if padded else None,
        pieces=None if split.pieces is None else split.pieces.batch(rows, L, device),
    )


def entity_place(span: Span, entity_word: str) -> tuple[int, int]:
    """Return the word that stands for a span, and the word at the span's other end."""
    first, last = span.start, span.end - 1
    return (first, last) if entity_word == "first" else (last, first)


def word_facts(triples: Iterable[Triple], entity_word: str) -> set[Fact]:
    """Return triples by the words that stand for their arguments."""

    def word(span: Span) -> int:
        return entity_place(span, entity_word)[0]

    return {(word(t.subject), t.relation, word(t.object)) for t in triples}


def _exact(triple: Triple, relation_ids: Mapping[str, int], entity_word: str) -> tuple[int, ...]:
    subject = entity_place(triple.subject, entity_word)
    return (*subject, relation_ids[triple.relation], *entity_place(triple.object, entity_word))


def _known_relations(sentences: Sequence[Sentence], relation_ids: Mapping[str, int]) -> Array:
    pairs = [
        (n, relation_ids[relation])
        for n, s in enumerate(sentences)
        for relation in [*(t.relation for t in s.triples), *(m[1] for m in s.missing)]
        if relation in relation_ids
    ]
    return _columns(pairs, 2)


def _columns(rows: Sequence[tuple[int, ...]], width: int) -> Array:
    return np.array(rows, np.int64).reshape(-1, width).T
