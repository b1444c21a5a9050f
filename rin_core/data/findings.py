"""What looks wrong in a corpus: one finding of each kind, with the first example and the remedy.

The checks are functions of the sentences alone. What a reader left out or changed is in
:attr:`rin_core.data.corpus.Corpus.findings`; :func:`findings_of` joins both.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rin_core.data.corpus import Corpus, Finding, Sentence, Span, count_missing, shown
from rin_core.data.tags import B_TAG, S_TAG, span_tags
from rin_core.data.vectors import WordVectors
from rin_core.data.vocabulary import Vocabulary

Sentences = Sequence[Sentence]

#: Names of relations that usually mean that there is none, in lower case and letters only.
NO_RELATION = frozenset(
    {"none", "na", "nan", "null", "nil", "other", "norelation", "norel", "unrelated", "negative"}
)
#: A sentence of more words is very long.
LONG_SENTENCE = 200
#: With fewer sentences in train, the paper's batches give few steps an epoch.
FEW_SENTENCES = 500
#: With fewer triples in dev or test, one triple changes recall by two points or more.
FEW_TRIPLES = 50
#: From this share on, repeated sentences are a warning.
MANY_SHARED = 0.05
#: From this distance on, beyond chance, two distributions of relations are very different.
FAR_APART = 0.25
#: With vectors for a smaller share of the words of train, the file is probably the wrong one.
LOW_COVERAGE = 0.6
#: Entities with a capital that are needed to tell whether the words after them belong to them.
CAPITALISED = 20


def findings_of(corpus: Corpus) -> tuple[Finding, ...]:
    """Return what a person should know of a corpus, warnings first.

    Args:
        corpus: As it was read; its own findings are included.
    """
    found = [*corpus.findings, *_relation_names(corpus), *_inclusive_ends(corpus)]
    found += _long_sentences(corpus)
    found += _overlapping_entities(corpus)
    for split, sentences in corpus.splits().items():
        found += missing_findings(split, sentences)
    found += _repeated_sentences(corpus.train)
    found += _few_sentences(corpus.train)
    found += _few_triples(corpus)
    for split, sentences in (("dev", corpus.dev), ("test", corpus.test)):
        found += _shared_sentences(split, sentences, corpus)
        found += _unseen_names(split, sentences, corpus.train)
        found += _relation_distribution(split, sentences, corpus.train)
    return tuple(sorted(found, key=lambda finding: finding.level != "warning"))


def missing_findings(split: str, sentences: Sentences) -> list[Finding]:
    """Return findings on the triples of a split that cannot be located.

    An argument that is in the text but is not whole words needs another remedy than one that is
    not there.
    """
    _, total = count_missing(sentences)
    triples = [(s, triple) for s in sentences for triple in s.missing]
    inside = [found for found in triples if _is_in_text(*found)]
    absent = [found for found in triples if not _is_in_text(*found)]
    kinds = (
        (
            "argument-inside-word",
            inside,
            "is only part of a longer word",
            "put spaces between the words of the text, or write whole words as arguments",
        ),
        (
            "argument-not-found",
            absent,
            "does not occur in their sentence",
            "correct the file; training leaves them out, dev and test count them as missed",
        ),
    )
    return [
        _warning(
            code,
            f"{split}: {len(found)} of {total} triples ({len(found) / total:.2%}) have an argument "
            f"that {what}, the first is {found[0][1]} in {_text(found[0][0])}: {remedy}",
            split,
            len(found),
        )
        for code, found, what, remedy in kinds
        if found
    ]


def vector_findings(
    train: Sentences, vocabulary: Vocabulary, vectors: WordVectors
) -> list[Finding]:
    """Return findings on a file of word vectors.

    Args:
        train: The sentences that the words are counted in.
        vocabulary: The words, by number.
        vectors: Which of them the file has.
    """
    found = []
    if vectors.has_header:
        text = f"{vectors.name}: skipped the first line, which is word2vec's header"
        found.append(_note("vectors-header", text))
    numbers = [number for s in train for number in vocabulary.word_ids(s.words)]
    covered = float(vectors.found[numbers].mean())
    if covered < LOW_COVERAGE:
        missing = next(n for n in numbers if not vectors.found[n])
        text = (
            f"{vectors.name} has a vector for only {covered:.0%} of train's words, the first "
            f"without one is {shown(vocabulary.words[missing])}: check the file's language, its "
            "case (data.lowercase) and how it splits words"
        )
        found.append(_warning("vectors-coverage", text, "train", int(vectors.found.sum())))
    return found


def untagged(spans: Sequence[Span], length: int) -> int:
    """Return how many entities of a sentence its tags cannot hold.

    Args:
        spans: The entities, in order of position.
        length: Words of the sentence.
    """
    if all(a.end <= b.start for a, b in pairwise(spans)):
        return 0
    return len(spans) - sum(tag in (B_TAG, S_TAG) for tag in span_tags(spans, length))


def _is_in_text(sentence: Sentence, triple: tuple[str, str, str]) -> bool:
    text = "".join(sentence.words)
    return all("".join(argument.split()) in text for argument in (triple[0], triple[2]))


def _relation_names(corpus: Corpus) -> Iterator[Finding]:
    counts = _relations(s for sentences in corpus.splits().values() for s in sentences)
    for name, count in counts.items():
        if re.sub(r"[\W_]", "", name.lower()) in NO_RELATION:
            text = (
                f"relation {shown(name)} ({_plural(count, 'triple')}) is learned as any other: if "
                "it means that there is no relation, remove these triples"
            )
            yield _warning("none-relation-name", text, count=count)
    if len(counts) == 1:
        text = f"the only relation is {shown(next(iter(counts)))}: a model only finds pairs"
        yield _note("single-relation", text, count=1)


def _inclusive_ends(corpus: Corpus) -> Iterator[Finding]:
    """Find names that continue after their span: a word with a capital follows one."""
    names = [
        (s, span)
        for sentences in corpus.splits().values()
        for s in sentences
        for span in s.entities
        if span.end < len(s.words) and s.words[span.end - 1][:1].isupper()
    ]
    cut = [(s, span) for s, span in names if s.words[span.end][:1].isupper()]
    # In corpora with right ends the share is below 0.2, with ends one word short above 0.8.
    if len(names) >= CAPITALISED and 2 * len(cut) > len(names):
        sentence, (start, end) = cut[0]
        text = (
            f"{len(cut)} of {len(names)} entities with a capital are followed by another capital, "
            f"the first is {shown(' '.join(sentence.words[start:end]))} before "
            f"{shown(sentence.words[end])}: if an end is the last word of its span, add 1 to it"
        )
        yield _warning("inclusive-ends", text, count=len(cut))


def _long_sentences(corpus: Corpus) -> Iterator[Finding]:
    found = _by_split(corpus, lambda s: len(s.words) > LONG_SENTENCE)
    if found.count:
        text = (
            f"sentences of more than {LONG_SENTENCE} words: {found}: split documents into "
            "sentences, because memory and time grow with the longest sentence of a batch"
        )
        yield _warning("long-sentences", text, count=found.count)


def _overlapping_entities(corpus: Corpus) -> Iterator[Finding]:
    found = _by_split(corpus, lambda s: untagged(s.entities, len(s.words)))
    if found.count:
        text = (
            f"entities inside or across a longer one: {found}: tags hold only the longer one, so "
            "entity F1 counts the others as missed; triples keep both"
        )
        yield _warning("overlapping-entities", text, count=found.count)


def _repeated_sentences(train: Sentences) -> Iterator[Finding]:
    counts = Counter(s.words for s in train)
    if count := len(train) - len(counts):
        first = next(s for s in train if counts[s.words] > 1)
        text = (
            f"train: sentences that repeat an earlier one: {count} of {len(train):,}, the first is "
            f"{_text(first)}: remove the repetitions unless they are intended"
        )
        yield _graded("repeated-sentences", text, "train", count, len(train))


def _few_sentences(train: Sentences) -> Iterator[Finding]:
    if (count := len(train)) < FEW_SENTENCES:
        steps = _plural(math.ceil(count / 50), "step")
        text = (
            f"train has {_plural(count, 'sentence')}: an epoch has {steps} with "
            f"training.batch_size=50, and {math.ceil(count / 16)} with 16, as in the preset own: "
            "use small batches and a large training.max_epochs"
        )
        yield _warning("few-sentences", text, "train", count)


def _few_triples(corpus: Corpus) -> Iterator[Finding]:
    counts = {"dev": count_missing(corpus.dev)[1], "test": count_missing(corpus.test)[1]}
    few = {split: count for split, count in counts.items() if 0 < count < FEW_TRIPLES}
    if few:
        least = min(few.values())
        text = (
            f"few triples: {_counts(few)}: one of {least} is {100 / least:.1f} points of recall, "
            "so compare several seeds, or use more sentences"
        )
        yield _note("few-triples", text, count=least)


def _shared_sentences(split: str, sentences: Sentences, corpus: Corpus) -> Iterator[Finding]:
    train, own = {s.words for s in corpus.train}, {s.words for s in sentences}
    if own == train:
        text = (
            f"{split} has the same sentences as train, so its scores say nothing about new ones: "
            f"use other sentences for {split}"
        )
        yield _warning("split-equals-train", text, split, len(sentences))
        return
    earlier = [("train", train)]
    if split == "test":
        earlier.append(("dev", {s.words for s in corpus.dev} - train))
    for other, words in earlier:
        if shared := [s for s in sentences if s.words in words]:
            text = (
                f"{split}: sentences that {other} has too: {len(shared)} of {len(sentences):,}, "
                f"the first is {_text(shared[0])}: for scores on new sentences, remove them from "
                f"{other}"
            )
            code = f"sentences-in-{other}"
            yield _graded(code, text, split, len(shared), len(sentences))


def _unseen_names(split: str, sentences: Sentences, train: Sentences) -> Iterator[Finding]:
    """Find relations and entity types that only dev or test have."""
    for code, counts, known, noun, counted in (
        ("relations-not-in-train", _relations(sentences), _relations(train), "relations", "triple"),
        ("types-not-in-train", _types(sentences), _types(train), "entity types", "entity"),
    ):
        # Without any name in train, there is nothing to compare: types are optional.
        if known and (unseen := [name for name in counts if name not in known]):
            count = sum(counts[name] for name in unseen)
            text = (
                f"{split}: {noun} that train does not have: {len(unseen)} with "
                f"{_plural(count, counted)}, the first is {shown(unseen[0])}: no model can predict "
                "it; add examples to train, or correct the names"
            )
            yield _warning(code, text, split, count)


def _relation_distribution(split: str, sentences: Sentences, train: Sentences) -> Iterator[Finding]:
    """Compare by total variation distance, less the distance that chance alone would give."""
    ours, theirs = _relations(train), _relations(sentences)
    if not ours or not theirs:
        return
    n, m = ours.total(), theirs.total()
    gaps = {name: theirs[name] / m - ours[name] / n for name in ours | theirs}
    shares = [(ours[name] + theirs[name]) / (n + m) for name in gaps]
    chance = sum(math.sqrt(p * (1 - p) * (1 / n + 1 / m) / (2 * math.pi)) for p in shares)
    distance = sum(map(abs, gaps.values())) / 2 - chance
    if distance > FAR_APART:
        most = max(gaps, key=lambda name: abs(gaps[name]))
        text = (
            f"{split}: its relations are distributed otherwise than in train, most of all "
            f"{shown(most)} with {theirs[most] / m:.0%} of the triples and {ours[most] / n:.0%} in "
            "train: shuffle the sentences before you split them"
        )
        yield _warning("relation-distribution", text, split, m)


def _relations(sentences: Iterable[Sentence]) -> Counter[str]:
    """Count the triples of each relation, those that cannot be located too."""
    names = Counter[str]()
    for sentence in sentences:
        names.update(triple.relation for triple in sentence.triples)
        names.update(triple[1] for triple in sentence.missing)
    return names


def _types(sentences: Iterable[Sentence]) -> Counter[str]:
    """Count the entities of each type; none if no entity has a type."""
    counts = Counter(kind for s in sentences for kind in s.types or ("",) * len(s.entities))
    if counts.keys() <= {""}:
        return Counter()
    return Counter({kind or "no type": count for kind, count in counts.items()})


@dataclass(frozen=True, slots=True)
class _Found:
    """What several splits have, as in ``train 61, dev 7, the first in 'Based on this …'``."""

    by_split: dict[str, int]
    first: Sentence | None

    @property
    def count(self) -> int:
        """All of them."""
        return sum(self.by_split.values())

    def __str__(self) -> str:
        return f"{_counts(self.by_split)}, the first in {_text(self.first)}" if self.first else ""


def _by_split(corpus: Corpus, count: Callable[[Sentence], int]) -> _Found:
    by_split, first = dict[str, int](), None
    for split, sentences in corpus.splits().items():
        for sentence in sentences:
            if found := count(sentence):
                by_split[split] = by_split.get(split, 0) + found
                first = first or sentence
    return _Found(by_split, first)


def _counts(by_split: Mapping[str, int]) -> str:
    return ", ".join(f"{split} {count:,}" for split, count in by_split.items())


def _text(sentence: Sentence) -> str:
    return shown(" ".join(sentence.words))


def _plural(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("y") else f"{count:,} {noun}s"


def _graded(code: str, text: str, split: str, count: int, total: int) -> Finding:
    """Return a warning for a large share, a note for a small one."""
    make = _warning if count >= MANY_SHARED * total else _note
    return make(code, text, split, count)


def _warning(code: str, text: str, split: str = "", count: int = 0) -> Finding:
    return Finding(code=code, level="warning", text=text, split=split, count=count)


def _note(code: str, text: str, split: str = "", count: int = 0) -> Finding:
    return Finding(code=code, level="note", text=text, split=split, count=count)
