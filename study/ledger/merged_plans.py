"""The plan of a study with ``--until-decided`` where two records of the study meet in an import.

A plan has its error rate because it was declared before the runs, for these arms and settings. So
two plans are not mixed, and a plan is not put on runs with other settings.
"""

from __future__ import annotations

from collections.abc import Collection

from rin_core.config import nondefault_settings
from study.ledger.decisions import Decisions
from study.ledger.ledger import Ledger
from study.ledger.schema import PlannedRun, Study

#: The two sides of an import, as messages name them.
HERE, THERE = "in the ledger", "in the file"
_REMEDY = "import it into another ledger, with --runs"


def plan_conflict(ours: Study, theirs: Study) -> str | None:
    """Say why two records of one study cannot be one; None if they can."""
    if ours.decisions is not None and theirs.decisions is not None:
        here, there = ours.decisions.declared(), theirs.decisions.declared()
        for name in Decisions.model_fields:
            if getattr(here, name) != getattr(there, name):
                return f"decisions.{name}: differs between the two plans; {_REMEDY}"
        return None
    for planner, other, where in ((ours, theirs, HERE), (theirs, ours, THERE)):
        if planner.decisions is None:
            continue
        first = planner.decisions.first_runs
        planned = {run.arm: run for run in planner.trials if first.get(run.arm) == run.fingerprint}
        for run in other.trials:
            if run.arm in planned and not _is_alike(planned[run.arm], run):
                return (
                    f"the study {where} has a plan of --until-decided with other settings or "
                    f"another version of the corpus for {run.arm}; {_REMEDY}"
                )
    return None


def merged_decisions(
    ledger: Ledger, ours: Study, theirs: Study, added: Collection[str]
) -> Decisions | None:
    """Return the plan of two records without a conflict, with the looks of the one further on.

    A plan that was declared elsewhere counts the runs that were finished here without it, so that
    reports name them.

    Args:
        ledger: Where the studies meet.
        ours: As recorded there.
        theirs: As imported.
        added: Runs that the import brought.
    """
    if theirs.decisions is None:
        return ours.decisions
    if ours.decisions is None:
        arms = theirs.decisions.first_runs
        before = sum(
            run.arm in arms
            and run.fingerprint not in added
            and ledger.run(run.fingerprint).is_finished
            for run in ours.trials
        )
        most = max(before, theirs.decisions.finished_before)
        return theirs.decisions.model_copy(update={"finished_before": most})
    further = max(ours.decisions, theirs.decisions, key=lambda plan: len(plan.outcomes))
    most = max(ours.decisions.finished_before, theirs.decisions.finished_before)
    return further.model_copy(update={"finished_before": most})


def _is_alike(planned: PlannedRun, run: PlannedRun) -> bool:
    """Tell whether two runs of an arm differ at most in their seed."""
    one, other = (
        nondefault_settings({k: v for k, v in config.items() if k != "encoder.model"})  # a place
        for config in (planned.config, run.config)
    )
    if one != other:
        return False
    # Records of earlier versions have no content.
    return planned.content == run.content or not (planned.content and run.content)
