"""Pruning: one ASHA for each arm, which remembers the rungs of earlier sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler

from search_spaces.search import Asha
from study.ledger.schema import SearchTrial


@dataclass(frozen=True, slots=True)
class _Named:
    """The part of a trial that ASHA uses. Ray's names for trials change with every session."""

    trial_id: str


class PerArmASHA(FIFOScheduler):  # type: ignore[misc]
    """Compares each trial with the trials of its own arm.

    Args:
        max_epochs: The most epochs of a trial, by arm.
        asha: None prunes no trial.
    """

    def __init__(self, max_epochs: Mapping[str, int], asha: Asha | None) -> None:
        super().__init__()
        self._schedulers: dict[str, TrialScheduler] = {
            arm: FIFOScheduler()
            if asha is None
            else ASHAScheduler(
                time_attr="epoch",
                metric="best_dev_f1",
                mode="max",
                max_t=most - 1,  # a trial in its last epoch is not pruned
                grace_period=int(asha.grace_period),  # a plan has a number
                reduction_factor=asha.reduction_factor,
                stop_last_trials=False,
            )
            for arm, most in max_epochs.items()
        }
        self.pruned: dict[str, int] = {}
        """The epoch after which each pruned trial ended, by the trial's name."""

    def remember(self, trial: SearchTrial, epochs: int) -> None:
        """Fill the rungs with the epochs of an earlier session, which are decided already."""
        named, scheduler = _Named(trial.name), self._schedulers[trial.arm]
        scheduler.on_trial_add(None, named)
        for row in trial.rows()[:epochs]:
            scheduler.on_trial_result(None, named, row)

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Accept what Ray requires; every arm's scheduler has its metric."""
        return True

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Add a trial that starts or restarts."""
        scheduler, named = self._find(trial)
        scheduler.on_trial_add(tune_controller, named)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Decide whether a trial continues. A run that was finished before is never pruned."""
        scheduler, named = self._find(trial)
        decision = scheduler.on_trial_result(tune_controller, named, result)
        if decision != TrialScheduler.STOP or trial.config["run"]["finished"]:
            return str(TrialScheduler.CONTINUE)
        self.pruned[named.trial_id] = int(result["epoch"])
        return str(TrialScheduler.STOP)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Pass on the end of a trial."""
        scheduler, named = self._find(trial)
        scheduler.on_trial_complete(tune_controller, named, result)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """Pass on that a trial never ran."""
        scheduler, named = self._find(trial)
        scheduler.on_trial_remove(tune_controller, named)

    def _find(self, trial: Any) -> tuple[TrialScheduler, _Named]:
        run = trial.config["run"]
        return self._schedulers[run["arm"]], _Named(run["trial"])
