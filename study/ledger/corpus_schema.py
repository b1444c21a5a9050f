"""What the ledger keeps for reports: corpora, word vectors and case studies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from study.ledger.fields import Count, Fingerprint, Json, Name, Number, Record, Seconds

#: By how much the last bits of a probability may leave the range from 0 to 1.
_ROUNDING = 1e-9


class Sentence(Record):
    """One test sentence and its gold annotation."""

    words: list[str]
    entities: list[Annotated[list[Count], Field(min_length=2, max_length=2)]]
    triples: list[Json]
    """Rows of subject span, relation, object span."""
    missing: list[Annotated[list[str], Field(min_length=3, max_length=3)]]
    """Triples with an argument that is not in the sentence."""


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
    """Empty in older records."""

    @property
    def owner(self) -> str:
        """Return the digest of the corpus."""
        return self.content


class Vectors(Record):
    """Which words of the test split have a pretrained vector."""

    digest: Name
    name: str
    with_vector: list[str]
    unseen: list[str]
    """Words that the training split does not have."""

    @property
    def owner(self) -> str:
        """Return the digest of the encoded corpus."""
        return self.digest


Words = Annotated[tuple[str, ...], Field(strict=False)]
Place = Annotated[tuple[Count, Count], Field(strict=False)]
"""Start and end of an entity, in words."""
Fact = Annotated[tuple[Count, str, Count], Field(strict=False)]
"""Word of the subject, relation, word of the object."""
Probability = Annotated[Number, Field(ge=-_ROUNDING, le=1 + _ROUNDING)]
Probabilities = Annotated[tuple[Probability, ...], Field(strict=False)]
"""A value for each word, or after each round."""
Verdicts = Annotated[tuple[bool, ...], Field(strict=False)]


class Said(Record):
    """Entities and triples of a sentence: the gold annotation, or what a paper prints."""

    label: str
    entities: Annotated[tuple[Place, ...], Field(strict=False)]
    types: Words = Field(default=(), exclude_if=lambda types: not types)
    triples: Annotated[tuple[Fact, ...], Field(strict=False)]


class TracedSpan(Record):
    """See :class:`rin_core.predict.rounds.TracedSpan`."""

    start: Count
    end: Count
    probabilities: Probabilities
    decoded: Verdicts = Field(default=(), exclude_if=lambda decoded: not decoded)
    """Empty in older records."""
    types: Words = Field(default=(), exclude_if=lambda types: not types)
    predicted: bool


class TracedTriple(Record):
    """See :class:`rin_core.predict.rounds.TracedTriple`."""

    subject: Count
    relation: str
    object: Count
    probabilities: Probabilities | None
    predicted: bool


class Trace(Record):
    """See :class:`rin_core.predict.rounds.Trace`."""

    rounds: Count
    entity_words: Annotated[tuple[Probabilities, ...], Field(strict=False)]
    spans: list[TracedSpan]
    triples: list[TracedTriple]


class TracedModel(Record):
    """What one model predicts for a sentence."""

    label: str
    fingerprint: Fingerprint
    trace: Trace


class Case(Record):
    """A sentence followed through the rounds of models, which were all asked the same."""

    title: str
    source: str
    words: Words
    gold: Said | None
    printed: list[Said]
    models: list[TracedModel]

    @model_validator(mode="after")
    def _within(self) -> Case:
        """Every place is one of the sentence, and every row has a value for each round."""
        words = len(self.words)
        said = [*([self.gold] if self.gold else []), *self.printed]
        places = [place for one in said for place in one.entities]
        ends = [word for one in said for fact in one.triples for word in (fact[0], fact[2])]
        for trace in (model.trace for model in self.models):
            places += [(span.start, span.end) for span in trace.spans]
            ends += [word for triple in trace.triples for word in (triple.subject, triple.object)]
            _check_rounds(trace, words)
        if wrong := [place for place in places if not place[0] < place[1] <= words]:
            raise ValueError(f"entity {wrong[0]}: must be within the {words} words")
        if max(ends, default=-1) >= words:
            raise ValueError(f"word {max(ends)} of a triple: must be less than {words}")
        if len({_asked(model.trace) for model in self.models}) > 1:
            raise ValueError("models: must be asked for the same entities and triples")
        return self


def _check_rounds(trace: Trace, words: int) -> None:
    """Raise unless everything has a value after each round, 0 to K, and each word one a round."""
    rounds = trace.rounds + 1
    series: list[Sequence[object]] = [trace.entity_words]
    series += [row.probabilities for row in trace.triples if row.probabilities is not None]
    for span in trace.spans:
        series += [span.probabilities, *(v for v in (span.decoded, span.types) if v)]
    if any(len(values) != rounds for values in series):
        raise ValueError(f"rounds = {trace.rounds}: not every row has {rounds} values")
    if any(len(row) != words for row in trace.entity_words):
        raise ValueError(f"entity_words: must have {words} values after each round")


def _asked(trace: Trace) -> tuple[frozenset[object], frozenset[object]]:
    triples = frozenset((row.subject, row.relation, row.object) for row in trace.triples)
    return frozenset((row.start, row.end) for row in trace.spans), triples


class Cases(Record):
    """Sentences followed through the rounds of models."""

    cases: list[Case]
