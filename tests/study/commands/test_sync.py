"""``rin-study sync``: both databases from the ledger alone, whatever was there."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from mlflow.tracking import MlflowClient
from rich.console import Console

from rin_core.config import Config
from search_spaces import SPACES
from study.commands import sync
from study.commands.arguments import Sync
from study.ledger.databases import move_away
from study.ledger.ledger import Ledger
from study.ledger.state import TrialState
from study.ledger.transfer import export_ledger
from study.search.optuna_store import METRIC, move_unusable, open_storage, record_again
from study.tracking.base import DISABLED
from study.tracking.open import TRACKERS
from tests.exports import ROOT, run_command
from tests.records import (
    DAMAGE,
    NO_PREDICTIONS,
    a_planned_run,
    a_result,
    a_search,
    a_study,
    a_trial,
    damage,
    scores,
)

LEARNING_RATE = "training.learning_rate"
RANGE = {"low": 1e-4, "high": 1e-2, "log": True, "step": None}
PARAMETERS = {LEARNING_RATE: {"name": "FloatDistribution", "attributes": RANGE}}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Two finished runs of a study, and a search of three trials."""
    ledger = Ledger(tmp_path / "runs")
    planned = [a_planned_run(seed, label="RIN (GRU, K = 1)") for seed in (0, 1)]
    for number, plan in enumerate(planned):
        config = Config.from_flat(plan.config).flat()
        result = a_result(
            plan.fingerprint, epochs=2, config=config, test_scores=scores(0.25 + number / 4)
        )
        run = ledger.run(plan.fingerprint)
        run.finish(result, NO_PREDICTIONS, run.claim())
    ledger.record_study(a_study(planned, "curve"))
    trials = [
        a_trial(n, parameters={LEARNING_RATE: rate}, config=Config().flat(), fingerprint=f"{n}a")
        for n, rate in enumerate((1e-3, 2e-3, 3e-3))
    ]
    ledger.record_search(a_search({"a": {"seed": 1}}, trials, "tune", parameters=PARAMETERS))
    return ledger


def mlflow_runs(path: Path) -> dict[str, str]:
    """Return the identity of each run of the study, by name."""
    client = MlflowClient(f"sqlite:///{path}")
    experiment = client.get_experiment_by_name("curve")
    return {r.info.run_name: r.info.run_id for r in client.search_runs([experiment.experiment_id])}


def f1_by_run(path: Path) -> dict[str, float]:
    copy = shutil.copy(path, path.with_name(f"{secrets.token_hex(4)}.db"))  # clients are cached
    client = MlflowClient(f"sqlite:///{copy}")
    experiment = client.get_experiment_by_name("curve")
    found = client.search_runs([experiment.experiment_id], "tags.`rin.kind` = 'trial'")
    return {
        run.info.run_name: next(v for k, v in run.data.metrics.items() if k.startswith("F1/test"))
        for run in found
    }


@pytest.mark.slow
def test_damaged_databases_are_made_again(ledger: Ledger) -> None:
    mlflow, storage = ledger.root / "mlflow.db", ledger.root / "optuna.db"
    mlflow.write_bytes(b"not a database\n" * 100)
    storage.write_bytes(b"")
    assert sync.run(Sync(runs=ledger.root), Console(quiet=True)) == 0
    first = f1_by_run(mlflow)
    assert len(first) == 2
    assert len(set(first.values())) == 2
    trials = optuna.load_study(study_name="tune/a", storage=f"sqlite:///{storage}").trials
    assert [trial.params for trial in trials] == [
        {LEARNING_RATE: rate} for rate in (1e-3, 2e-3, 3e-3)
    ]
    assert (ledger.root / "mlflow.db.1").read_bytes().startswith(b"not a database")
    # Again, over whole databases: the same, once.
    command = [sys.executable, "-m", "study", "sync", "--runs", str(ledger.root)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f1_by_run(mlflow) == first


def imported(ledger: Ledger, file: Path, *options: str) -> str:
    return run_command("import", str(file), f"--runs={ledger.root}", *options)


@pytest.mark.slow
def test_an_import_updates_the_databases_that_are_there(ledger: Ledger, tmp_path: Path) -> None:
    """Runs that MLflow has stay what they are; without databases, none is made."""
    file, other = tmp_path / "ledger.jsonl", Ledger(tmp_path / "other")
    export_ledger(ledger, file)
    assert "rin-study sync --runs" in imported(other, file)
    assert not (other.root / "mlflow.db").exists()
    assert sync.run(Sync(runs=other.root), Console(quiet=True)) == 0
    before = mlflow_runs(other.root / "mlflow.db")
    # A search that went on, and another seed.
    search = ledger.search("tune")
    assert search is not None
    fourth = a_trial(3, parameters={LEARNING_RATE: 4e-3}, config=Config().flat(), fingerprint="3a")
    ledger.record_search(search.model_copy(update={"trials": [*search.trials, fourth]}))
    third = a_planned_run(2, label="RIN (GRU, K = 1)")
    config = Config.from_flat(third.config).flat()
    run = ledger.run(third.fingerprint)
    run.finish(a_result(third.fingerprint, 2, config=config), NO_PREDICTIONS, run.claim())
    study = ledger.study("curve")
    assert study is not None
    ledger.record_study(study.model_copy(update={"trials": [*study.trials, third]}))
    export_ledger(ledger, file)
    assert "sync" not in imported(Ledger(tmp_path / "quiet"), file, "--tracking-uri=none")
    assert "sending 2 experiments" in imported(other, file)
    after = mlflow_runs(other.root / "mlflow.db")
    assert before.items() < after.items()
    assert len(after) == len(before) + 1
    storage = open_storage(other.root / "optuna.db")
    numbers = [t.number for t in optuna.load_study(study_name="tune/a", storage=storage).trials]
    assert numbers == [0, 1, 2, 3]
    assert not list(other.root.glob("*.db.*"))


def test_a_folder_without_records_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=str(tmp_path)):
        sync.run(Sync(runs=tmp_path), Console(quiet=True))
    assert list(tmp_path.iterdir()) == []


def test_an_experiment_has_the_question_of_its_space(ledger: Ledger) -> None:
    """The recorded one; an older record has that of the built-in space."""
    ledger.record_study(a_study([a_planned_run(5)], "mine", title="Is it so?"))
    ledger.record_study(a_study([a_planned_run(6)], "older", space="rounds_curve"))
    described = {spec.name: spec.description for spec in sync._experiments(ledger, [])}
    assert described["mine"].startswith("**Is it so?**")
    assert described["older"].startswith(f"**{SPACES['rounds_curve'].title}**")
    assert not described["curve"].startswith("**")


def test_an_import_names_a_tracker_that_is_not_mlflow(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(TRACKERS, "other", TRACKERS[DISABLED])
    assert sync.update(ledger, {"curve"}, "other://ann:secret@host", Console(width=200)) == 0
    assert capsys.readouterr().out == "sending 1 experiment to other://host …\n"


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_database_of_optuna_is_moved_away(ledger: Ledger, kind: str) -> None:
    path = ledger.root / "optuna.db"
    search = ledger.search("tune")
    assert search is not None
    record_again(search, path, {})
    assert move_unusable(path) is None
    path.write_bytes(damage(path.read_bytes(), kind))
    moved = move_unusable(path)
    assert moved is not None
    assert not path.exists()
    first = search.trials[0]
    record_again(search, path, {first.fingerprint: 1_700_000_000.0})
    study = optuna.load_study(study_name="tune/a", storage=open_storage(path))
    assert study.metric_names == [METRIC]
    began = study.trials[0].datetime_start
    assert began is not None
    assert began.timestamp() == 1_700_000_000.0
    states = [t.state.name for t in study.trials]
    wanted = {TrialState.FINISHED: "COMPLETE", TrialState.PRUNED: "PRUNED"}
    assert states == [wanted.get(trial.state, "WAITING") for trial in search.trials]


def test_a_database_of_another_program_is_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "optuna.db"
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        opened.execute("INSERT INTO alembic_version VALUES ('1a2b3c')")
        opened.execute("CREATE TABLE version_info (a INTEGER)")
    assert move_unusable(path) == tmp_path / "optuna.db.1"


def test_mlflows_database_under_optunas_name_is_moved_away(mlflow_db: Path) -> None:
    path = mlflow_db.rename(mlflow_db.with_name("optuna.db"))
    assert move_unusable(path) == path.with_name("optuna.db.1")


def test_a_journal_goes_with_its_database(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    for name in ("x.db", "x.db-journal", "x.db.1"):
        (tmp_path / name).write_text(name)
    assert move_away(path).name == "x.db.2"
    assert (tmp_path / "x.db.2-journal").read_text() == "x.db-journal"
    assert not (tmp_path / "x.db-journal").exists()
