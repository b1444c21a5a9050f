"""Sentences as flat arrays.

An encoded split is a few numpy arrays, so that trials read it from a cluster's object store
without a copy. It holds everything about a sentence that training and scoring use. The words of all
sentences follow each other without padding, so one very long sentence does not enlarge the others.

Shapes: N sentences · S words of all of them · M gold triples of the split · B sentences of a
batch · L tokens, padded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rin_core.config import DataConfig
from rin_core.data.corpus import Corpus, Finding, Sentence, entity_place, word_facts
from rin_core.data.pieces import Pieces, PieceTokenizer
from rin_core.data.pretrained import Pretrained
from rin_core.data.spelling import Spelling, spell
from rin_core.data.summary import SplitSummary
from rin_core.data.tags import span_tags
from rin_core.data.vectors import WordVectors
from rin_core.data.vocabulary import PAD, Vocabulary, build_vocabulary

Array = NDArray[Any]
IGNORED = -100  # torch's cross entropy passes over this target


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedSplit:
    """One split, in numbers."""

    words_S: Array
    """The words of all sentences, one sentence after the other, like the next two."""
    pos_S: Array | None
    tags_S: Array
    """Gold entity tags."""
    lengths_N: Array
    word_starts: Array
    """Where each sentence's words start, and the end of the last [N + 1]."""
    gold_4M: Array
    """Distinct gold triples as rows sentence, subject, relation, object, sentences ascending."""
    gold_starts: Array
    """Where each sentence's gold triples start, and the end of the last [N + 1]."""
    exact_8X: Array
    """Distinct gold triples with the spans and types of both arguments: rows sentence, subject
    word, its span's other end, its type, relation, object word, its span's other end, its type."""
    entities_4E: Array
    """Gold entities as rows sentence, start, end (exclusive), type: 0 without types, -1 for a type
    that the training split does not have, which no model predicts."""
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
    has_types: bool = False
    """Whether the tags contain entity types."""
    pieces: Pieces | None = None
    """The words as a transformer reads them; None for the BiLSTM."""
    spelling: Spelling | None = None
    """Characters and case of the words; None for an encoder that reads neither."""
    features_SD: Array | None = None
    """Features of all words, where a frozen transformer has computed them."""

    def __len__(self) -> int:
        return len(self.lengths_N)

    @property
    def tokens(self) -> int:
        """S, the words of all sentences."""
        return len(self.words_S)


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
    epoch_size: int
    """Sentences of an epoch; those of ``train`` repeat if they are fewer."""
    as_read: str = ""
    """Content of the corpus before a tagger added tags: encodings of one corpus agree in it."""
    path: Path | None = None
    """Folder or file of the corpus; None for the embedded corpus."""
    vectors_path: Path | None = None
    """File of the word vectors."""
    notes: tuple[str, ...] = ()
    """Where tags and vectors, or pretrained weights, are from."""
    summary: Mapping[str, SplitSummary] = field(default_factory=dict)
    """Sizes of each split."""
    findings: tuple[Finding, ...] = ()
    """What looks wrong, and how the files were read."""
    pretrained: Pretrained | None = None
    """The transformer whose pieces the splits hold."""

    @property
    def epoch_tokens(self) -> int:
        """Return the words of an epoch; where only some sentences repeat, on average."""
        return self.train.tokens * self.epoch_size // len(self.train)


def encode_corpus(
    corpus: Corpus,
    config: DataConfig,
    vectors: WordVectors | None,
    vocabulary: Vocabulary,
    pretrained: Pretrained | None = None,
    *,
    spelling: bool = False,
    whole: Corpus | None = None,
) -> EncodedCorpus:
    """Turn a corpus into arrays.

    Args:
        corpus: The sentences to train on, and those of dev and test.
        config: Which word stands for an entity.
        vectors: Pretrained rows for ``vocabulary``.
        vocabulary: From :func:`rin_core.data.vocabulary.build_vocabulary` on the training split.
            If it has entity types, they are part of the digest.
        pretrained: The transformer that reads the corpus, if any.
        spelling: Whether the encoder reads characters or case.
        whole: The corpus with all its training sentences, if ``corpus`` has a share of them. An
            epoch has as many sentences.
    """
    tokenizer = pretrained.tokenizer if pretrained else None
    splits = [
        encode_split(part, vocabulary, config.entity_word, tokenizer, spelling=spelling)
        for part in (corpus.train, corpus.dev, corpus.test)
    ]
    whole = whole or corpus
    content = whole.digest()
    identity = f"{content} {vectors.digest if vectors else None}"
    if pretrained is not None:
        identity += f" {pretrained.digest}"
    if vocabulary.entity_types:
        identity += f" {corpus.type_digest()}"
    if config.train_share < 1:
        identity += f" {config.train_share}"
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
        epoch_size=len(whole.train),
        as_read=content,
        pretrained=pretrained,
    )


def corpus_vocabulary(corpus: Corpus, config: DataConfig) -> Vocabulary:
    """Return the vocabulary of the training split under the given settings."""
    return build_vocabulary(
        corpus.train,
        lowercase=config.lowercase,
        use_pos=config.pos == "auto",
        use_types=config.entity_types,
    )


def encode_split(
    sentences: Sequence[Sentence],
    vocabulary: Vocabulary,
    entity_word: str,
    tokenizer: PieceTokenizer | None = None,
    *,
    spelling: bool = False,
) -> EncodedSplit:
    """Encode sentences; relations that are not in the vocabulary are counted as missed."""
    lengths = [len(s.words) for s in sentences]
    starts = np.cumsum([0, *lengths])
    words, tags = (np.empty(starts[-1], np.int32) for _ in range(2))
    pos = np.full(starts[-1], PAD, np.int32) if vocabulary.pos else None
    relation_ids = vocabulary.relation_ids
    gold: list[list[tuple[int, ...]]] = []
    exact: list[tuple[int, ...]] = []
    entities: list[tuple[int, ...]] = []
    relations: list[tuple[int, ...]] = []
    missed_triples = missed_exact = missed_relations = 0
    for n, (sentence, length) in enumerate(zip(sentences, lengths, strict=True)):
        own = slice(starts[n], starts[n + 1])
        words[own] = vocabulary.word_ids(sentence.words)
        types = dict(zip(sentence.entities, vocabulary.type_ids(sentence), strict=True))
        entities += [(n, *span, number) for span, number in types.items()]
        known_types = {span: number for span, number in types.items() if number >= 0}
        tags[own] = span_tags(list(known_types), length, list(known_types.values()))
        if pos is not None and sentence.pos is not None:
            pos[own] = vocabulary.pos_ids(sentence.pos)
        known = [t for t in sentence.triples if t.relation in relation_ids]
        unknown = set(sentence.triples).difference(known)
        missed_triples += len(sentence.missing) + len(word_facts(unknown, entity_word))
        missed_exact += len(sentence.missing) + len(unknown)
        labels = {t.relation for t in sentence.triples} | {m[1] for m in sentence.missing}
        missed_relations += len(labels - relation_ids.keys())
        relations += [(n, relation_ids[label]) for label in labels & relation_ids.keys()]
        pairs = word_facts(known, entity_word)
        gold.append(sorted((n, i, relation_ids[r], j) for i, r, j in pairs))
        argument = {span: (*entity_place(span, entity_word), types[span]) for span in types}
        exact += sorted(
            (n, *argument[t.subject], relation_ids[t.relation], *argument[t.object])
            for t in set(known)
        )
    gold_4M = _columns([row for rows in gold for row in rows], 4)
    return EncodedSplit(
        words_S=words,
        pos_S=pos,
        tags_S=tags,
        lengths_N=np.array(lengths, np.int64),
        word_starts=starts,
        gold_4M=gold_4M,
        gold_starts=np.cumsum([0, *map(len, gold)]),
        exact_8X=_columns(exact, 8),
        entities_4E=_columns(entities, 4),
        relations_2P=np.unique(_columns(relations, 2), axis=1),
        missed_triples=missed_triples,
        missed_exact=missed_exact,
        missed_relations=missed_relations,
        missed_entities=sum(len(s.missing_entities) for s in sentences),
        has_types=bool(vocabulary.entity_types),
        pieces=tokenizer.encode([s.words for s in sentences]) if tokenizer else None,
        spelling=spell([s.words for s in sentences], vocabulary) if spelling else None,
    )


def word_places(starts: Array, rows: Array) -> Array:
    """Return where the words of some sentences are among all words [B, L]; -1 for padding.

    Args:
        starts: See :attr:`EncodedSplit.word_starts`.
        rows: The sentences [B].

    Examples:
        >>> word_places(np.array([0, 3, 4]), np.array([1, 0])).tolist()
        [[3, -1, -1], [0, 1, 2]]
    """
    lengths_B = starts[rows + 1] - starts[rows]
    place_L = np.arange(lengths_B.max())
    return np.where(place_L < lengths_B[:, None], starts[rows, None] + place_L, -1)


def padded(values_S: Array, place_BL: Array, fill: int) -> Array:
    """Return the values of words at their places [B, L], and a number for padding."""
    return np.where(place_BL < 0, fill, values_S[place_BL])


def _columns(rows: Sequence[tuple[int, ...]], width: int) -> Array:
    return np.array(rows, np.int64).reshape(-1, width).T
