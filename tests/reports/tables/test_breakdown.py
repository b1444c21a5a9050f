"""Scores of parts of the test split, from predictions and gold made by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reports.frames.predictions import count_answers, read_answers, read_corpora, read_counts
from reports.frames.studies import study_data
from reports.frames.trials import read_contents, read_ledger
from reports.tables.breakdown import breakdown_table
from rin_core.data.corpus import Sentence, Span, Triple
from study.ledger.fields import SCORES
from study.ledger.files import LedgerError
from study.ledger.schema import Predictions
from tests.ledgers import Ledger
from tests.rin_core.data.test_statistics import sentence

NORMAL = sentence("a b c", ("a", "r", "b"))
OVERLAPPING = sentence("a b c", ("a", "r", "b"), ("a", "r", "c"), ("a", "r", "nowhere"))
SILENT = sentence("nothing here")
GOLD = (NORMAL, OVERLAPPING, SILENT)
#: One right in the first sentence; one right and one wrong in the second; one too many.
SAID = ((0, 0, "r", 1), (1, 0, "r", 2), (1, 2, "r", 0), (2, 0, "r", 1))
F1 = 2 * 2 / (4 + 4)
CORPUS = {"name": "webnlg_star", "digest": "d"}


def test_counts_by_hand() -> None:
    triples = [[n, i, 0, j] for n, i, _, j in SAID]
    said = Predictions(relations=["r"], triples=triples, spans=[])
    answers = read_answers(GOLD, said, "first")
    assert count_answers(GOLD, answers).tolist() == [[1, 1, 1], [1, 2, 3], [0, 1, 0]]


def test_the_entity_word_decides_what_is_right() -> None:
    pair = (Span(0, 2), Span(3, 5))
    spans = Sentence(
        words=tuple("abcde"), pos=None, entities=pair, triples=(Triple(pair[0], "r", pair[1]),)
    )
    said = Predictions(relations=["r"], triples=[[0, 1, 0, 4]], spans=[])
    right = {word: read_answers([spans], said, word)[0] for word in ("first", "last")}
    assert [len(answer.gold & answer.predicted) for answer in right.values()] == [0, 1]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path)
    made.describe(GOLD)
    made.predict(made.plan("gru-1", 0), F1, SAID)
    made.predict(made.plan("gru-1", 1), 0.4, SAID[:1])
    made.plan("bilstm-s", 0)
    made.save()
    return made


def test_table_by_hand(ledger: Ledger) -> None:
    frame = read_ledger(ledger.runs)
    table = breakdown_table(study_data(ledger.runs, frame))
    assert table is not None
    assert table.columns[:4] == ("All (3)", "Normal (1)", "EPO (0)", "SEO (1)")
    rin, baseline = table.rows
    assert rin.label == "RIN (GRU, K = 1), n = 2"
    cells = rin.cells
    # seed 0: 2 right of 4 said and 4 gold; seed 1: 1 right of 1 said and 4 gold
    assert cells["All (3)"].text == "45.0 ± 7.1"
    assert cells["Normal (1)"].text == "100.0 ± 0.0"
    assert cells["EPO (0)"].text == "–"
    # seed 0: 1 right of 2 said and 3 gold; seed 1 says nothing
    assert cells["SEO (1)"].estimate.mean == pytest.approx((40 + 0) / 2)
    assert cells["3 (1)"].estimate == cells["SEO (1)"].estimate
    assert cells["All (3)"].fingerprints == tuple(f"{k:016x}" for k in range(2))
    assert {cell.text for cell in baseline.cells.values()} == {"not run"}


def test_a_finished_arm_without_predictions_is_not_called_not_run(ledger: Ledger) -> None:
    ledger.finish(ledger.plan("gru-2", 0), 0.8)
    ledger.write(ledger.plan("gru-3", 0), "failure.json", '{"reason": "x"}')
    ledger.save()
    table = breakdown_table(study_data(ledger.runs, read_ledger(ledger.runs)))
    assert table is not None
    texts = {row.key: {cell.text for cell in row.cells.values()} for row in table.rows}
    assert texts["gru-2"] == {"no predictions"}
    assert texts["gru-3"] == {"no result"}
    assert texts["bilstm-s"] == {"not run"}


def test_what_cannot_be_counted_is_named(ledger: Ledger) -> None:
    ledger.predict(ledger.plan("gru-2", 0), 0.9, SAID)
    lacking = ledger.plan("gru-3", 0)
    ledger.finish(lacking, 0.8, {"corpus": {**CORPUS, "content": "c"}})
    ledger.finish(
        ledger.plan("gru-4", 0),
        0.8,
        {"corpus": {**CORPUS, "content": "other"}},
    )
    broken = ledger.plan("gru-5", 0)
    ledger.predict(broken, F1, SAID)
    ledger.write(
        broken, "predictions.json", '{"relations": [], "triples": [[0, 0, 0, 1]], "spans": []}'
    )
    ledger.save()
    frame, others = read_contents(ledger.runs)
    counts = read_counts(ledger.runs, pd.concat([others, frame]))
    assert len(counts.by_fingerprint) == 2
    other, wrong, old, damaged = counts.problems
    assert "give F1 50.00, its result has 90.00" in wrong
    assert f"`rin-study rerun {lacking}`" in old
    assert "has another version of webnlg_star" in other
    assert f"the predictions of `{broken}` are of another corpus" in damaged
    table = breakdown_table(study_data(ledger.runs, frame))
    assert table is not None
    assert set(counts.problems[1:]) <= set(table.notes)


def test_a_result_that_only_names_its_corpus_is_matched_by_name(ledger: Ledger) -> None:
    old = ledger.plan("gru-2", 0)
    ledger.predict(old, F1, SAID)
    scores = dict.fromkeys(SCORES, F1)
    changes = {"selection_scores": scores, "test_scores": scores}
    ledger.finish(old, F1, changes)
    ledger.save()
    assert old in read_counts(ledger.runs, read_ledger(ledger.runs)).by_fingerprint
    ledger.describe(GOLD, "a second corpus of that name")
    assert old not in read_counts(ledger.runs, read_ledger(ledger.runs)).by_fingerprint


def test_without_predictions_there_is_no_table(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.finish(ledger.plan("gru-1", 0), 0.8)
    ledger.save()
    frame = read_ledger(tmp_path)
    counts = read_counts(tmp_path, frame)
    assert "The ledger has no record of the corpus of the 1 finished run" in counts.problems[0]
    assert breakdown_table(study_data(tmp_path, frame)) is None


def test_a_corpus_record_reads_back(ledger: Ledger) -> None:
    (record,) = read_corpora(ledger.runs).values()
    assert (record.content, record.name, record.test) == ("c", "webnlg_star", GOLD)
    assert record.statistics["dev"].sentences == 3


@pytest.mark.parametrize("content", ["{", "[]", '{"name": "x", "statistics": {}}'])
def test_a_damaged_corpus_record_names_the_file(ledger: Ledger, content: str) -> None:
    path = ledger.runs / "corpora" / "c.json"
    path.write_text(content)
    with pytest.raises(LedgerError, match=r"c\.json: damaged record .* delete it"):
        read_corpora(ledger.runs)
