"""Runs the missing trials of a search on Ray, with progress on the screen and in a tracker."""

from __future__ import annotations

import dataclasses
import functools
import time
from pathlib import Path

from optuna.exceptions import StorageInternalError
from rich.console import Console

from rin_core.plural import plural
from study.execution import cluster, tuner
from study.ledger.databases import OPTUNA, explanation
from study.ledger.files import StudyError
from study.ledger.search_record import SearchRecord
from study.ledger.state import ENDED_WITHOUT_ERROR, TrialState
from study.planning.search import SearchPlan
from study.search.algorithm import ArmSearch
from study.search.open import open_algorithm
from study.search.optuna_store import move_unusable
from study.search.recorder import TrialRecorder
from study.search.scheduler import PerArmASHA
from study.search.searcher import RoundRobinSearcher
from study.tracking.base import CONTENT, ExperimentSpec, StudyEnd, varied_settings
from study.tracking.open import open_tracker
from study.tracking.progress import Progress
from study.tracking.specs import search_spec, trial_spec


class SearchSession:
    """Runs what is missing of a search.

    Args:
        plan: The search on one corpus.
        record: Its record, open.
        uri: Tracking URI, or ``none``.
        console: Where progress goes.

    Raises:
        TrackingError: The tracker cannot be used.
    """

    def __init__(self, plan: SearchPlan, record: SearchRecord, uri: str, console: Console) -> None:
        self.plan, self.record, self.console = plan, record, console
        self._database = plan.ledger.root / OPTUNA
        self.interrupted = False
        hours = plan.search.hours
        self._deadline = None if hours is None else time.monotonic() + 3600 * hours
        self.tracker = open_tracker(uri, experiment_spec(plan, record))

    def left(self) -> int:
        """Return how many trials have not ended, those that have not started included."""
        return self.plan.left(self.record)

    def complete(self) -> bool:
        """Tell whether the budget is spent: in trials, or in hours and equally on all arms."""
        counts = {len(self.record.of(name)) for name in self.plan.starts}
        late = self._deadline is not None and time.monotonic() >= self._deadline
        own = [trial for trial in self.record.trials if trial.arm in self.plan.starts]
        running = any(trial.state is TrialState.RUNNING for trial in own)
        return self.left() == 0 or (late and len(counts) == 1 and not running)

    def run(self, resources: cluster.Resources) -> None:
        """Run trials on Ray until every arm has its budget, or until an interruption.

        Args:
            resources: Where to run, and with how much of it.

        Raises:
            ClusterError: There is no cluster, or no room for a trial.
            StudyError: Optuna's storage cannot be used.
            OSError: The ledger, or the store, cannot be written.
        """

        def epochs() -> int:
            names = {trial.fingerprint for trial in self.record.trials}
            return sum(len(self.plan.ledger.run(name).history()) for name in names)

        try:
            once = functools.partial(self._run, resources)
            self.interrupted = not tuner.resuming(once, epochs, self.console)
        except Exception as error:
            self.tracker.on_study_end(StudyEnd(complete=False))
            if (line := explanation(self._database, error)) is not None:
                raise StudyError(line) from error
            if isinstance(error, StorageInternalError):
                text = f"{self._database}: {error}; run the same command to resume"
                raise StudyError(text) from error
            raise

    def _run(self, resources: cluster.Resources) -> bool:
        """Start Ray and run trials; return whether each has ended."""
        plan, recorded = self.plan, {arm: self.record.of(arm) for arm in self.plan.starts}
        resources = cluster.connect(resources)
        asha = PerArmASHA(
            {arm: plan.base(arm).training.max_epochs for arm in recorded}, plan.search.asha
        )
        if moved := move_unusable(self._database):
            text = f"{OPTUNA} was unusable: renamed to {moved.name}, and rebuilt from the record"
            self.console.print(text, style="yellow", highlight=False)
        algorithms = {
            arm: open_algorithm(
                ArmSearch(
                    search=plan.search,
                    arm=arm,
                    base=plan.base(arm),
                    recorded=trials,
                    database=self._database,
                    study_name=f"{plan.experiment}/{arm}",
                    started=plan.ledger.started(trial.fingerprint for trial in trials),
                )
            )
            for arm, trials in recorded.items()
        }
        for arm, trials in recorded.items():
            for trial in trials:
                epochs = len(trial.dev_f1)
                if trial.state is TrialState.RUNNING:
                    trial.update_from_history(plan.ledger.run(trial.fingerprint).history())
                    epochs = algorithms[arm].last_reported(trial.number)
                asha.remember(trial, epochs)
        recorder = TrialRecorder(plan, self.record, algorithms, asha, self.console)
        searcher = RoundRobinSearcher(
            algorithms,
            recorded,
            plan.search.budget,
            recorder,
            exchanged=plan.search.exchanged(len(recorded)),
            deadline=self._deadline,
        )
        self.console.print(cluster.describe_capacity(resources, self.left()), highlight=False)
        best, earlier = self._so_far()
        with Progress(self.console, self.left(), best=best, earlier=earlier) as progress:
            return tuner.run(
                searcher,
                asha,
                plan.plan.corpora,
                resources,
                recorder=recorder,
                callbacks=[progress, self.tracker],
                ledger=plan.ledger,
            )

    def _so_far(self) -> tuple[tuple[float, str], list[tuple[int, float]]]:
        """Return the best dev F1 with its trial, and epochs and seconds of the ended trials."""
        own = [trial for trial in self.record.trials if trial.arm in self.plan.starts]
        search, ledger = self.record.search, self.plan.ledger
        scored = [(t.best, trial_spec(t, search, ledger).name) for t in own if t.best > 0]
        ended = [trial for trial in own if trial.state in ENDED_WITHOUT_ERROR]
        took = [(len(trial.seconds), sum(trial.seconds)) for trial in ended]
        return max(scored, default=(0.0, "")), took

    def close(self, files: list[Path]) -> int:
        """Attach reports in the tracker and wait until everything is sent; return what was not."""
        self.tracker.on_study_end(StudyEnd(complete=self.complete(), files=files))
        return self.tracker.unsent


def experiment_spec(plan: SearchPlan, record: SearchRecord) -> ExperimentSpec:
    """Describe a search to a tracker."""
    search = plan.search
    given = (f"`{k}={v}`" for k, v in plan.plan.settings.items())
    settings = " ".join([f"preset {plan.preset.name}", *given])
    pruning = "no pruning"
    if search.cost is not None:
        pruning = f"objectives: dev F1 and {search.cost}, no pruning"
    measured = "" if plan.grace is None else f"{plan.grace}.\n\n"
    if search.asha is not None:
        asha = dataclasses.asdict(search.asha)
        pruning = "ASHA, " + ", ".join(f"{name} {value}" for name, value in asha.items())
    description = (
        f"**{search.title}**\n\n"
        f"Corpus `{plan.corpus.name}` · {plural(len(plan.starts), 'arm')} × "
        f"{plural(search.budget, 'trial')} · sampler {search.sampler} · {pruning} · "
        f"settings: {settings}\n\n{measured}"
        f"Each child run is one trial; a run with `rin.state = pruned` was pruned and has no "
        f"result. The best of each arm race in `{plan.confirmed}`."
    )
    between_arms = varied_settings(start.trial.config.flat() for start in plan.starts.values())
    spec = search_spec(record.search, plan.ledger, description)
    return dataclasses.replace(
        spec,
        corpus=plan.corpus,
        tags={**spec.tags, CONTENT: plan.corpus.as_read},
        varied=tuple(dict.fromkeys([*spec.varied, *between_arms])),
    )
