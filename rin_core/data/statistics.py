"""Statistics of a corpus: Table 2, sentence lengths and overlapping triples.

A sentence's triples overlap in the sense of Zeng et al. (2018, "Extracting Relational Facts by
an End-to-End Neural Model with Copy Mechanism", §1): *Normal*, no two triples share an entity;
*EPO* (entity pair overlap), one ordered pair of entities has several relations; *SEO* (single
entity overlap), two different pairs share an entity. A sentence can be both EPO and SEO.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rin_core.data.corpus import Sentence, count_missing, count_relations

NORMAL, EPO, SEO = OVERLAP_CLASSES = ("Normal", "EPO", "SEO")
#: Groups by the number of gold triples; the last takes all that are larger.
TRIPLE_COUNTS = ("1", "2", "3", "4", "≥5")
#: Every group a sentence can be in; one without triples is in none.
GROUPS = OVERLAP_CLASSES + TRIPLE_COUNTS


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitStatistics:
    """Counts of one split; lengths are in words."""

    sentences: int
    relations: int
    """Distinct relations."""
    triples: int
    """Distinct triples of each sentence, with those that have a missing argument."""
    missing: int
    """Triples with an argument that does not occur in the sentence."""
    entities: int
    """Distinct spans of each sentence."""
    multiword: int
    """Entities of more than one word."""
    mean_length: float
    length_95: int
    """The length that 95 % of the sentences do not exceed."""
    longest: int
    groups: dict[str, int]
    """Sentences in each of :data:`GROUPS`."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values; ``SplitStatistics(**values)`` reads them back."""
        return dataclasses.asdict(self)


def split_statistics(sentences: Sequence[Sentence]) -> SplitStatistics:
    """Describe one split of at least one sentence.

    Examples:
        >>> from rin_core.data.demo import demo_corpus
        >>> found = split_statistics(demo_corpus(sentences=20).train)
        >>> found.sentences, found.triples
        (16, 40)
    """
    lengths = [len(s.words) for s in sentences]
    missing, triples = count_missing(sentences)
    spans = [span for s in sentences for span in s.entities]
    found = Counter(group for s in sentences for group in groups_of(s))
    return SplitStatistics(
        sentences=len(sentences),
        relations=len(count_relations(sentences)),
        triples=triples,
        missing=missing,
        entities=len(spans),
        multiword=sum(span.end - span.start > 1 for span in spans),
        mean_length=float(np.mean(lengths)),
        length_95=int(np.percentile(lengths, 95, method="inverted_cdf")),
        longest=max(lengths),
        groups={group: found[group] for group in GROUPS},
    )


def groups_of(sentence: Sentence) -> set[str]:
    """Return the :data:`GROUPS` of a sentence: overlap classes and number of triples.

    Entities are compared as text: an argument that is not in its sentence has no span, and two
    mentions of one name are one entity.
    """
    facts = _facts(sentence)
    if not facts:
        return set()
    pairs = {(subject, object_) for subject, _, object_ in facts}
    entities = {entity for pair in pairs for entity in pair}
    overlaps = set()
    if len(pairs) < len(facts):
        overlaps.add(EPO)
    # Also if the two arguments of a triple are one entity, as in the released class lists.
    if len(entities) < 2 * len(pairs):
        overlaps.add(SEO)
    return {TRIPLE_COUNTS[min(len(facts), len(TRIPLE_COUNTS)) - 1], *(overlaps or {NORMAL})}


def _facts(sentence: Sentence) -> list[tuple[str, str, str]]:
    """Return the gold triples as text; two of equal text are both there if their spans differ."""
    text = sentence.text
    located = [(text(t.subject), t.relation, text(t.object)) for t in sentence.triples]
    return [*located, *sentence.missing]
