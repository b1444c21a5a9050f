"""Corpora and predictions from the ledger: F1 of any subset of the test split.

Subset scores cannot be derived from the total, so runs record their test triples and studies the
gold triples. Both are counted here for each sentence; sums over sentences are sums over rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from reports.stats.intervals import Array
from reports.stats.tests import f1
from rin_core.data.corpus import Fact, Finding, Sentence, Span, Triple, word_facts
from rin_core.data.statistics import SplitStatistics
from rin_core.plural import plural
from study.ledger.corpus_schema import Corpus
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.ledger.schema import Predictions
from study.ledger.state import TrialState


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusRecord:
    """A corpus as a study recorded it."""

    content: str
    """Digest of the corpus."""
    name: str
    statistics: Mapping[str, SplitStatistics]
    """By split."""
    test: tuple[Sentence, ...]
    """The test split with its gold; no part-of-speech tags."""
    findings: tuple[Finding, ...] = ()
    """What looks wrong in it, and how it was read; none in older records."""


class Answer(NamedTuple):
    """The gold triples of one test sentence, and those that a run predicts."""

    gold: frozenset[Fact]
    """The located gold triples."""
    predicted: frozenset[Fact]


class WordsKnown(NamedTuple):
    """What a model knows of the words of test before it is trained."""

    with_vector: frozenset[str]
    """Words of the training split that have a pretrained vector; no other word has one."""
    unseen: frozenset[str]
    """Words that training does not have; a model reads all of them as one word."""


@dataclass(frozen=True, kw_only=True)
class SentenceCounts:
    """The predictions of trials for every test sentence, for the trials that recorded them."""

    answers: Mapping[str, tuple[Answer, ...]] = field(default_factory=dict)
    """The N answers of each run, by fingerprint."""
    sentences: tuple[Sentence, ...] = ()
    """The N sentences."""
    vectors: Mapping[str, WordsKnown] = field(default_factory=dict)
    """What the trials that started from pretrained vectors knew of the words, if it is recorded."""
    problems: tuple[str, ...] = ()
    """Which finished trials have none, and why."""

    @cached_property
    def by_fingerprint(self) -> Mapping[str, Array]:
        """Correct, predicted and gold triples of each run, integers [N, 3]."""
        return {name: count_answers(self.sentences, own) for name, own in self.answers.items()}


def read_corpora(runs: Path) -> dict[str, CorpusRecord]:
    """Return the corpora a ledger describes, by content, in order of their names.

    Raises:
        LedgerError: A record that cannot be read.
    """
    return {corpus.content: _corpus(corpus) for corpus in Ledger(runs).corpora()}


def _corpus(corpus: Corpus) -> CorpusRecord:
    statistics = {s: SplitStatistics(**v.to_json()) for s, v in corpus.statistics.items()}
    return CorpusRecord(
        content=corpus.content,
        name=corpus.name,
        statistics=statistics,
        test=tuple(
            Sentence(
                words=tuple(sentence.words),
                pos=None,
                entities=tuple(Span(*span) for span in sentence.entities),
                triples=tuple(Triple(Span(*s), t, Span(*o)) for s, t, o in sentence.triples),
                missing=tuple((s, t, o) for s, t, o in sentence.missing),
            )
            for sentence in corpus.test
        ),
        findings=tuple(Finding(**finding.to_json()) for finding in corpus.findings),
    )


def read_counts(runs: Path, frame: pd.DataFrame) -> SentenceCounts:
    """Count the test triples of the finished trials of one corpus.

    A trial without predictions, or whose predictions do not give the F1 it recorded, is left
    out and named in ``problems``.

    Args:
        runs: A study's output folder.
        frame: Trials of one corpus.
    """
    corpora = read_corpora(runs)
    done = frame[frame["status"] == TrialState.FINISHED]
    done = done.assign(content=[_content(trial, corpora) for _, trial in done.iterrows()])
    known = done[done["content"].isin(list(corpora))]
    if known.empty:
        runs_text = plural(len(done), "finished run")
        problem = f"The ledger has no record of the corpus of the {runs_text}."
        return SentenceCounts(problems=(problem,) if len(done) else ())
    # The last trial's corpus. Contents may differ in tags alone, which are not recorded.
    corpus = corpora[str(known["content"].iloc[-1])]
    same_test = {content for content, record in corpora.items() if record.test == corpus.test}
    ledger = Ledger(runs)
    words = {digest: _words_known(ledger, digest) for digest in done["digest"].unique()}
    answers: dict[str, tuple[Answer, ...]] = {}
    vectors, problems = {}, []
    for _, trial in done.iterrows():
        try:
            if trial["content"] not in same_test:
                raise ValueError(f"`{trial['fingerprint']}` has another version of {corpus.name}")
            answers[str(trial["fingerprint"])] = _trial_answers(ledger, trial, corpus)
            if (own := words[trial["digest"]]) is not None:
                vectors[str(trial["fingerprint"])] = own
        except ValueError as error:
            problems.append(f"Not counted: {trial['label']}, seed {trial['seed']}: {error}")
    return SentenceCounts(
        answers=answers,
        sentences=corpus.test,
        vectors=vectors,
        problems=tuple(problems),
    )


def _words_known(ledger: Ledger, digest: str) -> WordsKnown | None:
    vectors = ledger.vectors(digest)
    if vectors is None:
        return None
    return WordsKnown(frozenset(vectors.with_vector), frozenset(vectors.unseen))


def _content(trial: pd.Series, corpora: Mapping[str, CorpusRecord]) -> str:
    """Return the digest of a trial's corpus.

    Older results have the name of their corpus only. If the ledger describes one corpus of this
    name, it is used, and the trial is counted only if its recorded F1 comes out.
    """
    named = [record.content for record in corpora.values() if record.name == trial["corpus"]]
    return str(trial["content"]) or (named[0] if len(named) == 1 else "")


def _trial_answers(ledger: Ledger, trial: pd.Series, corpus: CorpusRecord) -> tuple[Answer, ...]:
    """Return what a run predicts, checked against the F1 of its result."""
    fingerprint = str(trial["fingerprint"])
    try:
        predictions = ledger.run(fingerprint).predictions()
        if predictions is None:
            raise ValueError(
                f"its predictions are missing, and `rin-study rerun {fingerprint}` writes them"
            )
        answers = read_answers(corpus.test, predictions, str(trial["entity_word"]))
    except LedgerError as error:
        raise ValueError(str(error)) from error
    except IndexError as error:
        raise ValueError(f"the predictions of `{fingerprint}` are of another corpus") from error
    counts = count_answers(corpus.test, answers)
    found, recorded = float(f1(counts.sum(axis=0))), 100 * float(trial["test_f1"])
    if abs(found - recorded) > 1e-6:
        raise ValueError(
            f"the predictions of `{fingerprint}` give F1 {found:.2f}, its result has {recorded:.2f}"
        )
    return answers


def read_answers(
    gold: Sequence[Sentence], predictions: Predictions, entity_word: str
) -> tuple[Answer, ...]:
    """Return the gold triples and the predicted triples of each sentence.

    Args:
        gold: The N sentences of test.
        predictions: What the run predicts.
        entity_word: ``first`` or ``last``: the word that stands for an entity.
    """
    predicted: list[set[Fact]] = [set() for _ in gold]
    relations = predictions.relations
    for n, subject, relation, object_ in predictions.triples:
        predicted[n].add((subject, relations[relation], object_))
    pairs = zip(gold, predicted, strict=True)
    return tuple(Answer(word_facts(s.triples, entity_word), frozenset(own)) for s, own in pairs)


def count_answers(sentences: Sequence[Sentence], answers: Sequence[Answer]) -> Array:
    """Count partial matches, as in the paper: relation and both entity words are right.

    Returns:
        Correct, predicted and gold [N, 3]. A gold triple that cannot be located counts as
        gold, and therefore as missed.
    """
    rows = [
        (len(gold & predicted), len(predicted), len(gold) + len(sentence.missing))
        for sentence, (gold, predicted) in zip(sentences, answers, strict=True)
    ]
    return np.array(rows, np.int64).reshape(-1, 3)


def count_by_words(sentences: Sequence[Sentence], answers: Sequence[Answer]) -> Array:
    """Count triples that are right by the words of their arguments, at any position.

    Returns:
        Correct, predicted and gold [N, 3], as from :func:`count_answers`; triples of the same
        words are one.
    """
    rows = []
    for sentence, (gold, predicted) in zip(sentences, answers, strict=True):

        def as_words(facts: frozenset[Fact], words: Sequence[str] = sentence.words) -> set[object]:
            return {(words[i], relation, words[j]) for i, relation, j in facts}

        right, found = as_words(gold), as_words(predicted)
        rows.append((len(right & found), len(found), len(right) + len(sentence.missing)))
    return np.array(rows, np.int64).reshape(-1, 3)
