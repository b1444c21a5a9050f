"""The effect of one round over all corpora and settings."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from reports.frames.studies import study_data
from reports.frames.trials import read_ledger, select_settings
from reports.paper.answers import find_answers
from reports.paper.effects import ONE_ROUND, ONE_ROUND_TUNED, Effect
from reports.paper.pooled import TAU, find_pooled, pooled_table
from reports.stats.intervals import Estimate
from reports.stats.model import Difference, Term
from reports.stats.verdicts import Verdict, Word, judge_alone
from reports.tables.cells import as_estimate
from tests.ledgers import Ledger


def an_effect(
    corpus: str, value: float, run: str, key: str = ONE_ROUND, settings: str = "given"
) -> Effect:
    """Return an effect with a standard error of 0.2, from five runs of each arm."""
    terms = (Term(1.0, 5, 0.1), Term(-1.0, 5, 0.1))
    judged = judge_alone(Difference(value=value, df=20, terms=terms))
    return Effect(
        key=key,
        label=key,
        corpus=corpus,
        settings=settings,
        found=as_estimate(judged.difference),
        verdict=judged.verdict,
        runs=(run,),
        judged=judged,
        sides=(Estimate(5, 81.0 + value, 0.5, 80.0, 82.0), Estimate(5, 81.0, 0.5, 80.0, 82.0)),
    )


ONE_SEED = judge_alone(Difference(value=9.0, df=math.nan, terms=(Term(1.0, 1, math.nan),)))
THREE = [
    an_effect("webnlg_star", 0.4, "a"),
    an_effect("webnlg_star", 1.0, "b", ONE_ROUND_TUNED, "each tuned with 16 trials"),
    an_effect("mine", 1.6, "c", f"{ONE_ROUND} preset own", "preset own"),
]


def test_every_corpus_and_choice_of_settings_counts_once() -> None:
    others = [
        an_effect("webnlg_star", 9.0, "a"),  # shares a run with the first
        an_effect("webnlg_star", 9.0, "d", "rounds"),  # another question
        an_effect("demo", 9.0, "g"),  # made by a grammar
        replace(an_effect("other", 9.0, "e"), judged=None),  # not of two arms
        replace(an_effect("other", 9.0, "f"), judged=ONE_SEED),
    ]
    found = find_pooled([*THREE, *others])
    assert found is not None
    assert found.pooled.value == pytest.approx(1.0)
    assert found.runs == ("a", "b", "c")
    rows = pooled_table(found).rows
    assert [(row.label, row.cells["Settings"].text) for row in rows[1:]] == [
        ("WebNLG", "each tuned with 16 trials"),
        ("mine", "preset own"),
        ("mean of all", "–"),
    ]
    assert (rows[0].cells["K = 0"].text, rows[0].cells["K = 1"].text) == (
        "81.0 ± 0.5",
        "81.4 ± 0.5",
    )


def test_an_effect_without_a_verdict_has_no_p() -> None:
    first, *others = THREE
    assert first.judged is not None
    judged = replace(first.judged, verdict=Verdict(Word.NO_VERDICT, 0.5))
    found = find_pooled([replace(first, judged=judged), *others])
    assert found is not None
    planned, second, *_ = pooled_table(found).rows
    assert [planned.cells[column].text for column in ("Verdict", "p")] == ["no verdict", "–"]
    assert second.cells["p"].text != "–"


def test_one_corpus_is_not_pooled() -> None:
    assert find_pooled(THREE[:1]) is None


def test_the_mean_follows_from_the_other_rows() -> None:
    found = find_pooled(THREE)
    assert found is not None
    *rows, last = pooled_table(found).rows
    weights = [1 / (found.pooled.tau**2 + row.cells["SE"].estimate.mean ** 2) for row in rows]
    values = [row.cells["Δ F1"].estimate.mean for row in rows]
    mean = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    assert last.cells["Δ F1"].estimate.mean == pytest.approx(mean)
    assert last.cells["SE"].estimate.mean == pytest.approx(1 / math.sqrt(sum(weights)))
    spread = sum(w * (v - mean) ** 2 for w, v in zip(weights, values, strict=True))
    assert spread == pytest.approx(found.pooled.df, rel=1e-4)
    tau = last.cells[TAU].estimate
    assert (tau.mean, tau.low, tau.high) == pytest.approx(
        (found.pooled.tau, found.pooled.tau_low, found.pooled.tau_high)
    )


def test_the_pooled_answer_is_the_first_card_and_the_first_row(tmp_path: Path) -> None:
    studies = []
    for number, gain in enumerate((0.02, 0.05)):
        ledger = Ledger(tmp_path / str(number))
        for _ in range(6 * number):
            ledger.plan("rnn-1", 0)  # fingerprints count on: no run belongs to both corpora
        for seed in range(3):
            ledger.finish(ledger.plan("bilstm-s", seed), 0.80 + 0.01 * seed)
            ledger.finish(ledger.plan("gru-1", seed), 0.80 + gain + 0.01 * seed)
        ledger.save()
        study = study_data(ledger.runs, select_settings(read_ledger(ledger.runs)))
        studies.append(replace(study, corpus=f"corpus {number}"))
    found = find_answers([], studies, [])
    assert found.cards[0].value == "+3.5 F1"
    assert len(found.cards[0].runs) == 12
    assert found.effects is not None
    assert found.effects.rows[0].key == "pooled"
    assert found.effects.corpora[-1] == "pooled"
