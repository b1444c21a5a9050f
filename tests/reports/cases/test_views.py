"""Records of case studies that are damaged: no wrong number gets to the page."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from reports.cases.views import read_cases
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger

SAID = {"label": "gold", "entities": [[0, 1]], "triples": [[0, "met", 2]]}
SPAN = {"start": 0, "end": 1, "probabilities": [0.25, 0.75], "predicted": True}
TRIPLE = {"subject": 0, "relation": "met", "object": 2, "probabilities": None, "predicted": False}
TRACE = {
    "rounds": 1,
    "entity_words": [[0.5, 0.0, 1.0], [0.75, 0.0, 1.0]],
    "spans": [SPAN],
    "triples": [TRIPLE],
}
CASE: dict[str, Any] = {
    "title": "t",
    "source": "s",
    "words": ["Ann", "met", "Bob"],
    "gold": SAID,
    "printed": [SAID],
    "models": [{"label": "m", "fingerprint": "ab", "trace": TRACE}] * 2,
}


def record(root: Path, case: dict[str, Any]) -> Ledger:
    path = root / "cases" / "some.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"cases": [case]}))
    return Ledger(root)


def test_a_record_without_types_and_verdicts_is_read_and_written_as_it_is(tmp_path: Path) -> None:
    ledger = record(tmp_path, CASE)
    (view,) = read_cases(ledger, "some")
    assert [row.text for row in (*view.entities, *view.triples)] == ["Ann", "(Ann, met, Bob)"]
    assert view.entities[0].models[0].predicted == (False, True)
    cases = ledger.case("some")
    assert cases is not None
    assert cases.to_json() == {"cases": [CASE]}


@pytest.mark.parametrize(
    ("at", "value"),
    [
        ("gold.entities", [[0, 2**40]]),
        ("gold.entities", [[2, 1]]),
        ("gold.triples", [[0, "met", 3]]),
        ("gold.triples", [[-1, "met", 2]]),
        ("printed.0.triples", [[0, "met"]]),
        ("models.0.trace.rounds", 2),
        ("models.0.trace.entity_words", [[0.5, 0.0, 1.5], [0.75, 0.0, 1.0]]),
        ("models.0.trace.entity_words", [[0.5, "x", 1.0], [0.75, 0.0, 1.0]]),
        ("models.0.trace.entity_words", [[0.5, 0.0], [0.75, 0.0]]),
        ("models.0.trace.spans.0.probabilities", [0.25]),
        ("models.0.trace.spans.0.probabilities", [0.25, 7.5]),
        ("models.0.trace.spans.0.decoded", [True]),
        ("models.0.trace.spans.0.end", 4),
        ("models.0.trace.triples.0.subject", 3),
        ("models.0.trace.triples", []),
    ],
)
def test_a_damaged_record_is_refused(tmp_path: Path, at: str, value: object) -> None:
    case = copy.deepcopy(CASE)
    case["models"][1] = copy.deepcopy(case["models"][0])
    *path, last = at.split(".")
    place: Any = case
    for key in path:
        place = place[int(key) if key.isdigit() else key]
    place[last] = value
    with pytest.raises(LedgerError, match=r"some\.json: damaged record .*; run rin-study case"):
        read_cases(record(tmp_path, case), "some")
