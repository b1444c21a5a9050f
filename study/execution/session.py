"""A study while it runs: Ray's trials on one side, progress and MLflow on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from rin_core.data.encoding import EncodedCorpus
from study.execution import cluster, tuner
from study.execution.interrupt import watched
from study.execution.worker import Work
from study.planning.grid import Experiment, Plan, PlannedTrial, together
from study.tracking.base import Planned, Tracked, Tracking
from study.tracking.open import track
from study.tracking.progress import Progress


class Study:
    """Runs what is left of experiments and keeps MLflow in line with the ledger.

    Args:
        experiments: All trials, finished ones too; a trial may be in several.
        uri: MLflow's tracking URI, or ``none``.
        out: Output folder.
        console: Where progress goes.

    Raises:
        TrackingError: MLflow cannot be used.
    """

    def __init__(
        self,
        experiments: Sequence[Experiment],
        uri: str,
        out: Path,
        console: Console,
    ) -> None:
        self.experiments, self.out, self.console = experiments, out, console
        self._progress: Progress | None = None
        self._units = {p.run.fingerprint: p.run for p in together(experiments)}
        self._trackers: dict[str, Tracking] = {}
        """By experiment."""
        self._told: dict[str, list[Tracking]] = {name: [] for name in self._units}
        """Who hears of a unit."""
        self.epochs_alone = 0.0
        """Seconds that the epochs would have taken had no slot ever waited."""
        self.interrupted = False
        self.pages: list[str] = []
        for experiment in experiments:
            tracker = self._trackers[experiment.name] = track(uri, _tracked(experiment, out))
            self.pages.append(tracker.page)
            for p in experiment.trials:
                self._told[p.run.fingerprint].append(tracker)
                if p.run.history():
                    tracker.settle(p.run.fingerprint)

    def run(self, left: Sequence[PlannedTrial], resources: cluster.Resources) -> None:
        """Run trials on Ray until each has ended, or until an interruption.

        Args:
            left: What the ledger lacks.
            resources: Where, and with how much of it.

        Raises:
            ClusterError: No cluster there, or no room for a trial.
            OSError: The ledger, or the store, cannot be written.
        """
        corpora = {k: c for e in self.experiments for k, c in e.plan.corpora.items()}
        work = [Work(run=p.run, config=p.trial.config, corpus_key=p.corpus_key) for p in left]
        try:
            resources = resources.settled()
            slots = cluster.connect(resources)
            cluster.require_card(resources, work, corpora)
            self._run(work, corpora, resources, slots, left)
        except Exception:
            for tracker in self._trackers.values():
                tracker.close("FAILED")
            raise

    def _run(
        self,
        work: Sequence[Work],
        corpora: Mapping[str, EncodedCorpus],
        resources: cluster.Resources,
        slots: int,
        left: Sequence[PlannedTrial],
    ) -> None:
        self.console.print(cluster.at_once(resources, len(left)), highlight=False)
        names = {p.run.fingerprint: p.name for p in left}
        epochs = {p.run.fingerprint: p.trial.config.training.max_epochs for p in left}
        splits = {p.run.fingerprint: p.split for p in left}
        with Progress(self.console, names, epochs, slots, splits=splits) as self._progress:
            with watched() as interruption:
                tuner.run(work, corpora, resources, slots, self, self.out / "ray")
            self.interrupted = interruption.happened
            for fingerprint in self._progress.running:  # of these Ray says nothing
                self._settle(fingerprint)
            self.epochs_alone = self._progress.alone

    def epoch(self, fingerprint: str, row: Mapping[str, float]) -> None:
        """Hear of an epoch."""
        assert self._progress is not None
        self._progress.epoch(fingerprint, row)
        for tracker in self._told[fingerprint]:
            tracker.epoch(fingerprint, int(row["epoch"]))

    def retried(self, fingerprint: str, error: str | None) -> None:
        """Hear of a trial that is begun again."""
        assert self._progress is not None
        self._progress.retry(fingerprint, error)

    def fits(self, slots: int) -> None:
        """Hear how many trials fit now."""
        assert self._progress is not None
        self._progress.fits(slots)

    def ended(self, fingerprint: str, error: str | None) -> None:
        """Hear of the end of a trial; what it came to is read from the ledger."""
        assert self._progress is not None
        unit = self._units[fingerprint]
        unit.refresh()
        if (result := unit.result()) is not None:
            epochs = len(result["history"])
            self._progress.finish(fingerprint, result["dev"]["f1"], epochs, result["seconds"])
        else:
            if error is not None:
                unit.record_failure(error)
            failure = unit.failure() or {"reason": "stopped before its end"}
            self._progress.fail(fingerprint, failure["reason"])
        self._settle(fingerprint)

    def _settle(self, fingerprint: str) -> None:
        for tracker in self._told[fingerprint]:
            tracker.settle(fingerprint)

    def close(self, reports: Mapping[str, Sequence[Path]]) -> int:
        """Attach the reports in MLflow and wait until everything is sent.

        Args:
            reports: Each experiment's files.

        Returns:
            How many writes to MLflow failed.
        """
        unsent = 0
        for experiment in self.experiments:
            complete = all(p.run.result() is not None for p in experiment.trials)
            status = "FINISHED" if complete else "FAILED"
            unsent += self._trackers[experiment.name].close(status, reports[experiment.name])
        return unsent


def _tracked(experiment: Experiment, out: Path) -> Tracked:
    plan, trials = experiment.plan, experiment.trials
    return Tracked(
        name=experiment.name,
        description=_description(experiment),
        planned={p.run.fingerprint: _planned(p, plan) for p in trials},
        tags={"space": plan.space.name, "corpus": experiment.corpus_name},
        artifacts=out / "artifacts",
        corpus=plan.corpora[trials[0].corpus_key],
    )


def _planned(planned: PlannedTrial, plan: Plan) -> Planned:
    trial, corpus = planned.trial, plan.corpora[planned.corpus_key]
    tags: dict[str, Any] = {
        "arm": trial.arm,
        "corpus": planned.corpus_name,
        "seed": trial.seed,
        "space": plan.space.name,
        "corpus_digest": corpus.digest,
        "settings": " ".join(f"{k}={v}" for k, v in plan.settings.items()) or "paper",
    }
    params = {"arm": trial.arm, "corpus": planned.corpus_name, **trial.config.flat()}
    pretrained = corpus.vectors or corpus.pretrained
    params["vectors"] = pretrained.name if pretrained else "random"
    return Planned(
        run=planned.run,
        name=planned.name,
        params=params,
        tags={name: str(value) for name, value in tags.items()},
        selection=planned.split,
    )


def _description(experiment: Experiment) -> str:
    plan, trials = experiment.plan, experiment.trials
    arms = dict.fromkeys(p.trial.label for p in trials)
    seeds = dict.fromkeys(p.trial.seed for p in trials)
    settings = " ".join(f"`{k}={v}`" for k, v in plan.settings.items()) or "the paper's"
    return (
        f"**{plan.space.title}**\n\n"
        f"Corpus `{experiment.corpus_name}` · {len(arms)} arms × {len(seeds)} seeds · "
        f"settings: {settings}\n\n"
        "Each child run is one trial; the figure and the table are artifacts of this run."
    )
