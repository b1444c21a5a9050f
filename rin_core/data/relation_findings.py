"""What looks wrong in the direction and the arguments of relations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

from rin_core.data.corpus import Corpus, Finding, Sentence, Triple, shown, word_facts
from rin_core.data.finding_texts import (
    Sentences,
    counts_by_split,
    found_in,
    graded,
    sentence_text,
    warning,
)

#: From this share on, the types of its arguments tell a relation's direction.
_DIRECTED = 0.9
#: A larger share of triples in the other direction is the nature of a relation, not an error.
_SYMMETRIC = 0.4
#: Triples in the wrong direction that a split must have: a few may be right.
_ENOUGH = 5


def self_relations(corpus: Corpus) -> Iterator[Finding]:
    """Find triples between an entity and itself, as wrong indices make them."""
    triples = [(s, t) for s in corpus.sentences() for t in s.triples]
    if found := [(s, t) for s, t in triples if t.subject == t.object]:
        text = (
            f"triples of an entity with itself: {len(found):,} of {len(triples):,}, the first is "
            f"{_written(*found[0])} in {sentence_text(found[0][0])}: if they are two entities, "
            "correct the ids, or give spans where both have the same text"
        )
        yield graded("self-relations", text, "", len(found), len(triples))


def merged_triples(corpus: Corpus) -> Iterator[Finding]:
    """Find triples that become one, or relate a word with itself, by their entities' words."""
    lost = {word: found_in(corpus, partial(_lost, word)) for word in ("first", "last")}
    fewest, most = sorted(lost, key=lambda word: lost[word].count)
    if count := lost[most].count:
        text = (
            "triples that become one, or relate a word with itself, because two entities have the "
            f"same {most} word: {lost[most]}"
        )
        if lost[fewest].count < count:
            other = counts_by_split(lost[fewest].by_split) or "none"
            text += f"; with data.entity_word={fewest}, {other}"
        else:
            text += "; as many with the other word: annotate only one of such entities"
        total = sum(len(s.triples) for s in corpus.sentences())
        yield graded("merged-triples", text, "", count, total)


def _lost(entity_word: str, sentence: Sentence) -> int:
    """Return how many triples between two entities are not between two words of their own."""
    triples = [t for t in sentence.triples if t.subject != t.object]
    facts = word_facts(triples, entity_word)
    return len(triples) - sum(subject != object_ for subject, _, object_ in facts)


def reversed_relations(corpus: Corpus) -> Iterator[Finding]:
    """Find triples whose arguments have the types of the other direction of their relation."""
    placed = [
        (sentence, triple, types)
        for sentence in corpus.sentences()
        for triple in sentence.triples
        if (types := _types(sentence, triple))
    ]
    counts = Counter((triple.relation, *types) for _, triple, types in placed)
    totals = Counter(triple.relation for _, triple, _ in placed)
    rare = {
        (relation, subject, object_)
        for (relation, subject, object_), count in counts.items()
        if subject != object_
        and count <= _SYMMETRIC * (both := count + counts[relation, object_, subject])
        and both >= _DIRECTED * totals[relation]
    }
    found = [item for item in placed if (item[1].relation, *item[2]) in rare]
    if found:
        sentence, triple, (subject, object_) = found[0]
        text = (
            f"triples in the direction that is rare for the types of their arguments: "
            f"{len(found)} of {len(placed):,}, the first is {_written(sentence, triple)}, a "
            f"relation from {subject} to {object_}, in {sentence_text(sentence)}: check which "
            "argument is the subject"
        )
        yield graded("reversed-relations", text, "", len(found), len(placed))


def turned_relations(split: str, sentences: Sentences, train: Sentences) -> Iterator[Finding]:
    """Find relations of a split that have the direction opposite to that in train.

    A type or a name that is mostly a subject of a relation in train is mostly one in the split.
    """
    known = Counter[tuple[str, str, int]]()
    for sentence in train:
        for triple in sentence.triples:
            known.update((triple.relation, end, place) for place, end in _ends(sentence, triple))
    right, wrong = Counter[str](), dict[str, list[tuple[Sentence, Triple]]]()
    for sentence in sentences:
        for triple in sentence.triples:
            leaning = sum(
                (1 - 2 * place) * _leaning(known, triple.relation, end)
                for place, end in _ends(sentence, triple)
            )
            if leaning >= 1:
                right[triple.relation] += 1
            elif leaning <= -1:
                wrong.setdefault(triple.relation, []).append((sentence, triple))
    turned = {r: found for r, found in wrong.items() if len(found) > 3 * right[r]}
    count = sum(map(len, turned.values()))
    if count >= _ENOUGH:
        relation, found = max(turned.items(), key=lambda item: len(item[1]))
        text = (
            f"{split}: triples in the direction opposite to that in train: {count}, most of them "
            f"of {shown(relation)}, the first is {_written(*found[0])} in "
            f"{sentence_text(found[0][0])}: swap head and tail in {split}, or in train"
        )
        yield warning("turned-relations", text, split, count)


def _types(sentence: Sentence, triple: Triple) -> tuple[str, str] | None:
    """Return the types of both arguments, None if one has none."""
    types = dict(zip(sentence.entities, sentence.entity_types, strict=True))
    subject, object_ = types[triple.subject], types[triple.object]
    return (subject, object_) if subject and object_ else None


def _ends(sentence: Sentence, triple: Triple) -> list[tuple[int, str]]:
    """Return 0 and what the subject is, 1 and what the object is: types, or else names."""
    types = _types(sentence, triple)
    if types is None or types[0] == types[1]:
        types = sentence.text(triple.subject), sentence.text(triple.object)
    return list(enumerate(types))


def _leaning(known: Counter[tuple[str, str, int]], relation: str, end: str) -> float:
    """Return 1 for what is always a subject in train, -1 for an object, 0 for the unknown."""
    subject, object_ = known[relation, end, 0], known[relation, end, 1]
    return (subject - object_) / max(subject + object_, 1)


def _written(sentence: Sentence, triple: Triple) -> str:
    return shown((sentence.text(triple.subject), triple.relation, sentence.text(triple.object)))
