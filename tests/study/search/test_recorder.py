"""What becomes of a search's trials, in its record."""

import io
from pathlib import Path

from rich.console import Console

from rin_core.config import Config
from study.ledger.parameters import Parameter
from study.ledger.schema import SearchTrial
from study.ledger.search_record import SearchRecord
from study.ledger.state import TrialState
from study.planning.search import SearchPlan
from study.search.algorithm import ArmSearch, SearchAlgorithm
from study.search.recorder import TrialRecorder
from study.search.scheduler import PerArmASHA
from study.search.session import SearchSession
from tests.commands import printed
from tests.searchers import plan_of


def recorder_of(plan: SearchPlan) -> tuple[TrialRecorder, SearchSession, list[SearchTrial]]:
    """Return a recorder on the plan's record, its session, and what its algorithm is told."""
    record = SearchRecord(plan.ledger, plan.experiment)
    record.open(plan.record({}))
    flag = {"name": "CategoricalDistribution", "attributes": {"choices": [True, False]}}
    assert record.content is not None
    record.content.parameters["model.task_features"] = Parameter.model_validate(flag)
    console, told = Console(file=io.StringIO(), width=200), list[SearchTrial]()
    session = SearchSession(plan, record, "none", console)

    class Told(SearchAlgorithm):
        def tell(self, trial: SearchTrial) -> None:
            told.append(trial)

    spec = ArmSearch(
        search=plan.search,
        arm="k-1",
        base=Config(),
        recorded=[],
        database=plan.ledger.root / "unused",
        study_name="unused",
    )
    algorithms = {"k-1": Told(spec)}
    return TrialRecorder(plan, record, algorithms, PerArmASHA({}, None), console), session, told


def begun(recorder: TrialRecorder, rate: float) -> str:
    """Start a trial with a learning rate, and return its fingerprint."""
    described = recorder.start("k-1", 0, {"training.learning_rate": rate})
    assert described is not None
    return str(described["fingerprint"])


def test_parameters_that_cannot_be_together_are_recorded_as_failed(
    spert_folder: Path, tmp_path: Path
) -> None:
    plan = plan_of(spert_folder, tmp_path)
    recorder, _, told = recorder_of(plan)
    assert recorder.start("k-1", 3, {"model.task_features": False}) is None
    (trial,) = recorder.record.trials
    assert (trial.state, trial.parameters) == ("failed", {"model.task_features": False})
    assert "model.task_features = False with model.rounds = 1" in trial.reason
    assert f"k-1 #3: {trial.reason}" in printed(recorder.console)
    assert SearchRecord(plan.ledger, plan.experiment).trials == [trial]
    assert recorder.start("k-1", 3, {"model.task_features": False}) is None
    assert recorder.record.trials == [trial], "recorded once"
    assert told == [trial, trial]


def test_a_worker_that_dies_costs_no_budget_the_first_time(
    spert_folder: Path, tmp_path: Path
) -> None:
    """A node or a disk may have failed: the next session resumes the trial, once."""
    plan = plan_of(spert_folder, tmp_path)
    for reason in ("disk full", "disk full again"):
        recorder, session, told = recorder_of(plan)
        budget = session.left()
        fingerprint = begun(recorder, 2e-3)
        event = recorder.end(fingerprint, reason)
        (trial,) = recorder.record.trials
        if reason == "disk full":
            assert (told, trial.state, session.left()) == ([], "running", budget)
            assert not session.complete()
            assert event.state is TrialState.RUNNING
            assert event.reason == "disk full; run the same command to retry"
    assert (told, trial.state, trial.reason) == ([trial], "failed", "disk full again")
    assert session.left() == budget - 1
    assert (event.state, event.reason) == (TrialState.FAILED, "disk full again")
    assert SearchRecord(plan.ledger, plan.experiment).trials == [trial]


def test_a_run_that_diverges_has_failed_at_once(spert_folder: Path, tmp_path: Path) -> None:
    plan = plan_of(spert_folder, tmp_path)
    recorder, _, told = recorder_of(plan)
    fingerprint = begun(recorder, 9e-3)
    plan.ledger.run(fingerprint).record_failure("epoch 1: the training loss is nan")
    event = recorder.end(fingerprint, None)
    assert (event.state, event.reason) == (TrialState.FAILED, "epoch 1: the training loss is nan")
    assert told == recorder.record.trials
