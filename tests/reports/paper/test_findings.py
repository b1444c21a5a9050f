"""Findings about the paper from a small ledger, as data; the sentences are tested once."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest

from reports.frames.searches import SearchData, read_search
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import pool, read_ledger, select_settings
from reports.paper.claims import NOT_RULED_OUT, JudgedClaim, judge_claims
from reports.paper.findings import (
    Findings,
    arms_sentence,
    claim_sentence,
    comparison_sentences,
    corpus_findings,
    scores_sentence,
    search_sentences,
    selection_sentences,
)
from reports.paper.registry import PAPER, make_tables
from reports.stats.intervals import seeds_needed
from reports.stats.verdicts import Order, Verdict
from reports.tables.confirmation import Incomparable, compare_arms
from rin_core.config import canonical_settings
from tests.ledgers import NEW, Ledger, answers_ledger, write_search


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runs")
    for arm, scores in {"gru-1": (0.86, 0.87, 0.88), "bilstm-s": (0.84, 0.86, 0.85)}.items():
        for seed, f1 in enumerate(scores):
            made.finish(made.plan(arm, seed), f1)
    made.plan("gru-3", 0)
    made.save("rounds_curve-webnlg_star")
    return made


def paper(ledger: Ledger) -> StudyData:
    frame = pool(read_ledger(ledger.runs), "webnlg_star", canonical_settings(NEW))
    return study_data(ledger.runs, frame)


def claims(ledger: Ledger) -> dict[str, JudgedClaim]:
    return {found.claim.key: found for found in judge_claims(paper(ledger).frame, "webnlg_star")}


def test_a_claim_is_judged_by_its_finished_pairs(ledger: Ledger) -> None:
    found = claims(ledger)["interaction"]
    assert (found.verdict, found.evidence.pairs) == (Order.UNDECIDED, (("gru-1", "bilstm-s"),))
    difference = found.evidence.difference.estimate
    assert (difference.n, difference.mean, difference.sd) == pytest.approx((3, 2, 1))
    assert found.size is not None
    assert (found.size.verdict, found.size.seeds_needed) == (NOT_RULED_OUT, seeds_needed(1.0, 0.9))
    assert found.size.published == pytest.approx(0.9)
    assert claims(ledger)["rounds"].verdict == Order.NOT_RUN


def test_the_sentence_of_a_claim(ledger: Ledger) -> None:
    found = claims(ledger)
    assert claim_sentence(found["interaction"]) == (
        "Interaction helps: one round beats none (§5.2, §5.3): **undecided**, +2.0 ± 1.0 F1 "
        "(95 % CI −0.5 to 4.5, 3 seeds), holds in 1 of 1 pairs (2 not finished). The paper's +0.9: "
        "**not ruled out** (12 seeds needed)."
    )
    assert claim_sentence(found["rounds"]) == "More rounds help (§5.2): **not run**."


def test_the_size_is_judged_on_the_pairs_with_published_scores(tmp_path: Path) -> None:
    """The RNN of the first claim is in a figure only."""
    ledger = Ledger(tmp_path / "runs")
    for arm, f1 in {"gru-1": 0.85, "bilstm": 0.85, "bilstm-s": 0.85, "rnn-1": 0.95}.items():
        for seed in range(3):
            lost = 0.001 * seed if arm == "gru-1" else 0
            ledger.finish(ledger.plan(arm, seed), f1 - lost)
    ledger.save("rounds_curve-webnlg_star")
    found = claims(ledger)["interaction"]
    assert found.verdict == Order.SUPPORTED
    assert found.evidence.difference.estimate.mean == pytest.approx((10 - 0.1 - 0.1) / 3)
    assert found.size is not None
    assert found.size.verdict == Verdict.BELOW
    assert found.size.ours.mean == pytest.approx(-0.1)
    assert "On the pairs with published scores: −0.1 ± 0.1" in claim_sentence(found)


def test_a_claim_about_each_pair_needs_the_seeds_of_its_noisiest_pair(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    scatter = {"no-relation-input": 0.001, "no-entity-input": 0.001, "no-shared-input": 0.01}
    for arm, sd in {"gru-1": 0.0, **scatter}.items():
        for seed in range(3):
            ledger.finish(ledger.plan(arm, seed), 0.85 + sd * (seed - 1))
    ledger.save("ablation-webnlg_star")
    size = claims(ledger)["inputs"].size
    assert size is not None
    # −H: an sd of 1 point for a difference of 0.4
    assert size.seeds_needed == seeds_needed(1.0, 0.4)


def test_verdicts_that_change_if_the_published_means_are_as_uncertain_as_ours(
    ledger: Ledger,
) -> None:
    assert "2 reproduced (RIN (GRU, K = 1), BiLSTM_s)" in scores_sentence(paper(ledger))
    for seed, f1 in enumerate((0.8612, 0.8532, 0.8572, 0.8602, 0.8542)):
        ledger.finish(ledger.plan("gru-5", seed), f1)
    ledger.save("rounds_curve-webnlg_star")
    text = scores_sentence(paper(ledger))  # 85.7 ± 0.4: 85.3 to 86.1, or 85.1 to 86.3
    assert "1 ours below (RIN (GRU, K = 5))" in text
    assert "count as reproduced" not in text, "86.8 is outside both intervals"
    for seed, f1 in enumerate((0.868, 0.862, 0.860, 0.864, 0.866)):
        ledger.finish(ledger.plan("gru-3", seed + 1), f1)
    ledger.save("rounds_curve-webnlg_star")
    text = scores_sentence(paper(ledger))  # 86.4 ± 0.3: 86.0 to 86.8, or 85.8 to 87.0
    assert "2 ours below" in text
    assert text.endswith("1 more scores count as reproduced: RIN (GRU, K = 3).")
    for seed, f1 in enumerate((0.8510, 0.8525, 0.8535, 0.8545, 0.8560)):
        ledger.finish(ledger.plan("no-entity-input", seed + 1), f1)  # in Table 5 only: 85.7
    ledger.save("rounds_curve-webnlg_star")
    assert "2 more scores count as reproduced" in scores_sentence(paper(ledger))


def test_choosing_on_test_is_compared_with_dev_and_with_the_paper(ledger: Ledger) -> None:
    assert selection_sentences(paper(ledger)) == []
    config = {"training.selection": "test"}
    for arm in ("gru-1", "gru-3"):
        ledger.plan(f"{arm}-on-test", 0, config=config)
    for seed, f1 in enumerate((0.87, 0.88, 0.88)):
        ledger.finish(ledger.plan("gru-1-on-test", seed, config=config), f1)
    ledger.save("rounds_curve-webnlg_star")
    (text,) = selection_sentences(paper(ledger))  # K = 3 has no finished run
    assert text.startswith("RIN (GRU, K = 1): 87.7 ± 0.6 with the epoch chosen on test, 87.0 ± ")
    assert text.endswith("3 seeds). The paper's 86.3: **reproduced**.")


def effects(found: Findings | None) -> tuple[str, ...]:
    assert found is not None
    return next((g.points for g in found.groups if g.title.startswith("Other effects")), ())


def test_effects_of_matching_and_of_vectors(tmp_path: Path, ledger: Ledger) -> None:
    data = paper(ledger)
    assert effects(corpus_findings(data, make_tables(PAPER, data), [], [])) == ()
    made = answers_ledger(tmp_path / "answers" / "runs")
    vectors = made.runs / "vectors" / "d.json"
    vectors.parent.mkdir()
    vectors.write_text(
        json.dumps({"name": "v", "digest": "d", "with_vector": ["a", "b"], "unseen": []})
    )
    data = paper(made)
    matching, missing = effects(corpus_findings(data, make_tables(PAPER, data), [], []))
    assert "HBT does (published F1 88.8): BiLSTM_s 40.0 ± 0.0 → 40.0 ± 0.0;" in matching
    assert "harder than triples in which both words have one: BiLSTM_s 0.0 ± 0.0 ag" in missing
    assert "both have one (1), one has none (2), one not in training (0)." in missing


def confirmed_search(ledger: Ledger, arms: dict[str, tuple[float, ...]]) -> SearchData:
    """Return a search of BiLSTM_s and RIN with one trial each, and with runs on fresh seeds."""
    write_search(ledger.runs)
    data = read_search(ledger.runs, "some")
    ledger.trials = []
    for arm, scores in arms.items():
        for seed, f1 in enumerate(scores):
            name = ledger.plan(arm, seed).replace("0", "c", 1)
            ledger.trials[-1] |= {"fingerprint": name, "label": arm}
            ledger.finish(name, f1)
    ledger.save("some-confirmed")
    trials = data.trials.iloc[[0, 0]].assign(arm=["a", "b"], label=["BiLSTM_s", "RIN (GRU, K = 1)"])
    trials = trials.assign(variant="model.rounds=0", state="finished")
    confirmed = read_ledger(ledger.runs, ["some-confirmed"])
    return dataclasses.replace(data, trials=trials, confirmed=confirmed)


def test_arms_that_were_tuned_alike_are_compared(ledger: Ledger) -> None:
    scores = {"a-tuned": (0.88, 0.89), "b-tuned": (0.88, 0.90), "a-paper": (0.85,)}
    data = confirmed_search(ledger, {**scores, "b-paper": (0.85,)})
    (found,) = compare_arms(data)
    assert (found.key, found.verdict) == ("b/a", Order.UNDECIDED)
    assert found.tuned.estimate.mean == pytest.approx(0.5)
    assert (found.untuned.n, found.untuned.mean) == pytest.approx((1, 0))
    assert arms_sentence(found) == (
        "RIN (GRU, K = 1) over BiLSTM_s, each tuned alike: **undecided**, +0.5 ± 0.7 "
        "(95 % CI −5.9 to 6.9, 2 seeds). Untuned: +0.0 (1 seed)."
    )
    more = data.trials.iloc[[0, 1, 1]]
    (found,) = compare_arms(dataclasses.replace(data, trials=more))
    assert found.verdict == Incomparable.UNEQUAL_BUDGETS
    assert "b over a" not in arms_sentence(found)
    assert ", tuned: **unequal budgets**, +0.5" in arms_sentence(found)


def test_tuned_scores_are_compared_with_the_papers_best(ledger: Ledger) -> None:
    data = confirmed_search(ledger, {"a-tuned": (0.88, 0.89)})
    assert search_sentences("webnlg_star", [dataclasses.replace(data, confirmed=None)]) == ()
    scores, best = search_sentences("webnlg_star", [data])
    assert "1 trials of each arm, chosen on dev. Test F1 on fresh seeds: a-tuned 88.5 ±" in scores
    assert best == "The paper's best score without BERT: 87.0 (Table 1, RIN (100d, K = 3))."


def test_a_study_of_other_models_is_compared_with_its_first_arm(ledger: Ledger) -> None:
    assert comparison_sentences(paper(ledger)) == [], "all are the paper's"
    own = Ledger(ledger.runs)
    for arm, scores in {"deep": (0.85, 0.87, 0.86), "shallow": (0.83, 0.84, 0.85)}.items():
        for seed, f1 in enumerate(scores):
            name = own.plan(arm, seed, config={"encoder.dropout": 0.4})
            own.trials[-1] |= {"fingerprint": f"f{name[1:]}", "label": f"RIN, {arm}"}
            own.finish(f"f{name[1:]}", f1)
    own.plan("rnn-9", 0)
    own.save("mine-webnlg_star")
    frame = select_settings(read_ledger(ledger.runs, ["mine-webnlg_star"]))
    assert comparison_sentences(study_data(ledger.runs, frame)) == [
        "`mine-webnlg_star`, test F1, and Δ from the first: RIN, deep 86.0 ± 1.0 (3 seeds); "
        "RIN, shallow 84.0 ± 1.0 (3 seeds, Δ −2.0 ± 1.0, 95 % CI −4.5 to 0.5)."
    ]


def test_nothing_is_said_about_seeds_that_cannot_be_computed(ledger: Ledger) -> None:
    found = claims(ledger)["interaction"]
    assert found.size is not None
    unknown = dataclasses.replace(found.size, seeds_needed=math.nan)
    assert "needed" not in claim_sentence(dataclasses.replace(found, size=unknown))
