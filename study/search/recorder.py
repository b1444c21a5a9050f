"""Records the trials of a search: the record first, then the arm's algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from rin_core.config import Config
from rin_core.errors import ConfigError
from rin_core.model.capacity import trained_parameters
from study.execution.worker import run_config
from study.ledger.schema import SearchTrial
from study.ledger.search_record import SearchRecord
from study.ledger.state import TrialState
from study.planning.continuing import Continuations
from study.planning.search import SearchPlan
from study.search.algorithm import SearchAlgorithm
from study.search.exchange import handed_over
from study.search.scheduler import PerArmASHA
from study.tracking.base import RunSpec, TrialEnd
from study.tracking.specs import trial_spec


class TrialRecorder:
    """Keeps the record of a search while its trials run.

    Args:
        plan: The search on one corpus.
        record: Its record, open.
        algorithms: Each arm's algorithm, by name.
        asha: Knows which trials were pruned.
        console: Where a trial that cannot run is reported.
    """

    def __init__(
        self,
        plan: SearchPlan,
        record: SearchRecord,
        algorithms: Mapping[str, SearchAlgorithm],
        asha: PerArmASHA,
        console: Console,
    ) -> None:
        self.plan, self.record, self.console = plan, record, console
        self._algorithms, self._asha = algorithms, asha
        self._continuations = Continuations(plan.ledger)
        self._running: dict[str, SearchTrial] = {}
        """By fingerprint."""

    def is_running(self, arm: str, parameters: Mapping[str, Any]) -> bool:
        """Tell whether another trial trains the same run now."""
        try:
            return self.plan.run(arm, parameters)[1].fingerprint in self._running
        except ConfigError:  # start() records why
            return False

    def start(self, arm: str, number: int, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """Record a trial, or find it recorded; see :class:`~study.search.searcher.TrialStarter`."""
        try:
            config, run = self.plan.run(arm, parameters)
        except ConfigError as error:
            start = self.plan.starts[arm]
            trial = self.record.find(arm, number) or self.record.add(
                SearchTrial(
                    arm=arm,
                    number=number,
                    parameters=dict(parameters),
                    fingerprint=start.run.fingerprint,  # the arm's; the trial has no run
                    config=start.trial.config.flat(),
                    state=TrialState.FAILED,
                    reason=str(error),
                )
            )
            self.console.print(f"{trial.name}: {error}", style="yellow", markup=False)
            self._algorithms[arm].tell(trial)
            return None
        run.refresh()
        corpus_key = self.plan.starts[arm].corpus_key
        digest = self.plan.plan.corpora[corpus_key].digest
        found = self._continuations.begin(run, config, digest)
        if found is not None and not found.obstacle:
            self.console.print(f"{arm} #{number}: {found}", highlight=False, markup=False)
        trial = self.record.find(arm, number) or self.record.add(
            SearchTrial(
                arm=arm,
                number=number,
                parameters=dict(parameters),
                fingerprint=run.fingerprint,
                config=config.flat(),
                inherited=len(run.history()),
                size=self._size(config, corpus_key),
            )
        )
        self._running[run.fingerprint] = trial
        return run_config(
            run,
            config,
            corpus_key,
            arm=arm,
            trial=trial.name,
            finished=run.is_finished,
            report_known_epochs=True,
        )

    def _size(self, config: Config, corpus_key: str) -> int | None:
        if self.plan.search.cost != "parameters":
            return None
        corpus = self.plan.plan.corpora[corpus_key]
        return trained_parameters(config, corpus.vocabulary, corpus.pretrained)

    def handed_over(self, arm: str, before: int) -> list[dict[str, Any]]:
        """Return what the other arms found; see :func:`study.search.exchange.handed_over`."""
        plan = self.plan
        return handed_over(plan.search, plan.base, plan.starts, self.record.trials, arm, before)

    def spec(self, fingerprint: str) -> RunSpec:
        """Return a running trial as callbacks see it."""
        return trial_spec(self._running[fingerprint], self.record.search, self.plan.ledger)

    def end(self, fingerprint: str, error: str | None) -> TrialEnd:
        """Record how a trial ended, and tell the arm's algorithm.

        The cause of an error may be a node, a card or a disk. So a trial that ends with an error
        stays running in the record and is resumed once by the next session, before it counts.
        """
        trial = self._running[fingerprint]
        run, pruned_after = self.plan.ledger.run(fingerprint), self._asha.pruned.get(trial.name)
        run.refresh()
        # If another study has trained the run further, the trial still has its own epochs only.
        trial.update_from_history(run.history()[:pruned_after])
        second_error, trial.reason = bool(trial.reason), ""
        reason = ""
        if (result := run.result()) is not None:
            trial.state = TrialState.FINISHED
        elif pruned_after is not None:
            trial.state = TrialState.PRUNED
            trial.reason = (
                f"dev F1 {100 * trial.best:.1f} after epoch {pruned_after} is not among the best "
                f"of {trial.arm} at this rung"
            )
            run.record_pruned(pruned_after, f"{self.plan.experiment} {trial.name}: {trial.reason}")
        elif (failure := run.failure()) is not None:
            trial.state, trial.reason = TrialState.FAILED, failure.reason
        elif error is not None:
            trial.reason = error
            if second_error:
                trial.state = TrialState.FAILED
                run.record_failure(error)
            else:
                reason = f"{error}; run the same command to retry"
        self.record.save()
        if trial.state is not TrialState.RUNNING:
            self._algorithms[trial.arm].tell(trial)
        del self._running[fingerprint]  # last: after an error above, Ray ends the trial again
        return TrialEnd(
            fingerprint=fingerprint,
            state=trial.state,
            f1=trial.best,
            epochs=len(trial.dev_f1),
            seconds=sum(trial.seconds),
            reason=reason or trial.reason,
            caveat=result.caveat if result is not None else None,
        )
