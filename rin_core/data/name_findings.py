"""What looks wrong in the names of relations and entity types."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from rin_core.data.corpus import Corpus, Finding, Sentence, count_relations, shown
from rin_core.data.finding_texts import (
    Sentences,
    graded,
    note,
    sentence_text,
    warning,
)
from rin_core.plural import plural

#: Names of relations that usually mean that there is none, in lower case and letters only.
NO_RELATION = frozenset(
    {
        "none",
        "na",
        "nan",
        "null",
        "nil",
        "o",
        "other",
        "norelation",
        "norel",
        "unrelated",
        "negative",
        "no",
        "false",
        "ddifalse",
        "notrelated",
        "nonerel",
        "noneoftheabove",
    }
)
#: Names of types that usually mean that there is no entity; "Other" is a type in CoNLL04.
NO_ENTITY = frozenset({"none", "na", "nan", "null", "nil", "o", "outside", "noentity", "nolabel"})
#: A model hardly learns a relation with fewer triples in train.
FEW_EXAMPLES = 5


def relation_names(corpus: Corpus) -> Iterator[Finding]:
    """Find names that mean no relation or entity, and a corpus with one relation."""
    counts, types = count_relations(corpus.sentences()), _count_types(corpus.sentences())
    kinds = (
        ("none-relation-name", "relation", "triple", counts, NO_RELATION),
        ("none-entity-type", "entity type", "entity", types, NO_ENTITY),
    )
    for code, kind, of, found, names in kinds:
        for name, count in found.items():
            if _letters(name) in names:
                text = (
                    f"{kind} {shown(name)} ({plural(count, of)}) is learned like any other: if it "
                    f"means that there is no {kind.split()[0]}, remove it from the data"
                )
                yield warning(code, text, count=count)
    if len(counts) == 1:
        name = shown(next(iter(counts)))
        text = f"the only relation is {name}: a model learns only which pairs of entities have it"
        yield note("single-relation", text, count=1)


def names_alike(corpus: Corpus) -> Iterator[Finding]:
    """Find names that differ only in case, spaces or punctuation."""
    for code, noun, counts in (
        ("relation-names-alike", "relations", count_relations(corpus.sentences())),
        ("type-names-alike", "entity types", _count_types(corpus.sentences())),
    ):
        groups = defaultdict[str, Counter[str]](Counter)
        for name, count in counts.items():
            groups[_letters(name)][name] = count
        alike = [group.most_common() for key, group in groups.items() if key and len(group) > 1]
        if alike:
            first = " and ".join(f"{shown(name)} ({count:,})" for name, count in alike[0])
            text = (
                f"{noun} whose names differ only in case or punctuation: "
                f"{plural(len(alike), 'group')}, the first is {first}: each is learned separately; "
                "if they mean the same, correct the rarer names"
            )
            yield warning(code, text, count=len(alike))


def untyped_entities(corpus: Corpus) -> Iterator[Finding]:
    """Find entities without a type in a corpus that has types."""
    sentences = corpus.sentences()
    without = [s for s in sentences if "" in s.entity_types]
    if without and any(s.types for s in sentences):
        count = sum(s.entity_types.count("") for s in without)
        total = sum(len(s.entities) for s in sentences)
        text = (
            f"entities without a type: {count:,} of {total:,}, the first in "
            f"{sentence_text(without[0])}: with data.entity_types=true they are one more "
            "type; if the type was forgotten, add it"
        )
        yield graded("untyped-entities", text, "", count, total)


def rare_relations(train: Sentences) -> Iterator[Finding]:
    """Find relations that have too few triples to learn from."""
    counts = count_relations(train)
    rare = {name: count for name, count in counts.items() if count < FEW_EXAMPLES}
    if rare:
        least = min(rare, key=lambda name: rare[name])
        text = (
            f"train: relations with fewer than {FEW_EXAMPLES} triples: {len(rare)} of "
            f"{len(counts)}, such as {shown(least)} with {rare[least]}: a model can hardly learn "
            "them; add examples, or remove these relations"
        )
        yield graded("rare-relations", text, "train", sum(rare.values()), counts.total())


def unseen_names(split: str, sentences: Sentences, train: Sentences) -> Iterator[Finding]:
    """Find relations and entity types that only dev or test have."""
    for code, counts, known, noun, counted in (
        (
            "relations-not-in-train",
            count_relations(sentences),
            count_relations(train),
            "relations",
            "triple",
        ),
        (
            "types-not-in-train",
            _count_types(sentences),
            _count_types(train),
            "entity types",
            "entity",
        ),
    ):
        # Without any name in train, there is nothing to compare: types are optional.
        if known and (unseen := [name for name in counts if name not in known]):
            count = sum(counts[name] for name in unseen)
            text = (
                f"{split}: {noun} that train does not have: {len(unseen)} with "
                f"{plural(count, counted)}, the first is {shown(unseen[0])}: no model can predict "
                "it; add examples to train, or correct the names"
            )
            yield warning(code, text, split, count)


def _count_types(sentences: Iterable[Sentence]) -> Counter[str]:
    """Return the number of entities of each type; empty if no entity has a type."""
    counts = Counter(kind for s in sentences for kind in s.entity_types)
    if counts.keys() <= {""}:
        return Counter()
    return Counter({kind or "no type": count for kind, count in counts.items()})


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()
