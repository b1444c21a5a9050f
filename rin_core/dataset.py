"""From a corpus's name to encoded arrays: reading, tagging, vocabulary, vectors, in that order."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from rin_core.batching import EncodedCorpus, corpus_vocabulary, encode_corpus
from rin_core.config import Config
from rin_core.corpus import Corpus, load_corpus
from rin_core.vocabulary import WordVectors, load_vectors, tag_pos


def load_dataset(
    name: str, config: Config, *, data_root: Path | None = None, embeddings: Path | None = None
) -> EncodedCorpus:
    """Read and encode a corpus under a configuration's ``data`` and ``encoder`` settings.

    Args:
        name: ``demo``, a name under the data root, or a folder.
        config: Settings.
        data_root: Folder of corpora; default: the environment's ``RIN_DATA_ROOT``.
        embeddings: GloVe text file, plain, .gz or .zip; None starts from random vectors.

    Returns:
        The arrays, with notes on tags, vectors and triples that could not be placed.

    Raises:
        CorpusError: The corpus cannot be read.
        VectorsError: The vectors cannot be read.
    """
    corpus = load_corpus(name, data_root, config.data.max_missing)
    notes = corpus.missing_report()
    if config.data.pos == "auto":
        corpus, source = tag_pos(corpus)
        notes.append(f"part-of-speech tags: {source}")
    vocabulary = corpus_vocabulary(corpus, config.data)
    vectors = embeddings and load_vectors(embeddings, vocabulary, config.encoder.word_dim)
    notes.append(_vectors_note(vectors or None))
    encoded = encode_corpus(corpus, config.data, vectors or None, vocabulary)
    return dataclasses.replace(encoded, notes=(_sizes(corpus), *notes))


def _sizes(corpus: Corpus) -> str:
    splits = " / ".join(str(len(s)) for s in (corpus.train, corpus.dev, corpus.test))
    relations = {t.relation for s in corpus.train for t in s.triples}
    return f"{corpus.name}: {splits} sentences (train / dev / test), {len(relations)} relations"


def _vectors_note(vectors: WordVectors | None) -> str:
    if vectors is None:
        return "word vectors: random (give a GloVe file with --embeddings for the paper's setting)"
    found, words = int(vectors.found.sum()), len(vectors.found) - 2
    return f"word vectors: {vectors.name} has {found} of the training split's {words} words"
