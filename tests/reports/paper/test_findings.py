"""Findings about the paper from a small ledger, as data; the short tables are tested once."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from reports.document.table import Table
from reports.frames.searches import SearchData, read_search
from reports.frames.studies import StudyData, corpus_decisions, study_data
from reports.frames.trials import no_trials, pool, read_ledger, select_settings
from reports.page.corpora import paper_sections
from reports.paper.claim_tables import claims_summary
from reports.paper.claims import JudgedClaim, judge_claims
from reports.paper.effects import corpus_effects
from reports.paper.findings import (
    corpus_findings,
    models_summary,
    scores_sentence,
    tuning_summary,
)
from reports.stats.tests import holm
from reports.stats.verdicts import Rule, Word
from reports.tables.confirmation import Incomparable, compare_arms, judge_tuning
from rin_core.config import canonical_settings
from tests.ledgers import NEW, Ledger, a_plan, write_search
from tests.records import scores as all_scores


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


def texts(table: Table | None, key: str) -> dict[str, str]:
    """Return the texts of a row, by heading of the column."""
    assert table is not None
    (row,) = [one for one in table.rows if one.key == key]
    return {"label": row.label} | {name: cell.text for name, cell in row.cells.items()}


def claims(ledger: Ledger) -> dict[str, JudgedClaim]:
    return {found.claim.key: found for found in judge_claims(paper(ledger))}


def test_a_claim_is_judged_by_the_arms_that_have_runs(ledger: Ledger) -> None:
    found = claims(ledger)["interaction"]
    assert found.weights == {"gru-1": 1.0, "bilstm-s": -1.0}
    difference = found.judged.difference
    # Two arms of sd 1 with 3 runs each: SE = √(2 / 3), 4 degrees of freedom.
    assert (difference.n, difference.value, difference.df) == pytest.approx((3, 2, 4))
    assert difference.se == pytest.approx(math.sqrt(2 / 3))
    assert found.judged.verdict.word is Word.UNDECIDED
    assert found.size is not None
    assert found.size.published == pytest.approx(0.9)
    assert found.size.against.difference.value == pytest.approx(1.1)
    noisy, exact = found.size.against.difference, found.size.against_exact.difference
    assert noisy.se**2 - exact.se**2 == pytest.approx(2 * 1.0 / 5)
    assert claims(ledger)["cell"].judged.verdict.word is Word.NOT_RUN


def test_a_claim_has_a_short_row(ledger: Ledger) -> None:
    table = claims_summary(paper(ledger))
    row = texts(table, "interaction")
    assert row.pop("Verdict").startswith("undecided, ")
    assert row.pop("Verdict on size").startswith("undecided, ")
    assert row == {
        **{"label": "Interaction (K ≥ 1) over none", "Where": "§5.2, §5.3"},
        **{"Δ F1": "+2.0", "95 % CI": "−0.3 to 4.3", "Paper's Δ": "+0.9", "Seeds": "3"},
        **{"Role": "primary", "Our Δ, same arms": "+2.0"},
    }
    assert texts(table, "cell")["Verdict"] == "not run"
    assert texts(table, "cell")["Seeds"] == "–"


def test_the_arms_without_interaction_are_named(ledger: Ledger) -> None:
    def notes() -> list[str]:
        table = claims_summary(paper(ledger))
        assert table is not None
        return [note for note in table.notes if note.startswith("*None*")]

    assert ["BiLSTM (100d)" in note for note in notes()] == [False]
    for seed, f1 in enumerate((0.84, 0.85, 0.86)):
        ledger.finish(ledger.plan("bilstm", seed), f1)
    ledger.save("rounds_curve-webnlg_star")
    found = claims(ledger)["interaction"]
    assert found.weights == {"gru-1": 1.0, "bilstm": -0.5, "bilstm-s": -0.5}
    assert ["BiLSTM (100d) and BiLSTM_s (100d)" in note for note in notes()] == [True]


def test_only_the_primary_claims_share_a_correction(ledger: Ledger) -> None:
    for arm, scores in {"rnn-1": (0.84, 0.85, 0.86), "linear": (0.80, 0.81, 0.82)}.items():
        for seed, f1 in enumerate(scores):
            ledger.finish(ledger.plan(arm, seed), f1)
    ledger.save("rounds_curve-webnlg_star")
    found = claims(ledger)
    assert [key for key, one in found.items() if one.claim.is_primary] == [
        *("interaction", "rounds", "cell", "parts", "capacity")
    ]
    tested = [found[key].judged for key in ("interaction", "cell", "parts")]
    assert [one.p_holm for one in tested] == holm([one.difference.p for one in tested])
    assert found["parts"].judged.verdict.word is Word.BETTER
    assert math.isnan(found["linear"].judged.p_holm)


def test_a_plan_decides_its_contrast_in_place_of_the_test(ledger: Ledger) -> None:
    average = {"training.average": "ema"}
    first = {arm: ledger.plan(arm, 0, average) for arm in ("gru-1", "bilstm-s")}
    for name in first.values():
        ledger.finish(name, 0.9)
    ledger.save("decided-webnlg_star", updated="2020-01-02", decisions=a_plan(first))
    everything = read_ledger(ledger.runs)
    frames = [select_settings(read_ledger(ledger.runs, ["rounds_curve-webnlg_star"]))]
    study, section = paper_sections(ledger.runs, everything, frames, no_trials())[0]
    found = {one.claim.key: one for one in judge_claims(study)}["interaction"]
    assert found.judged.verdict.word is Word.EQUAL
    short = claims_summary(study)
    assert short is not None
    assert texts(short, "interaction")["95 % CI"] == "−0.4 to 0.6"
    assert texts(short, "interaction")["Seeds"] == "3"
    assert any("decided by `decided-webnlg_star`" in note for note in short.notes)
    # The verdict on size is about a score of its own, which stands beside it.
    assert texts(short, "interaction")["Our Δ, same arms"] == "+2.0"
    assert any("in test F1 of the selected epoch" in note for note in short.notes)
    (effect,) = [one for one in corpus_effects(study, [], []) if one.key == "interaction"]
    assert found.decision is not None
    assert set(effect.runs) == set(found.decision.runs) == set(first.values())
    (table,) = [one for one in section.tables if one.name == "claims"]
    (row,) = [one for one in table.rows if one.key == "interaction"]
    assert {name: row.cells[name].text for name in ("Δ F1", "p", "Verdict", "Role")} == {
        **{"Δ F1": "+0.1", "p": "–"},
        **{"Verdict": "equal within 0.5", "Role": "primary, planned"},
    }


def test_a_plan_on_other_settings_decides_nothing(ledger: Ledger) -> None:
    rate = {"training.learning_rate": 0.01}
    first = {arm: ledger.plan(arm, 0, rate) for arm in ("gru-1", "bilstm-s")}
    ledger.save("decided-webnlg_star", updated="2020-01-02", decisions=a_plan(first))
    assert corpus_decisions(ledger.runs, read_ledger(ledger.runs), ["training.average"]) == {}
    found = corpus_decisions(ledger.runs, read_ledger(ledger.runs), ["training.learning_rate"])
    assert found["interaction"].verdict.word is Word.EQUAL
    before_a_look = a_plan(first).model_copy(update={"outcomes": []})
    ledger.save("decided-webnlg_star", updated="2020-01-02", decisions=before_a_look)
    assert corpus_decisions(ledger.runs, read_ledger(ledger.runs), rate) == {}


def test_runs_that_learned_nothing_are_not_equal(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    for arm in ("gru-1", "bilstm-s"):
        for seed in range(3):
            nothing = {"selection_scores": all_scores(0.0), "test_scores": all_scores(0.0)}
            ledger.finish(ledger.plan(arm, seed), 0.5, nothing)
    ledger.save("rounds_curve-webnlg_star")
    found = claims(ledger)["interaction"]
    assert found.judged.verdict.word is Word.NOTHING_LEARNED
    assert math.isnan(found.judged.p_equal)


def test_the_size_is_judged_on_the_arms_with_published_scores(tmp_path: Path) -> None:
    """The RNN is in a figure only."""
    ledger = Ledger(tmp_path / "runs")
    for arm, f1 in {"gru-1": 0.85, "bilstm": 0.85, "bilstm-s": 0.85, "rnn-1": 0.95}.items():
        for seed in range(3):
            ledger.finish(ledger.plan(arm, seed), f1 + 0.001 * (seed - 1))
    ledger.save("rounds_curve-webnlg_star")
    found = claims(ledger)["interaction"]
    assert found.judged.verdict.word is Word.BETTER
    assert found.judged.difference.value == pytest.approx(5)
    assert found.size is not None
    assert set(found.size.weights) == {"gru-1", "bilstm", "bilstm-s"}
    assert found.size.ours.difference.value == pytest.approx(0)
    assert found.size.published == pytest.approx(86.3 - (85.6 + 85.4) / 2)
    assert found.size.against_exact.verdict.word is Word.WORSE


def test_a_claim_about_pairs_is_judged_by_the_smallest_difference(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    arms = {"gru-1": 0.90, "no-relation-input": 0.80, "no-entity-input": 0.80}
    for arm, f1 in {**arms, "no-shared-input": 0.905}.items():
        for seed in range(3):
            ledger.finish(ledger.plan(arm, seed), f1 + 0.001 * (seed - 1))
    ledger.save("ablation-webnlg_star")
    found = claims(ledger)
    assert found["inputs"].weights == {"gru-1": 1.0, "no-shared-input": -1.0}
    assert found["inputs"].judged.verdict.word is not Word.BETTER
    assert len(found["inputs"].pairs) == 3
    assert found["pivotal"].judged.verdict.word is Word.BETTER
    assert found["partial"].judged.verdict.word is Word.NOT_RUN


def test_entities_are_judged_by_their_own_scores_and_variance(ledger: Ledger) -> None:
    entities = claims(ledger)["entities"]
    assert entities.scores.endpoint.metric == "entity_f1"
    assert entities.judged.difference.value == pytest.approx(2)


def test_scores_are_judged_with_the_papers_spread_and_without(ledger: Ledger) -> None:
    for seed, f1 in enumerate((0.8612, 0.8532, 0.8572, 0.8602, 0.8542)):
        ledger.finish(ledger.plan("gru-5", seed), f1)
    ledger.save("rounds_curve-webnlg_star")
    text = scores_sentence(paper(ledger))
    assert "1 worse (RIN (GRU, K = 5))" in text.partition("taken as exact")[2]
    assert "1 not run (RIN (GRU, K = 3))" not in text, "it is planned, and so a row"
    wide = dataclasses.replace(paper(ledger), rule=Rule(margin=5.0))
    assert "equal within 5 (" in scores_sentence(wide)


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
    assert (found.key, found.tuned.verdict.word) == ("b/a", Word.UNDECIDED)
    assert found.tuned.difference.value == pytest.approx(0.5)
    assert (found.untuned.n, found.untuned.value) == pytest.approx((1, 0))
    row = texts(tuning_summary("webnlg_star", [data]), "some/b/a")
    assert (
        row["label"] == "RIN (GRU, K = 1) over BiLSTM_s, both tuned with the same number of trials"
    )
    assert row["Verdict"].startswith("undecided, ")
    assert (row["Δ F1"], row["Δ F1, untuned"], row["Search"]) == ("+0.5", "+0.0", "`some`")
    more = data.trials.iloc[[0, 1, 1]]
    uneven = dataclasses.replace(data, trials=more)
    (found,) = compare_arms(uneven)
    assert found.verdict == Incomparable.UNEQUAL_BUDGETS
    row = texts(tuning_summary("webnlg_star", [uneven]), "some/b/a")
    assert row["label"] == "RIN (GRU, K = 1) over BiLSTM_s, both tuned"
    assert (row["Verdict"], row["Δ F1"]) == ("unequal budgets", "+0.5")


def test_the_gain_of_tuning_has_the_runs_and_the_rounds_of_its_arm(ledger: Ledger) -> None:
    """The name of one arm begins with that of the other."""
    scores = {"a-b-tuned": (0.88, 0.89), "a-b-paper": (0.85, 0.86)}
    data = confirmed_search(ledger, {**scores, "a-tuned": (0.80, 0.81), "a-paper": (0.78, 0.79)})
    assert data.confirmed is not None
    arms = data.confirmed.set_index("fingerprint")["arm"]
    rounds = data.confirmed["arm"].str.startswith("a-b").astype(int)
    data = dataclasses.replace(
        data,
        trials=data.trials.assign(arm=["a", "a-b"]),
        confirmed=data.confirmed.assign(rounds=rounds),
    )
    effects = {effect.key: effect for effect in corpus_effects(None, [], [data])}
    tuning = [effects[f"tuning {arm}"] for arm in ("a", "a-b")]
    assert [effect.label for effect in tuning] == ["Tuning, K = 0", "Tuning, K = 1"]
    assert {arms[name] for name in tuning[0].runs} == {"a-tuned", "a-paper"}
    (sides,) = [one.sides for one in effects.values() if one.question == "one-round-tuned"]
    assert [side.mean for side in sides] == pytest.approx([88.5, 80.5])


def test_tuned_scores_are_compared_with_the_papers_best(ledger: Ledger) -> None:
    data = confirmed_search(ledger, {"a-tuned": (0.88, 0.89), "a-paper": (0.86,)})
    assert not tuning_summary("webnlg_star", [dataclasses.replace(data, confirmed=None)]).rows
    origin, best = tuning_summary("webnlg_star", [data]).notes
    assert origin.startswith("`some`: 1 trial of each arm, chosen on dev. Endpoint: test F1 of the")
    assert best == "The paper's best score without BERT: 87.0 (Table 1, RIN (100d, K = 3))."


def test_a_study_of_other_models_is_compared_with_its_first_arm(ledger: Ledger) -> None:
    assert models_summary([paper(ledger)]).rows == (), "all are the paper's"
    own = Ledger(ledger.runs)
    for arm, scores in {"deep": (0.85, 0.87, 0.86), "shallow": (0.83, 0.84, 0.85)}.items():
        for seed, f1 in enumerate(scores):
            name = own.plan(arm, seed, config={"encoder.dropout": 0.4})
            own.trials[-1] |= {"fingerprint": f"f{name[1:]}", "label": f"RIN, {arm}"}
            own.finish(f"f{name[1:]}", f1)
    own.plan("rnn-9", 0)
    own.save("mine-webnlg_star")
    frame = select_settings(read_ledger(ledger.runs, ["mine-webnlg_star"]))
    table = models_summary([study_data(ledger.runs, frame)])
    assert [row.label for row in table.rows] == ["RIN, deep", "RIN, shallow"], "rnn-9 has no runs"
    first, second = (texts(table, f"mine-webnlg_star/{arm}") for arm in ("deep", "shallow"))
    assert (first["F1"], first["Δ F1"], first["Verdict"]) == ("86.0 ± 1.0", "–", "–")
    assert (second["F1"], second["Δ F1"], second["Seeds"]) == ("84.0 ± 1.0", "−2.0", "3/3")
    assert second["Study"] == "`mine-webnlg_star`"
    found = corpus_findings(paper(ledger), [study_data(ledger.runs, frame)], [])
    assert found is not None
    assert [one.name for one in found.tables] == ["claims_summary", "models_summary"]


def test_a_search_that_found_worse_settings_has_failed(ledger: Ledger) -> None:
    scores = {"a-tuned": (0.88, 0.881, 0.882), "a-paper": (0.86, 0.861, 0.862)}
    data = confirmed_search(
        ledger, {**scores, "b-tuned": (0.83, 0.831, 0.832), "b-paper": (0.85, 0.851, 0.852)}
    )
    judged = judge_tuning(data)
    assert {arm: one.verdict.word for arm, one in judged.items()} == {
        "a": Word.BETTER,
        "b": Word.SEARCH_FAILED,
    }
    (found,) = compare_arms(data)
    assert found.incomparable is Incomparable.SEARCH_FAILED
    assert found.verdict == "search failed"
    row = texts(tuning_summary("webnlg_star", [data]), "some/b")
    assert row["label"] == "RIN (GRU, K = 1), tuned, over the paper's settings"
    assert (row["Verdict"], row["Δ F1"]) == ("search failed", "−2.0")
