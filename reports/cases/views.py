"""A case study prepared for display: entities and triples as rows, models and rounds as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from study.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """What one model predicts for one row, round by round."""

    probabilities: tuple[float, ...] | None
    """After each round, 0 to K; None if the model does not know the relation."""
    predicted: tuple[bool, ...]
    """Whether the model predicts the row after each round."""
    types: tuple[str, ...] = ()
    """Type of an entity after each round, for a model that predicts types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """One entity or one triple."""

    text: str
    gold: bool | None
    """None if the gold annotation is unknown."""
    gold_type: str
    """Type of a gold entity; empty for one without, and for all else."""
    published: tuple[bool, ...]
    """Whether each model of the paper predicted it."""
    models: tuple[Rounds, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Entities of a sentence, by word."""

    words: frozenset[int]
    first: frozenset[int]
    """The first word of each."""
    last: frozenset[int]
    """The last word of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """One model, and the words that its final prediction marks."""

    label: str
    fingerprint: str
    entity_words: tuple[tuple[float, ...], ...]
    """Probability of being part of an entity: a row for each round, a value for each word."""
    entities: Marks
    """The entities it predicts after the last round."""
    arguments: frozenset[int]
    """Argument words of the triples it predicts after the last round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """One sentence."""

    title: str
    source: str
    words: tuple[str, ...]
    gold_known: bool
    gold_entities: Marks
    gold_arguments: frozenset[int]
    published: tuple[str, ...]
    """Labels of the models whose predictions the paper prints."""
    models: tuple[ModelView, ...]
    entities: tuple[CaseRow, ...]
    triples: tuple[CaseRow, ...]


def read_cases(ledger: Ledger, name: str) -> list[CaseView]:
    """Read the record of a case study.

    Raises:
        LedgerError: The record cannot be read, or is no such record.
    """
    recorded = ledger.case(name)
    return [case_view(case) for case in recorded.to_json()["cases"]] if recorded else []


def case_view(case: Mapping[str, Any]) -> CaseView:
    """Prepare one recorded sentence for display."""
    words = case["words"]
    gold = case["gold"] or {"entities": [], "triples": []}
    models = []
    for model in case["models"]:
        trace = model["trace"]
        spans = [(s["start"], s["end"]) for s in trace["spans"] if s["predicted"]]
        triples = [_triple(t) for t in trace["triples"] if t["predicted"]]
        models.append(
            ModelView(
                label=model["label"],
                fingerprint=model["fingerprint"],
                entity_words=tuple(tuple(row) for row in trace["entity_words"]),
                entities=_marks(spans),
                arguments=_argument_words(triples),
            )
        )
    traces = [model["trace"] for model in case["models"]]
    spans_by_model = [{(s["start"], s["end"]): s for s in trace["spans"]} for trace in traces]
    triples_by_model = [{_triple(t): t for t in trace["triples"]} for trace in traces]
    return CaseView(
        title=case["title"],
        source=case["source"],
        words=tuple(words),
        gold_known=case["gold"] is not None,
        gold_entities=_marks(gold["entities"]),
        gold_arguments=_argument_words(gold["triples"]),
        published=tuple(model["label"] for model in case["printed"]),
        models=tuple(models),
        entities=_rows(case, "entities", spans_by_model),
        triples=_rows(case, "triples", triples_by_model),
    )


Item = tuple[Any, ...]
"""A span (start, end) or a triple (subject, relation, object)."""


def _rows(
    case: Mapping[str, Any], kind: str, by_model: Sequence[Mapping[Item, Mapping[str, Any]]]
) -> tuple[CaseRow, ...]:
    """Return a row for each traced item; the models were all asked about the same items."""
    words = case["words"]
    gold = case["gold"] and {tuple(item): "" for item in case["gold"][kind]}
    if gold and kind == "entities":
        gold |= zip(gold, case["gold"].get("types", ()), strict=False)
    published = [{tuple(item) for item in model[kind]} for model in case["printed"]]
    rows = []
    for item in by_model[0] if by_model else ():
        if kind == "entities":
            text = " ".join(words[item[0] : item[1]])
            text += f" ({gold[item]})" if gold and gold.get(item) else ""
        else:
            text = f"({words[item[0]]}, {item[1]}, {words[item[2]]})"
        rows.append(
            CaseRow(
                text=text,
                gold=None if gold is None else item in gold,
                gold_type=gold.get(item, "") if gold else "",
                published=tuple(item in model for model in published),
                models=tuple(_rounds(traced[item]) for traced in by_model),
            )
        )
    return tuple(rows)


def _rounds(row: Mapping[str, Any]) -> Rounds:
    if row["probabilities"] is None:
        return Rounds(probabilities=None, predicted=())
    probabilities = tuple(float(p) for p in row["probabilities"])
    # The best tags decide about a span, whatever its probability; 0.5 decides about a triple.
    predicted = row.get("decoded") or [p >= 0.5 for p in probabilities]
    return Rounds(
        probabilities=probabilities,
        predicted=tuple(bool(p) for p in predicted),
        types=tuple(str(name) for name in row.get("types", ())),
    )


def _triple(row: Mapping[str, Any]) -> Item:
    return row["subject"], row["relation"], row["object"]


def _marks(spans: Sequence[Sequence[int]]) -> Marks:
    return Marks(
        words=frozenset(word for start, end in spans for word in range(start, end)),
        first=frozenset(start for start, _ in spans),
        last=frozenset(end - 1 for _, end in spans),
    )


def _argument_words(triples: Sequence[Sequence[Any]]) -> frozenset[int]:
    return frozenset(word for subject, _, object_ in triples for word in (subject, object_))
