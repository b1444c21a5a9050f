"""A search while it runs: the record first, then Optuna, ASHA's rungs, MLflow and the screen."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from optuna.exceptions import StorageInternalError
from rich.console import Console

from rin_core.errors import ConfigError
from study.execution import cluster, tuner
from study.execution.interrupt import watched
from study.execution.worker import Work, described_work
from study.ledger.files import StudyError
from study.ledger.run import Run
from study.ledger.search_record import SearchRecord, SearchTrial
from study.ledger.state import TrialState
from study.planning.grid import short
from study.planning.search import SearchPlan
from study.search.optuna_store import decided, open_storage
from study.search.searcher import ArmSearch, EqualBudgets, Rungs
from study.tracking.base import ExperimentSpec, RunSpec, StudyEnd, TrialEnd
from study.tracking.open import open_tracker
from study.tracking.progress import Progress

DATABASE = "optuna.db"


class SearchStudy:
    """Runs what is left of a search.

    Args:
        plan: The search on one corpus.
        record: Its record, open.
        uri: MLflow's tracking URI, or ``none``.
        out: Output folder.
        console: Where progress goes.

    Raises:
        TrackingError: MLflow cannot be used.
    """

    def __init__(
        self, plan: SearchPlan, record: SearchRecord, uri: str, out: Path, console: Console
    ) -> None:
        self.plan, self.record, self.out, self.console = plan, record, out, console
        self._running: dict[str, SearchTrial] = {}
        self._gpu = False
        self.interrupted = False
        hours = plan.search.hours
        self._deadline = None if hours is None else time.monotonic() + 3600 * hours
        # A unit's first trial names it: one that could not be has its arm's.
        known = {trial.fingerprint: self._spec(trial) for trial in reversed(record.trials)}
        self.tracker = open_tracker(uri, self._experiment(known))

    def left(self) -> int:
        """Return how many trials have still to begin or to end."""
        budget = self.plan.search.budget
        ended = dict.fromkeys(self.plan.starts, 0)
        for trial in self.record.trials:
            if trial.arm in ended:
                ended[trial.arm] += trial.state != "running"
        return sum(max(0, budget - count) for count in ended.values())

    def complete(self) -> bool:
        """Tell whether the budget is spent: in trials, or in hours and equally on all arms."""
        counts = {len(self.record.of(name)) for name in self.plan.starts}
        late = self._deadline is not None and time.monotonic() >= self._deadline
        running = any(t.state == "running" for t in self.record.trials if t.arm in self.plan.starts)
        return self.left() == 0 or (late and len(counts) == 1 and not running)

    def run(self, resources: cluster.Resources) -> None:
        """Run trials on Ray until every arm has its budget, or until an interruption.

        Args:
            resources: Where, and with how much of it.

        Raises:
            ClusterError: No cluster there, or no room for a trial.
            StudyError: Optuna's storage cannot be used.
            OSError: The ledger, or the store, cannot be written.
        """
        try:
            resources = resources.settled()
            slots = cluster.connect(resources)
            cluster.require_card(resources, self._largest(), self.plan.plan.corpora)
            self._run(resources, slots)
        except StorageInternalError as error:
            self.tracker.on_study_end(StudyEnd(complete=False))
            path = self.out / DATABASE
            raise StudyError(f"{path}: {error}; the same command goes on from here") from error
        except Exception:
            self.tracker.on_study_end(StudyEnd(complete=False))
            raise

    def _largest(self) -> Iterator[Work]:
        """Yield what takes most of a card that the search may come to, in each arm."""
        for p in self.plan.starts.values():
            for config in self.plan.search.largest(p.trial.config):
                yield Work(run=p.run, config=config, corpus_key=p.corpus_key)

    def _run(self, resources: cluster.Resources, slots: int) -> None:
        self._gpu = resources.of_trial()["GPU"] > 0
        self.console.print(cluster.at_once(resources, self.left()), highlight=False)
        arms, rungs = self._open_arms()
        searcher = EqualBudgets(arms, self.plan.search.budget, rungs, self, self._deadline)
        progress = Progress(self.console, self.left())
        progress.on_capacity(slots)
        corpora, storage = self.plan.plan.corpora, self.out / "ray"
        store, callbacks = self.plan.ledger.store, [progress, self.tracker]
        with progress, watched() as interruption:
            tuner.search(
                searcher, rungs, corpora, resources, slots, self, callbacks, storage, store
            )
        self.interrupted = interruption.happened

    def _open_arms(self) -> tuple[dict[str, ArmSearch], Rungs]:
        """Bring Optuna and the rungs in line with the record."""
        storage, search = open_storage(self.out / DATABASE), self.plan.search
        epochs = {name: self.plan.base(name).training.max_epochs for name in self.plan.starts}
        arms, rungs = {}, Rungs(epochs, search.asha)
        for name in self.plan.starts:
            study, recorded = f"{self.plan.experiment}/{name}", self.record.of(name)
            arm = ArmSearch(search, name, self.plan.base(name), storage, study, recorded)
            arms[name] = arm
            for trial in recorded:
                if trial.state == "running":
                    trial.see(self.plan.ledger.run(trial.fingerprint).history())
                    rungs.remember(trial, decided(arm.study, trial.number))
                else:
                    rungs.remember(trial, len(trial.dev_f1))
        return arms, rungs

    def begin(
        self, arm: str, number: int, parameters: Mapping[str, Any]
    ) -> tuple[SearchTrial, dict[str, Any] | None] | None:
        """Record a trial, or find it recorded; see :class:`~study.search.searcher.Book`."""
        try:
            config, run = self.plan.run(arm, parameters)
        except ConfigError as error:
            return self._impossible(arm, number, parameters, str(error)), None
        if run.fingerprint in self._running:
            return None
        run.refresh()
        trial = self.record.find(arm, number) or self.record.add(
            SearchTrial(
                arm=arm,
                number=number,
                parameters=dict(parameters),
                fingerprint=run.fingerprint,
                config=config.flat(),
                inherited=len(run.history()),
            )
        )
        self._running[run.fingerprint] = trial
        work = Work(run=run, config=config, corpus_key=self.plan.starts[arm].corpus_key)
        corpus = self.plan.plan.corpora[work.corpus_key]
        extra = {"arm": arm, "trial": trial.name, "finished": run.result() is not None}
        described = described_work(work, corpus, gpu=self._gpu)
        return trial, {**described, **extra, "judged": True}

    def _impossible(
        self, arm: str, number: int, parameters: Mapping[str, Any], reason: str
    ) -> SearchTrial:
        """Record a trial whose parameters cannot be together: it has failed before it began."""
        start = self.plan.starts[arm]
        trial = self.record.find(arm, number) or self.record.add(
            SearchTrial(
                arm=arm,
                number=number,
                parameters=dict(parameters),
                fingerprint=start.run.fingerprint,  # of the arm; there is no such run
                config=start.trial.config.flat(),
                state="failed",
                reason=reason,
            )
        )
        self.console.print(f"{trial.name}: {reason}", style="yellow", markup=False)
        return trial

    def spec(self, fingerprint: str) -> RunSpec:
        """Return a running trial as callbacks see it."""
        return self._spec(self._running[fingerprint])

    def conclude(
        self, arm: str, number: int, *, stopped: int | None, error: bool
    ) -> SearchTrial | None:
        """Record what became of a trial; see :class:`~study.search.searcher.Book`.

        A node, a card or a disk may have failed and not the trial, so one that ends by an error
        gets a second session before it has used up a part of its arm's budget.
        """
        trial = self.record.find(arm, number)
        assert trial is not None
        run = self.plan.ledger.run(trial.fingerprint)
        run.refresh()
        # Of epochs that another study trained, it was judged by those it came to.
        trial.see(run.history()[:stopped])
        before, trial.reason = trial.reason, ""
        if run.result() is not None:
            trial.state = "finished"
        elif stopped is not None:
            self._stop(trial, run)
        elif (failure := run.failure()) is not None:
            trial.state, trial.reason = "failed", failure["reason"]
        elif error:
            trial.state, trial.reason = "failed" if before else "running", "its worker died"
        self.record.save()
        return None if trial.state == "running" else trial

    def _stop(self, trial: SearchTrial, run: Run) -> None:
        trial.state = "stopped"
        trial.reason = (
            f"dev F1 {100 * trial.best:.1f} after epoch {len(trial.dev_f1)} is not among the "
            f"best of {trial.arm} at this rung"
        )
        run.record_pruned(len(trial.dev_f1), f"{self.plan.experiment} {trial.name}: {trial.reason}")

    def end(self, fingerprint: str, error: str | None) -> TrialEnd:
        """Describe the end of a trial, which is in the record already."""
        trial = self._running.pop(fingerprint)
        if error is not None and trial.state in ("failed", "running"):
            trial.reason = error
            if trial.state == "failed":
                self.plan.ledger.run(fingerprint).record_failure(error)
            self.record.save()
        reason = trial.reason
        if trial.state == "running" and reason:
            reason += "; the same command tries once more"
        return TrialEnd(
            fingerprint=fingerprint,
            state=TrialState("pruned" if trial.state == "stopped" else trial.state),
            f1=trial.best,
            epochs=len(trial.dev_f1),
            seconds=sum(trial.seconds),
            reason=reason,
        )

    def close(self, files: list[Path]) -> int:
        """Attach reports in the tracker and wait until everything is sent; return what was not."""
        self.tracker.on_study_end(StudyEnd(complete=self.complete(), files=files))
        return self.tracker.unsent

    def _experiment(self, runs: Mapping[str, RunSpec]) -> ExperimentSpec:
        return ExperimentSpec(
            name=self.plan.experiment,
            description=_description(self.plan),
            runs=runs,
            tags={"space": self.plan.search.name, "corpus": self.plan.corpus.name},
            artifacts=self.out / "artifacts",
            corpus=self.plan.corpus,
        )

    def _spec(self, trial: SearchTrial) -> RunSpec:
        tags = {
            "arm": trial.arm,
            "corpus": self.plan.corpus.name,
            "seed": self.plan.search.seed,
            "space": self.plan.search.name,
            "rin.trial": trial.name,
        }
        label = self.plan.starts[trial.arm].trial.label if trial.arm in self.plan.starts else ""
        return RunSpec(
            run=self.plan.ledger.run(trial.fingerprint),
            experiment=self.plan.experiment,
            name=f"{trial.name} · {short(label) or trial.arm}",
            params={"arm": trial.arm, "corpus": self.plan.corpus.name, **trial.config},
            tags={name: str(value) for name, value in tags.items()},
            max_epochs=int(trial.config["training.max_epochs"]),
            pruned_after=len(trial.dev_f1) if trial.state == "stopped" else None,
        )


def _description(plan: SearchPlan) -> str:
    search = plan.search
    settings = " ".join(f"`{k}={v}`" for k, v in plan.plan.settings.items()) or "the paper's"
    stopping = "every trial to its end"
    if search.asha is not None:
        asha = dataclasses.asdict(search.asha)
        stopping = "ASHA, " + ", ".join(f"{name} {value:g}" for name, value in asha.items())
    return (
        f"**{search.title}**\n\n"
        f"Corpus `{plan.corpus.name}` · {len(plan.starts)} arms × {search.budget} trials · "
        f"sampler {search.sampler} · {stopping} · settings: {settings}\n\n"
        f"Each child run is one trial; a run with `rin.state = pruned` was pruned and has no "
        f"result. The best of each arm is confirmed in `{plan.confirmed}`."
    )
