"""The case study as a report sees it: what a study recorded, laid side by side.

Two renderings take these views: the terminal's and the page's. Gold, what the paper printed
and every model's rounds become columns; entities and triples become lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.frames.trials import LedgerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """What one model gives one line."""

    probabilities: tuple[float, ...] | None
    """After each round, 0 to K; None where the model knows no such relation."""
    held: tuple[bool, ...]
    """Whether the model says it after each round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entity or one triple."""

    text: str
    gold: bool | None
    """None where gold is unknown."""
    printed: tuple[bool, ...]
    """Whether each model of the paper said it."""
    models: tuple[Rounds, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """One model: its name, and its picture of the sentence."""

    label: str
    fingerprint: str
    entity_words: tuple[tuple[float, ...], ...]
    """Probability of being part of an entity: a row for each round, a value for each word."""
    entities: frozenset[int]
    """Words of the entities it ends with."""
    arguments: frozenset[int]
    """Argument words of the triples it ends with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """One sentence."""

    title: str
    source: str
    words: tuple[str, ...]
    gold_known: bool
    gold_entities: frozenset[int]
    gold_arguments: frozenset[int]
    printed: tuple[str, ...]
    """Labels of the models that the paper printed predictions of."""
    models: tuple[ModelView, ...]
    entities: tuple[Line, ...]
    triples: tuple[Line, ...]


def read_cases(path: Path) -> list[CaseView]:
    """Read what a case study recorded.

    Raises:
        LedgerError: The file cannot be read, or is something else.
    """
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        return [_view(case) for case in recorded["cases"]]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise LedgerError(
            f"{path}: not a case study's record ({error!r}); run study/run.py case again"
        ) from error


def _view(case: Mapping[str, Any]) -> CaseView:
    gold = case["gold"] or {"entities": [], "triples": []}
    return CaseView(
        title=case["title"],
        source=case["source"],
        words=tuple(case["words"]),
        gold_known=case["gold"] is not None,
        gold_entities=_span_words(gold["entities"]),
        gold_arguments=_argument_words(gold["triples"]),
        printed=tuple(said["label"] for said in case["printed"]),
        models=tuple(_model_view(model) for model in case["models"]),
        entities=_lines(case, "spans", "entities", ("start", "end")),
        triples=_lines(case, "triples", "triples", ("subject", "relation", "object")),
    )


def _model_view(model: Mapping[str, Any]) -> ModelView:
    trace = model["trace"]
    spans = [(s["start"], s["end"]) for s in trace["spans"] if s["predicted"]]
    facts = [(t["subject"], t["relation"], t["object"]) for t in trace["triples"] if t["predicted"]]
    return ModelView(
        label=model["label"],
        fingerprint=model["fingerprint"],
        entity_words=tuple(tuple(row) for row in trace["entity_words"]),
        entities=_span_words(spans),
        arguments=_argument_words(facts),
    )


def _lines(
    case: Mapping[str, Any], traced: str, said: str, key: tuple[str, ...]
) -> tuple[Line, ...]:
    """Lay what every model was asked side by side; all were asked the same."""
    columns = [{_key(row, key): row for row in m["trace"][traced]} for m in case["models"]]
    gold = case["gold"] and {tuple(item) for item in case["gold"][said]}
    printed = [{tuple(item) for item in model[said]} for model in case["printed"]]
    return tuple(
        Line(
            text=_text(item, case["words"]),
            gold=None if gold is None else item in gold,
            printed=tuple(item in model for model in printed),
            models=tuple(_rounds(column[item]) for column in columns),
        )
        for item in (columns[0] if columns else ())
    )


def _key(row: Mapping[str, Any], names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _rounds(row: Mapping[str, Any]) -> Rounds:
    if row["probabilities"] is None:
        return Rounds(probabilities=None, held=())
    probabilities = tuple(float(p) for p in row["probabilities"])
    # A span is what the best tags say, whatever its probability; a triple is held from 0.5 on.
    held = row.get("decoded") or [p >= 0.5 for p in probabilities]
    return Rounds(probabilities=probabilities, held=tuple(bool(h) for h in held))


def _text(item: tuple[Any, ...], words: Sequence[str]) -> str:
    if len(item) == 2:
        return " ".join(words[item[0] : item[1]])
    subject, relation, object_ = item
    return f"({words[subject]}, {relation}, {words[object_]})"


def _span_words(spans: Sequence[Sequence[int]]) -> frozenset[int]:
    return frozenset(word for start, end in spans for word in range(start, end))


def _argument_words(facts: Sequence[Sequence[Any]]) -> frozenset[int]:
    return frozenset(word for fact in facts for word in (fact[0], fact[2]))
