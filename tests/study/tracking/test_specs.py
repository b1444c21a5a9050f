"""What a tracker shows: the same from a session and from the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rin_core.config import Config
from search_spaces import SPACES
from study.execution.session import experiment_spec
from study.ledger.ledger import Ledger
from study.ledger.search_record import SearchRecord
from study.ledger.state import TrialState
from study.planning.grid import make_plan
from study.search.session import experiment_spec as live_search_spec
from study.tracking.base import CONTENT
from study.tracking.specs import search_spec, study_spec
from tests.records import a_planned_run, a_study, a_trial
from tests.searchers import plan_of


def test_runs_of_a_study_are_the_same_from_its_session_and_from_the_ledger(
    spert_folder: Path, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path)
    given = {"training.patience": 3}
    plan = make_plan(SPACES["selection"], ledger, [str(spert_folder)], seeds=[0], overrides=given)
    (experiment,) = plan.experiments()
    ledger.record_study(experiment.record({}))
    recorded = ledger.study(experiment.name)
    assert recorded is not None
    live, again = experiment_spec(experiment, ledger), study_spec(recorded, ledger, "")
    assert live.runs == again.runs
    assert (live.tags, live.varied) == (again.tags, again.varied)
    assert [spec.name for spec in live.runs.values()] == [p.name for p in experiment.trials]
    assert {spec.tags["settings"] for spec in live.runs.values()} == {"own training.patience=3"}
    assert {spec.selection for spec in live.runs.values()} == {"dev", "test"}


def test_a_learning_curve_is_shown_with_the_whole_corpus(tmp_path: Path) -> None:
    ledger, arms = Ledger(tmp_path), ["gru-1-half", "gru-1"]
    plan = make_plan(SPACES["learning_curve"], ledger, ["demo"], arms=arms, seeds=[0])
    (experiment,) = plan.experiments()
    corpus = experiment_spec(experiment, ledger).corpus
    assert corpus is not None
    assert len(corpus.train) == 1600
    assert len(plan.corpora[plan.trials[0].corpus_key].train) == 800


def test_trials_of_a_search_are_the_same_from_its_session_and_from_the_ledger(
    spert_folder: Path, tmp_path: Path
) -> None:
    plan = plan_of(spert_folder, tmp_path)
    record = SearchRecord(plan.ledger, plan.experiment)
    record.open(plan.record({}))
    config, run = plan.run("k-1", {"encoder.dropout": 0.2})
    changes: dict[str, Any] = {
        "arm": "k-1",
        "config": config.flat(),
        "parameters": {"encoder.dropout": 0.2},
    }
    record.add(a_trial(3, fingerprint=run.fingerprint, state=TrialState.PRUNED, **changes))
    live = live_search_spec(plan, record)
    again = search_spec(SearchRecord(plan.ledger, plan.experiment).search, plan.ledger, "")
    assert live.runs == again.runs
    (spec,) = live.runs.values()
    assert (spec.name, spec.pruned_after) == ("k-1 #3 · GRU K=1", 1)
    assert spec.tags["seed"] == str(plan.search.seed)
    assert set(again.varied) <= set(live.varied)


def test_the_content_of_the_corpus_is_the_last_one(tmp_path: Path) -> None:
    runs = [a_planned_run(seed, content=content) for seed, content in enumerate(("old", "new", ""))]
    assert study_spec(a_study(runs), Ledger(tmp_path), "").tags[CONTENT] == "new"
    older = a_study([a_planned_run(0)])
    assert CONTENT not in study_spec(older, Ledger(tmp_path), "").tags


@pytest.mark.parametrize(
    ("corpus", "settings", "shown"),
    [
        ("demo", {}, "demo"),
        ("mine", {}, "paper"),
        ("mine", {"preset": "own", "model.rounds": 2}, "own model.rounds=2"),
    ],
)
def test_a_run_names_its_preset_and_its_settings(
    corpus: str, settings: dict[str, Any], shown: str, tmp_path: Path
) -> None:
    study = a_study([a_planned_run(0, corpus=corpus, settings=settings)])
    (spec,) = study_spec(study, Ledger(tmp_path), "").runs.values()
    assert spec.tags["settings"] == shown


def test_a_transformer_starts_with_its_model_and_not_with_word_vectors(tmp_path: Path) -> None:
    """The vectors of a study are those of its other arms."""
    config = Config().with_overrides({"encoder.kind": "transformer", "encoder.model": "a/tiny"})
    runs = [
        a_planned_run(0, settings={"vectors": "glove"}),
        a_planned_run(1, settings={"vectors": "glove"}, config=config.flat()),
        a_planned_run(2),
    ]
    specs = study_spec(a_study(runs), Ledger(tmp_path), "").runs.values()
    assert [spec.params["vectors"] for spec in specs] == ["glove", "a/tiny", "random"]
