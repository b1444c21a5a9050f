"""Corpora as reports see them: statistics of every split, the gold of test, words with vectors.

Scores by overlap class need gold triples, and a report must come out of the ledger alone,
on a machine that has no corpus. So each corpus leaves one file there, and one more for each file
of word vectors. They hold the text of the test split: a private corpus stays as private as its
ledger.

``rin-study record --data webnlg_star nyt5k_star`` records corpora without a study.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from rin_core.config import Config, DataConfig
from rin_core.data.corpus import Corpus
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.findings import findings_of
from rin_core.data.loading import corpus_with_tags, find_recorded_vectors, load_corpus, load_dataset
from rin_core.data.statistics import split_statistics
from rin_core.data.vectors import read_every_vector
from rin_core.data.word_table import save_word_table
from study.ledger import corpus_schema
from study.ledger.corpus_schema import Vectors
from study.ledger.ledger import Ledger
from study.ledger.schema import Result


def record_corpora(
    ledger: Ledger,
    corpora: Iterable[tuple[str, EncodedCorpus, DataConfig]],
    data_root: Path | None,
) -> None:
    """Record corpora and their word vectors, where the ledger has no record of them yet.

    Args:
        ledger: Where to.
        corpora: Name, as for :func:`record_corpus`, content and data settings of each.
        data_root: Folder of corpora.
    """
    for name, corpus, config in corpora:
        record_corpus(ledger, corpus.content, name, data_root, config)
        record_vectors(ledger, corpus)
        keep_word_table(ledger, corpus)


def record_corpus(
    ledger: Ledger,
    content: str,
    name: str,
    data_root: Path | None,
    config: DataConfig,
    *,
    again: bool = False,
) -> None:
    """Record one corpus, unless it is recorded already.

    It is read a second time, and only then: the arrays that trials share hold no text.

    Args:
        ledger: Where to.
        content: Digest of what was read the first time, the name of the record.
        name: ``demo``, a name under the data root, or a folder.
        data_root: Folder of corpora.
        config: How much may be missing, and what is cut from train.
        again: Whether to replace an existing record, whose findings may be of an earlier version.
    """
    if again or not ledger.corpus_path(content).exists():
        corpus = load_corpus(name, data_root, config.max_missing, config.dev_fraction)
        ledger.record_corpus(describe(content, corpus))


def record_if_available(
    ledger: Ledger, content: str, name: str, data_root: Path | None, config: Config
) -> str:
    """Record the corpus of imported results if it is available here; else say why not.

    Args:
        ledger: Where to.
        content: The digest that the results have of it.
        name: As for :func:`record_corpus`.
        data_root: Folder of corpora.
        config: The results' settings: tags that a trial adds or drops are part of the digest.
    """
    if ledger.corpus_path(content).exists():
        return ""
    try:
        corpus = load_corpus(name, data_root, config.data.max_missing, config.data.dev_fraction)
    except ValueError as error:
        return str(error)
    if (here := corpus_with_tags(corpus, config)[0].digest()) != content:
        return f"corpus {name!r}: the local copy has digest {here}, expected {content}"
    ledger.record_corpus(describe(content, corpus))
    return ""


def record_vectors(ledger: Ledger, corpus: EncodedCorpus) -> None:
    """Record which words of test have a pretrained vector, and which training has not seen.

    Args:
        ledger: Where to; it has the corpus's record.
        corpus: The corpus with its vectors; nothing is recorded of one without.
    """
    vectors = corpus.vectors
    if vectors is None or ledger.vectors_path(corpus.digest).exists():
        return
    if (recorded := ledger.corpus(corpus.content)) is None:
        return
    words = sorted({word for sentence in recorded.test for word in sentence.words})
    numbers = dict(zip(words, corpus.vocabulary.word_ids(words), strict=True))
    in_training = corpus.vocabulary.is_in_training
    ledger.record_vectors(
        Vectors(
            digest=corpus.digest,
            name=vectors.name,
            with_vector=[word for word, k in numbers.items() if vectors.has(k)],
            unseen=[word for word, k in numbers.items() if not in_training(k)],
        )
    )


def keep_word_table(ledger: Ledger, corpus: EncodedCorpus) -> None:
    """Write all words of a file of vectors to the ledger, for models that know all of them.

    Args:
        ledger: Where to; a table that it has is not written again.
        corpus: Nothing is written for one without vectors, nor with vectors of the training
            split's words alone: those are in each model's file.

    Raises:
        VectorsError: The file cannot be read.
    """
    vectors, source = corpus.vectors, corpus.vectors_path
    if vectors is None or source is None or not vectors.file_digest:
        return
    path = ledger.word_table_path(vectors.file_digest)
    if not path.exists():
        words, matrix = read_every_vector(source, vectors.matrix.shape[1])
        save_word_table(path, words, matrix)


def record_vectors_if_available(
    ledger: Ledger,
    result: Result,
    data_root: Path | None,
    embeddings: Path | None,
) -> str:
    """Record the word vectors of an imported result if they are available; else say why not.

    Args:
        ledger: Where to.
        result: The result of a finished run.
        data_root: Folder of corpora.
        embeddings: The file; None looks for the recorded name in the data root and in
            ``embeddings`` there.
    """
    corpus = result.corpus
    if result.vectors is None or ledger.vectors_path(corpus.digest).exists():
        return ""
    name, config = result.vectors.name, Config.from_flat(result.config)
    path = embeddings or find_recorded_vectors(name, data_root)
    if path is None:
        return f"word vectors {name}: no such file in the data root, nor in its folder embeddings"
    try:
        here = load_dataset(corpus.name, config, data_root=data_root, embeddings=path)
    except ValueError as error:
        return str(error)
    if here.digest != corpus.digest:
        return (
            f"word vectors {name}: the local file or the corpus {corpus.name!r} differs from the "
            "recorded one"
        )
    record_vectors(ledger, here)
    return ""


def describe(content: str, corpus: Corpus) -> corpus_schema.Corpus:
    """Return a corpus's name, statistics of its splits, findings and the sentences of test."""
    splits = corpus.splits().items()
    return corpus_schema.Corpus(
        content=content,
        name=corpus.name,
        statistics={
            split: corpus_schema.Statistics(**split_statistics(part).to_json())
            for split, part in splits
        },
        test=[
            corpus_schema.Sentence(
                words=list(sentence.words),
                entities=[list(span) for span in sentence.entities],
                triples=[[list(t.subject), t.relation, list(t.object)] for t in sentence.triples],
                missing=[list(triple) for triple in sentence.missing],
            )
            for sentence in corpus.test
        ],
        findings=[
            corpus_schema.Finding(**dataclasses.asdict(finding)) for finding in findings_of(corpus)
        ],
    )
