"""What looks wrong in a corpus: one finding of each kind, with the first example and the remedy.

The checks are functions of the sentences alone. What a reader left out or changed is in
:attr:`rin_core.data.corpus.Corpus.findings`; :func:`findings_of` joins both.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from rin_core.data.corpus import (
    Corpus,
    Finding,
    Sentence,
    count_missing,
    count_relations,
    shown,
)
from rin_core.data.damaged_texts import damaged_texts
from rin_core.data.finding_texts import (
    MANY,
    Sentences,
    counts_by_split,
    graded,
    note,
    sentence_text,
    warning,
)
from rin_core.data.name_findings import (
    names_alike,
    rare_relations,
    relation_names,
    unseen_names,
    untyped_entities,
)
from rin_core.data.relation_findings import (
    merged_triples,
    reversed_relations,
    self_relations,
    turned_relations,
)
from rin_core.data.span_findings import overlapping_entities, punctuation_at_ends, shifted_spans
from rin_core.data.text_findings import (
    decomposed_words,
    long_sentences,
    odd_words,
    several_sentences,
)
from rin_core.data.unlabelled import unlabelled_run, unlabelled_sentences
from rin_core.data.vectors import WordVectors
from rin_core.data.vocabulary import Vocabulary
from rin_core.plural import plural

#: With fewer sentences in train, the paper's batches give few steps an epoch.
FEW_SENTENCES = 500
#: With fewer triples in dev or test, one triple changes recall by two points or more.
FEW_TRIPLES = 50
#: From this distance on, beyond chance, two distributions of relations are very different.
FAR_APART = 0.25
#: From this share of train on, sentences with two annotations are a warning.
_DIFFERING = 0.01
_OTHERS = re.compile(r"[\W_]+")
#: With vectors for a smaller share of the words of train, the file is probably the wrong one.
LOW_COVERAGE = 0.6

#: Checks of the whole corpus.
_CHECKS: tuple[Callable[[Corpus], Iterator[Finding]], ...] = (
    relation_names,
    names_alike,
    shifted_spans,
    punctuation_at_ends,
    long_sentences,
    several_sentences,
    decomposed_words,
    odd_words,
    overlapping_entities,
    merged_triples,
    self_relations,
    reversed_relations,
    untyped_entities,
    unlabelled_sentences,
)


def findings_of(corpus: Corpus) -> tuple[Finding, ...]:
    """Return what a person should know of a corpus, warnings first.

    Args:
        corpus: As it was read; its own findings are included.
    """
    found = list(corpus.findings)
    for check in _CHECKS:
        found += check(corpus)
    found += damaged_texts(corpus.sentences())
    for split, sentences in corpus.splits().items():
        found += missing_findings(split, sentences)
        found += unlabelled_run(split, sentences)
    found += _repeated_sentences(corpus.train)
    found += _few_sentences(corpus.train)
    found += rare_relations(corpus.train)
    found += _few_triples(corpus)
    for split, sentences in (("dev", corpus.dev), ("test", corpus.test)):
        found += _shared_sentences(split, sentences, corpus)
        found += unseen_names(split, sentences, corpus.train)
        found += turned_relations(split, sentences, corpus.train)
        found += _relation_distribution(split, sentences, corpus)
    return tuple(sorted(found, key=lambda finding: finding.level != "warning"))


def missing_findings(split: str, sentences: Sentences) -> list[Finding]:
    """Return findings on the triples of a split that cannot be located.

    An argument that is in the text but is not whole words needs another remedy than one that is
    not there.
    """
    _, total = count_missing(sentences)
    by_kind = defaultdict[str, list[tuple[Sentence, tuple[str, str, str]]]](list)
    for sentence in sentences:
        for triple in sentence.missing:
            by_kind[_missing_kind(sentence, triple)].append((sentence, triple))
    kinds = (
        (
            "argument-inside-word",
            "is only part of a longer word",
            "put spaces between the words of the text, or write whole words as arguments",
        ),
        (
            "argument-in-other-case",
            "has other capitals in their sentence",
            "write it as the text does",
        ),
        (
            "argument-not-found",
            "does not occur in their sentence",
            "correct the file; training leaves them out, dev and test count them as missed",
        ),
    )
    return [
        warning(
            code,
            f"{split}: {len(found)} of {total} triples ({len(found) / total:.2%}) have an argument "
            f"that {what}, the first is {found[0][1]} in {sentence_text(found[0][0])}: {remedy}",
            split,
            len(found),
        )
        for code, what, remedy in kinds
        if (found := by_kind[code])
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
        found.append(note("vectors-header", text))
    numbers = [number for s in train for number in vocabulary.word_ids(s.words)]
    covered = float(vectors.found[numbers].mean())
    if covered < LOW_COVERAGE:
        missing = next(n for n in numbers if not vectors.found[n])
        text = (
            f"{vectors.name} has a vector for only {covered:.0%} of train's words, the first word "
            f"without a vector is {shown(vocabulary.words[missing])}: check the file's language, "
            "its case (data.lowercase) and how it splits words"
        )
        found.append(warning("vectors-coverage", text, "train", int(vectors.found.sum())))
    return found


def _missing_kind(sentence: Sentence, triple: tuple[str, str, str]) -> str:
    """Return the code of the finding on a triple that cannot be located."""
    text, *arguments = "".join(sentence.words), *("".join(triple[end].split()) for end in (0, 2))
    if all(argument in text for argument in arguments):
        return "argument-inside-word"
    if all(argument.lower() in text.lower() for argument in arguments):
        return "argument-in-other-case"
    return "argument-not-found"


def _repeated_sentences(train: Sentences) -> Iterator[Finding]:
    counts = Counter(s.words for s in train)
    if count := len(train) - len(counts):
        repeated = [s for s in train if counts[s.words] > 1]
        annotated = {(s.words, frozenset(s.entities), frozenset(s.triples)) for s in repeated}
        differing = len(annotated) - len({s.words for s in repeated})
        others = f", {differing} with other entities or triples" if differing else ""
        text = (
            f"train: sentences that repeat an earlier one: {count} of {len(train):,}{others}, the "
            f"first is {sentence_text(repeated[0])}: remove the duplicates unless they are "
            "intended"
        )
        # Few may repeat, but another annotation of the same words is an error in one of them.
        is_many = count >= MANY * len(train) or differing >= _DIFFERING * len(train)
        make = warning if is_many else note
        yield make("repeated-sentences", text, "train", count)


def _few_sentences(train: Sentences) -> Iterator[Finding]:
    if (count := len(train)) < FEW_SENTENCES:
        steps = plural(math.ceil(count / 50), "step")
        text = (
            f"train has {plural(count, 'sentence')}: an epoch has {steps} with "
            f"training.batch_size=50, and {math.ceil(count / 16)} with 16, as in the preset own: "
            "use small batches and a large training.max_epochs"
        )
        yield warning("few-sentences", text, "train", count)


def _few_triples(corpus: Corpus) -> Iterator[Finding]:
    counts = {"dev": count_missing(corpus.dev)[1], "test": count_missing(corpus.test)[1]}
    few = {split: count for split, count in counts.items() if 0 < count < FEW_TRIPLES}
    if few:
        least = min(few.values())
        text = (
            f"few triples: {counts_by_split(few)}: each of {least} triples is worth "
            f"{100 / least:.1f} points of recall, so compare several seeds, or use more sentences"
        )
        yield note("few-triples", text, count=least)


def _shared_sentences(split: str, sentences: Sentences, corpus: Corpus) -> Iterator[Finding]:
    # Other capitals and other marks do not make another sentence.
    train, own = {_letters(s) for s in corpus.train}, {_letters(s) for s in sentences}
    if own == train:
        text = (
            f"{split} has the same sentences as train, so its scores say nothing about new ones: "
            f"use other sentences for {split}"
        )
        yield warning("split-equals-train", text, split, len(sentences))
        return
    earlier = [("train", train)]
    if split == "test":
        earlier.append(("dev", {_letters(s) for s in corpus.dev} - train))
    for other, words in earlier:
        if shared := [s for s in sentences if _letters(s) in words]:
            text = (
                f"{split}: sentences that are also in {other}: {len(shared)} of "
                f"{len(sentences):,}, the first is {sentence_text(shared[0])}: for scores on new "
                f"sentences, remove them from {other}"
            )
            code = f"sentences-in-{other}"
            yield graded(code, text, split, len(shared), len(sentences))


def _letters(sentence: Sentence) -> str:
    """Return the letters and digits of a sentence; all of one that has none."""
    text = "".join(sentence.words).lower()
    return text if text.isalnum() else _OTHERS.sub("", text) or text


def _relation_distribution(split: str, sentences: Sentences, corpus: Corpus) -> Iterator[Finding]:
    """Compare by total variation distance, less the distance that chance alone would give."""
    ours, theirs = count_relations(corpus.train), count_relations(sentences)
    if not ours or not theirs:
        return
    n, m = ours.total(), theirs.total()
    gaps = {name: theirs[name] / m - ours[name] / n for name in ours | theirs}
    shares = [(ours[name] + theirs[name]) / (n + m) for name in gaps]
    chance = sum(math.sqrt(p * (1 - p) * (1 / n + 1 / m) / (2 * math.pi)) for p in shares)
    distance = sum(map(abs, gaps.values())) / 2 - chance
    if distance > FAR_APART:
        most = max(gaps, key=lambda name: abs(gaps[name]))
        is_cut = any(f.code == "cut-split" and f.split == split for f in corpus.findings)
        remedy = "use more sentences" if is_cut else "shuffle the sentences before you split them"
        text = (
            f"{split}: the distribution of its relations differs from that in train, most of all "
            f"{shown(most)} with {theirs[most] / m:.0%} of the triples and {ours[most] / n:.0%} in "
            f"train: {remedy}"
        )
        yield warning("relation-distribution", text, split, m)
