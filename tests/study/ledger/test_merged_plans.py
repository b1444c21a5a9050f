"""Imports of a study with ``--until-decided`` that both ledgers have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rin_core.config import Config
from study.ledger.decisions import Decisions, PlannedContrast, RecordedLook
from study.ledger.ledger import Ledger
from study.ledger.schema import PlannedRun, Study
from study.ledger.transfer import merge
from tests.records import NO_PREDICTIONS, a_planned_run, a_result, a_study

SLOW = Config().override("training.learning_rate", 1e-5).flat()
EARLY, LATE = "2026-01-01T00:00:00+0000", "2026-01-02T00:00:00+0000"


def a_plan(looks: int = 0, margin: float = 0.5, finished_before: int = 0) -> Decisions:
    return Decisions(
        endpoint="selected",
        margin=margin,
        level=0.05,
        looks=[1, 2],
        efficacy_gamma=1.0,
        equivalence_gamma=-4.0,
        futile=0.05,
        contrasts=[PlannedContrast(key="k", text="?", weights={"a": 1.0})],
        first_runs={"a": a_planned_run(0).fingerprint},
        finished_before=finished_before,
        seeds={"a": looks + 1},
        outcomes=[RecordedLook(seeds=n + 1, outcomes=[]) for n in range(looks)],
    )


def imported(ledger: Ledger, ours: Study, theirs: Study) -> tuple[Study, dict[str, str]]:
    ledger.record_study(ours)
    conflicts = merge(ledger, [theirs]).conflicts
    found = ledger.study("curve")
    assert found is not None
    return found, conflicts


def study(plan: Decisions | None, updated: str = EARLY, runs: int = 1, **changes: Any) -> Study:
    trials: list[PlannedRun] = [a_planned_run(seed, **changes) for seed in range(runs)]
    return a_study(trials, updated=updated).model_copy(update={"decisions": plan})


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runs")


@pytest.mark.parametrize("here", [0, 1])
@pytest.mark.parametrize("updated", [EARLY, LATE])
def test_of_one_plan_the_later_look_stays(ledger: Ledger, here: int, updated: str) -> None:
    theirs = study(a_plan(1 - here, finished_before=2), updated, runs=3 - here)
    found, conflicts = imported(ledger, study(a_plan(here), runs=here + 1), theirs)
    assert not conflicts
    assert found.decisions == a_plan(1, finished_before=2)


@pytest.mark.parametrize("updated", [EARLY, LATE])
def test_two_plans_are_a_conflict_and_ours_stays(ledger: Ledger, updated: str) -> None:
    ours = study(a_plan())
    found, conflicts = imported(ledger, ours, study(a_plan(margin=0.3), updated, runs=2))
    assert conflicts["curve"].startswith("decisions.margin: ")
    assert found == ours


@pytest.mark.parametrize("is_ours", [True, False])
@pytest.mark.parametrize("updated", [EARLY, LATE])
@pytest.mark.parametrize(
    "changes", [{"config": SLOW, "fingerprint": "f" * 16}, {"content": "other"}]
)
def test_a_plan_is_not_put_on_other_settings(
    ledger: Ledger, is_ours: bool, updated: str, changes: dict[str, object]
) -> None:
    with_plan = study(a_plan(), content="one")
    kept: dict[str, Any] = {"content": "one", **changes}
    without = study(None, updated, **kept)
    pair = (with_plan, without) if is_ours else (without, with_plan)
    found, conflicts = imported(ledger, *pair)
    assert set(conflicts) == {"curve"}
    assert found == pair[0]


def test_a_plan_counts_the_runs_that_were_finished_here_without_it(ledger: Ledger) -> None:
    run = a_planned_run(0)
    finished = ledger.run(run.fingerprint)
    finished.finish(a_result(run.fingerprint, config=run.config), NO_PREDICTIONS, finished.claim())
    found, conflicts = imported(ledger, study(None), study(a_plan()))
    assert not conflicts
    assert found.decisions == a_plan(finished_before=1)


def test_runs_without_a_plan_join_a_study_that_has_one(ledger: Ledger) -> None:
    found, conflicts = imported(ledger, study(a_plan()), study(None, LATE, runs=3))
    assert not conflicts
    assert found.decisions == a_plan()
    assert len(found.trials) == 3
