"""What the ledger keeps for reports: corpora, word vectors and case studies."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from study.ledger.fields import Count, Json, Name, Record, Seconds


class Sentence(Record):
    """One test sentence and its gold annotation."""

    words: list[str]
    entities: list[Annotated[list[Count], Field(min_length=2, max_length=2)]]
    triples: list[Json]
    """Rows of subject span, relation, object span."""
    missing: list[Annotated[list[str], Field(min_length=3, max_length=3)]]
    """Triples of which an argument is not in the sentence."""


class Statistics(Record):
    """Counts of one split; see :class:`rin_core.data.statistics.SplitStatistics`."""

    sentences: Count
    relations: Count
    triples: Count
    missing: Count
    entities: Count
    multiword: Count
    mean_length: Seconds
    length_95: Count
    longest: Count
    groups: dict[str, Count]


class Finding(Record):
    """What looks wrong in a corpus; see :class:`rin_core.data.corpus.Finding`."""

    code: Name
    level: Literal["note", "warning"]
    text: str
    split: str
    """Empty for the whole corpus."""
    count: Count


class Corpus(Record):
    """What reports need of a corpus."""

    content: Name
    name: str
    statistics: dict[str, Statistics]
    """By split."""
    test: list[Sentence]
    findings: list[Finding] = Field(default_factory=list, exclude_if=lambda found: not found)
    """None in older records."""


class Vectors(Record):
    """Which words of the test split have a pretrained vector."""

    digest: Name
    name: str
    with_vector: list[str]
    unseen: list[str]
    """Words that the training split does not have."""


class Cases(Record):
    """Sentences followed through the rounds of models."""

    cases: list[dict[str, Json]]
