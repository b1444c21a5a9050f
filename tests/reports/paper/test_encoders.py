"""Runs over pretrained encoders in the paper's tables: found by what was run, not by names."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.document.table import Table
from reports.frames.encoders import encoder_runs, fine_tuned_encoder
from reports.frames.scores import AVERAGED, SELECTED
from reports.frames.studies import StudyData
from reports.frames.trials import read_contents, select_settings
from reports.page.corpora import paper_sections
from reports.paper.claims import JudgedClaim, judge_claims
from reports.paper.registry import PAPER, make_tables
from reports.stats.verdicts import Word
from rin_core.config import Config
from rin_core.encoder_traits import ENCODERS, EncoderTraits
from tests.ledgers import Ledger
from tests.records import scores as all_scores

TUNED = {"training.learning_rate": 1e-3, "training.encoder_learning_rate": 5e-5}
PAPERS_RATE = {"training.learning_rate": 2e-4, "training.encoder_learning_rate": 2e-4}
AVERAGE = {"training.average": "ema"}


def add(
    ledger: Ledger, arm: str, scores: tuple[float, ...], start: int = 0, **config: object
) -> None:
    """Add finished runs of an arm; with a moving average, which scores 1 point more."""
    settings = {"encoder.model": str(config.get("model", ""))}
    own = {k.replace("__", "."): v for k, v in config.items() if k != "model"}
    averages = "training.average" in own
    own |= {"encoder.kind": "transformer", "encoder.model": config["model"]}
    for seed, f1 in enumerate(scores):
        ledger.plan(arm, seed, settings, own)
        name = f"{start + len(ledger.trials):016x}"
        ledger.trials[-1]["fingerprint"] = name
        averaged = all_scores(f1 + 0.01)
        both = ("averaged_selection_scores", "averaged_test_scores")
        ledger.finish(name, f1, dict.fromkeys(both, averaged) if averages else {})


def save(ledger: Ledger, name: str, updated: str) -> None:
    ledger.save(f"{name}-webnlg_star", updated=updated)
    ledger.trials = []


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyData:
    """A BiLSTM, two encoders whose arms have names of any kind, and runs that chose their rates."""
    ledger = Ledger(tmp_path_factory.mktemp("encoders") / "runs")
    for seed, f1 in enumerate((0.84, 0.85, 0.86)):
        ledger.finish(ledger.plan("gru-1", seed, {}), f1)
    save(ledger, "main_results", "2020-01-01")
    for rounds, scores in {0: (0.86, 0.87), 1: (0.88, 0.89, 0.90), 2: (0.86, 0.87, 0.88)}.items():
        own = {**TUNED, **AVERAGE, "model.rounds": rounds, "training.warmup": 0.1}
        add(ledger, f"k-{rounds}-mpnet", scores, 100, model="owner/all-mpnet-base-v2", **own)
    save(ledger, "mine", "2020-01-02")
    own = {**PAPERS_RATE, **AVERAGE, "model.rounds": 1}
    add(ledger, "published", (0.60, 0.61), 200, model="owner/all-mpnet-base-v2", **own)
    own = {**TUNED, "model.rounds": 1}
    add(ledger, "e5-5", (0.5, 0.5), 200, model="owner/all-mpnet-base-v2", **own)
    add(ledger, "frozen", (0.5, 0.5), 200, model="a/tiny", **own, encoder__freeze=True)
    add(ledger, "single", (0.5,), 200, model="a/other", **own)
    save(ledger, "rates", "2020-01-03")
    add(
        ledger,
        "mine",
        (0.89, 0.90),
        300,
        model="google-bert/bert-base-cased",
        **PAPERS_RATE,
        **{"model.rounds": 1},
    )
    save(ledger, "bert", "2020-01-04")
    return paper_study(ledger.runs)


def paper_study(runs: Path) -> StudyData:
    every, elsewhere = read_contents(runs)
    main = every[every["experiment"] == "main_results-webnlg_star"].reset_index(drop=True)
    found = paper_sections(runs, every, [select_settings(main)], elsewhere)
    return next(data for data, _ in found if data.corpus == "webnlg_star")


@pytest.fixture(scope="module")
def claims(study: StudyData) -> dict[str, JudgedClaim]:
    return {found.claim.key: found for found in judge_claims(study)}


def paper_tables(study: StudyData) -> dict[str, Table]:
    return {table.name: table for table in make_tables(PAPER, study)}


def test_groups_are_encoders_and_rates(study: StudyData) -> None:
    """Neither frozen ones, nor the runs that chose a rate, nor one run alone."""
    found = {(runs.model, bool(runs.rates)): runs for runs in study.encoders}
    mpnet = "all-mpnet-base-v2"
    assert list(found) == [(mpnet, False), (mpnet, True), ("bert-base-cased", False)]
    assert found[mpnet, True].rates == "tuned rates (0.001, encoder 5e-05, warm-up 0.1)"
    sizes = found[mpnet, True].frame.groupby("arm").size().to_dict()
    assert sizes == {f"{mpnet}-tuned-{k}": n for k, n in ((0, 2), (1, 3), (2, 3))}


def test_an_encoder_is_compared_with_the_bilstm(claims: dict[str, JudgedClaim]) -> None:
    tuned = claims["encoder/all-mpnet-base-v2-tuned-1"]
    assert tuned.weights == {"all-mpnet-base-v2-tuned-1": 1.0, "gru-1": -1.0}
    assert tuned.scores.endpoint == SELECTED, "the BiLSTM has no averaged weights"
    assert tuned.judged.difference.value == pytest.approx(4.0)
    assert tuned.judged.verdict.word is Word.BETTER
    published = claims["encoder/all-mpnet-base-v2-1"]
    assert published.judged.difference.value == pytest.approx(-24.5)
    assert published.judged.verdict.word is Word.WORSE
    assert "encoder" not in claims


def test_rounds_over_an_encoder_are_compared_by_its_own_endpoint(
    claims: dict[str, JudgedClaim],
) -> None:
    found = claims["encoder-rounds/all-mpnet-base-v2-tuned-2"]
    assert found.scores.endpoint == AVERAGED
    assert found.judged.difference.value == pytest.approx(-2.0)
    # 2, 3 and 3 runs: 5 degrees of freedom, of the encoder's own runs.
    assert found.judged.difference.df == pytest.approx(5)
    not_run = claims["encoder-rounds/bert-2"]
    assert not_run.judged.verdict.word is Word.NOT_RUN


def test_only_the_papers_encoder_is_compared_with_published_numbers(
    claims: dict[str, JudgedClaim],
) -> None:
    assert claims["encoder/all-mpnet-base-v2-tuned-1"].size is None
    size = claims["encoder/bert-1"].size
    assert size is not None
    assert size.published == pytest.approx(89.7 - 86.3)


def test_table_1_and_the_pairs_name_the_encoder(study: StudyData) -> None:
    made = paper_tables(study)
    rows = {row.key: row for row in made["table1"].rows}
    tuned = rows["all-mpnet-base-v2-tuned-1"]
    assert tuned.label == "RIN (all-mpnet-base-v2, K = 1), tuned rates"
    assert tuned.cells["F1"].text == "89.0 ± 1.0"
    assert tuned.cells["Paper's F1"].text == "89.7"
    assert tuned.cells["Verdict"].text == "–"
    assert rows["bert-1"].cells["F1"].text.startswith("89.5")
    assert rows["bert-1"].cells["Verdict"].judged is not None
    assert rows["bert-2"].cells["F1"].text == "not run"
    assert len(rows) == len(made["table1"].rows)
    pairs = {row.key: row.cells for row in made["orderings"].rows}
    pair = pairs["all-mpnet-base-v2-tuned-2/all-mpnet-base-v2-tuned-1"]
    assert (pair["Δ F1"].text, pair["Paper's Δ"].text) == ("−2.0", "+0.4")
    assert pairs["bert-2/bert-1"]["Δ F1"].text == "not run"
    keys = [row.key for row in made["claims"].rows]
    assert len(set(keys)) == len(keys)


def test_without_such_runs_the_claims_are_not_run(study: StudyData) -> None:
    rest = StudyData(corpus=study.corpus, frame=study.frame)
    found = {one.claim.key: one.judged.verdict.word for one in judge_claims(rest)}
    assert found["encoder"] is found["encoder-rounds"] is Word.NOT_RUN
    pairs = {row.key: row.cells for row in paper_tables(rest)["orderings"].rows}
    assert pairs["bert-1/gru-1"]["Paper's Δ"].text == "+3.4"
    assert encoder_runs(study.frame) == ()


def test_a_fine_tuned_encoder_is_known_by_its_traits(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {**Config().flat(), "encoder.kind": "other", "encoder.model": "owner/name"}
    assert fine_tuned_encoder(config) == ""  # of a later version
    known: dict[str, EncoderTraits] = {"other": ENCODERS["transformer"]}
    monkeypatch.setattr("reports.frames.encoders.ENCODERS", known)
    assert fine_tuned_encoder(config) == "name"
    assert fine_tuned_encoder({**config, "encoder.freeze": True}) == ""
