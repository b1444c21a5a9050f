"""A run whose tags have entity types, in its record and in a case study."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from reports.cases.page import render_page
from reports.cases.views import read_cases
from rin_core.config import Config
from rin_core.data.corpus import Corpus
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import corpus_vocabulary, encode_corpus
from study.commands.case.models import load
from study.commands.case.sentences import follow, from_test
from study.execution.trial import train_run
from study.ledger.corpus_schema import Cases
from study.ledger.ledger import Ledger
from tests.rin_core.train.test_typed_scores import SMALL, typed_by_place

pytestmark = pytest.mark.slow


def small_corpus() -> Corpus:
    short = [typed_by_place(s) for s in demo_corpus().train if len(s.words) <= 12][:40]
    part = tuple(short)
    return dataclasses.replace(demo_corpus(), train=part, dev=part, test=part)


def test_types_in_predictions_and_in_a_case(tmp_path: Path) -> None:
    config, corpus = Config().with_overrides({**SMALL, "training.max_epochs": 6}), small_corpus()
    encoded = encode_corpus(corpus, config.data, None, corpus_vocabulary(corpus, config.data))
    ledger = Ledger(tmp_path)
    run = ledger.run(config.fingerprint(encoded.digest))
    result = train_run(config, encoded, run)
    assert 0 < result.test_scores["entity_f1"] < result.test_scores["entity_boundaries_f1"]
    predictions = run.predictions()
    assert predictions is not None
    assert set(predictions.entity_types) == {"even", "odd"}
    assert len(predictions.span_types) == len(predictions.spans) > 20

    loaded = load(ledger, run.fingerprint)
    followed = follow(from_test(corpus, 0, "first", "why"), [loaded])
    ledger.record_cases("typed", Cases.model_validate({"cases": [followed]}))
    (view,) = read_cases(ledger, "typed")
    gold = {row.text: row.gold_type for row in view.entities if row.gold}
    assert len(gold) == len(corpus.test[0].entities)
    assert all(text.endswith(f"({kind})") for text, kind in gold.items())
    found = {
        (s, e): predictions.entity_types[k]
        for (n, s, e), k in zip(predictions.spans, predictions.span_types, strict=True)
        if n == 0
    }
    traced = {(s["start"], s["end"]): s for s in followed["models"][0]["trace"]["spans"]}
    assert {place for place, s in traced.items() if s["predicted"]} == found.keys()
    for place, kind in found.items():
        assert traced[place]["types"][-1] == kind
    page = render_page([view])
    assert all(kind in page for kind in found.values())
