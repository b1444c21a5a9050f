"""Runs the missing trials of a study on Ray, with progress on the screen and in a tracker."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from rich.console import Console

from rin_core.plural import plural
from study.execution import cluster, tuner
from study.execution.queue import QueueSearcher
from study.execution.recorder import RunRecorder
from study.execution.worker import run_config
from study.ledger.ledger import Ledger
from study.planning.grid import Experiment, PlannedTrial, merge_corpora
from study.tracking.base import ExperimentSpec, RunSpec, StudyEnd, Tracker
from study.tracking.open import open_tracker
from study.tracking.progress import Progress
from study.tracking.specs import study_spec


class StudySession:
    """Runs what is missing of experiments and keeps the tracker in line with the ledger.

    Args:
        experiments: All trials, finished ones too; a trial may be in several.
        uri: Tracking URI, or ``none``.
        ledger: Has the runs.
        console: Where progress goes.

    Raises:
        TrackingError: The tracker cannot be used.
    """

    def __init__(
        self, experiments: Sequence[Experiment], uri: str, ledger: Ledger, console: Console
    ) -> None:
        self.experiments, self.ledger, self.console = experiments, ledger, console
        self.trackers: dict[str, Tracker] = {}
        """By experiment."""
        self.compute_seconds = 0.0
        """The time that the epochs would have taken if no slot had waited."""
        self.interrupted = False
        self._runs: dict[str, RunSpec] = {}
        for experiment in experiments:
            spec = experiment_spec(experiment, ledger)
            self._runs = {**spec.runs, **self._runs}
            self.trackers[experiment.name] = open_tracker(uri, spec)

    def run(
        self,
        missing: Sequence[PlannedTrial],
        resources: cluster.Resources,
        deadline: float = math.inf,
    ) -> None:
        """Run trials on Ray until each has ended, or until an interruption.

        Args:
            missing: The trials without a result.
            resources: Where to run, and with how much of it.
            deadline: No run starts after this time of the monotonic clock.

        Raises:
            ClusterError: There is no cluster, or no room for a trial.
            OSError: The ledger, or the store, cannot be written.
        """
        failed = {p.run.fingerprint for p in missing if p.run.failure()}  # of earlier commands

        def ended(planned: PlannedTrial) -> bool:
            run = planned.run
            return run.is_finished or (run.failure() is not None and run.fingerprint not in failed)

        def once() -> bool:
            left = [planned for planned in missing if not ended(planned)]
            return not left or self._run(left, resources, deadline)

        def epochs() -> int:
            return sum(len(planned.run.history()) for planned in missing)

        try:
            self.interrupted = not tuner.resuming(once, epochs, self.console)
        except Exception:
            for tracker in self.trackers.values():
                tracker.on_study_end(StudyEnd(complete=False))
            raise

    def _run(
        self, missing: Sequence[PlannedTrial], resources: cluster.Resources, deadline: float
    ) -> bool:
        """Start Ray and run trials; return whether each has ended."""
        runs = (run_config(p.run, p.trial.config, p.corpus_key) for p in missing)
        resources = cluster.connect(resources)
        self.console.print(cluster.describe_capacity(resources, len(missing)), highlight=False)
        best, earlier = self._so_far()
        with Progress(self.console, len(missing), best=best, earlier=earlier) as progress:
            try:
                return tuner.run(
                    QueueSearcher(runs, deadline),
                    None,
                    merge_corpora(self.experiments),
                    resources,
                    recorder=RunRecorder(self._runs),
                    callbacks=[progress, *self.trackers.values()],
                    ledger=self.ledger,
                )
            finally:
                self.compute_seconds += progress.compute_seconds

    def _so_far(self) -> tuple[tuple[float, str], list[tuple[int, float]]]:
        """Return the best dev F1 with its trial, and epochs and seconds of the finished trials."""
        best, took = (0.0, ""), []
        for spec in self._runs.values():
            if (result := spec.result()) is not None:
                took.append((len(result.history), result.seconds))
                if result.dev_scores is not None:
                    best = max(best, (result.dev_scores["f1"], spec.name))
        return best if best[0] else (0.0, ""), took

    def close(self, ends: Mapping[str, StudyEnd]) -> int:
        """Attach the reports in the tracker and wait until everything is sent.

        Args:
            ends: How each experiment ends, by its name.

        Returns:
            How many runs could not be sent completely.
        """
        for name, end in ends.items():
            self.trackers[name].on_study_end(end)
        return sum(tracker.unsent for tracker in self.trackers.values())

    def how_to_view(self) -> list[str]:
        """Return lines that tell a person how to open the experiments in the tracker."""
        return [line for tracker in self.trackers.values() for line in tracker.how_to_view()]


def experiment_spec(experiment: Experiment, ledger: Ledger) -> ExperimentSpec:
    """Describe an experiment to a tracker."""
    plan, trials = experiment.plan, experiment.trials
    arms = dict.fromkeys(p.trial.label for p in trials)
    seeds = dict.fromkeys(p.trial.seed for p in trials)
    given = (f"`{k}={v}`" for k, v in plan.settings.items())
    settings = " ".join([f"preset {experiment.preset.name}", *given])
    description = (
        f"**{plan.space.title}**\n\n"
        f"Corpus `{experiment.corpus_name}` · {plural(len(arms), 'arm')} × "
        f"{plural(len(seeds), 'seed')} · settings: {settings}\n\n"
        "Each child run is one trial; figures and tables are artifacts under `report/`. Scores are "
        "in points, 0 to 100."
    )
    spec = study_spec(experiment.record({}), ledger, description)
    # Arms may train on shares of its sentences.
    encoded = (plan.corpora[planned.corpus_key] for planned in trials)
    return dataclasses.replace(spec, corpus=max(encoded, key=lambda corpus: len(corpus.train)))
