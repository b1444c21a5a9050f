"""Runs on Ray Tune, in the order of a plan or as a search asks for them.

Ray places the trials, keeps the slots full and restarts what dies with its worker. It is not
asked what is finished: `Tuner.restore` repeats epochs and forgets, so every start hands a new
Tuner the units that the ledger lacks, and each resumes from its own checkpoint.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import ConcurrencyLimiter

from rin_core.data.encoding import EncodedCorpus
from study.execution.cluster import Resources, nodes, room
from study.execution.packing import asked_memory, memory_limits
from study.execution.queue import Growth, InOrder, StatelessSearcher
from study.execution.recorder import Recorder
from study.execution.worker import Work, described_work, trainable
from study.ledger.shared import SharedRun
from study.ledger.store import Store
from study.tracking.base import Callback, EpochEnd

# A trial's death Tune would tell with a traceback of itself; who listens to the trial is told,
# too, and says it in a line.
logging.getLogger("ray.tune").setLevel(logging.CRITICAL)

RETRIES = 2


def run(
    work: Sequence[Work],
    corpora: Mapping[str, EncodedCorpus],
    resources: Resources,
    at_most: int,
    recorder: Recorder,
    callbacks: Sequence[Callback],
    storage: Path,
) -> None:
    """Run units in order until each has ended; SIGINT and SIGTERM end early, without an error.

    Args:
        work: Units, the most urgent first.
        corpora: Encoded corpora by key; shipped once, then shared without copies.
        resources: What a trial takes.
        at_most: Trials at once, from :func:`connect`.
        recorder: Records how trials end.
        callbacks: Receive epochs and ends.
        storage: Folder for Ray's own records, which nothing here reads back.
    """
    gpu = resources.of_trial()["GPU"] > 0
    units = (described_work(w, corpora[w.corpus_key], gpu=gpu) for w in work)
    store = next((w.run.store for w in work if isinstance(w.run, SharedRun)), None)
    search(InOrder(units), None, corpora, resources, at_most, recorder, callbacks, storage, store)


def search(
    searcher: StatelessSearcher,
    scheduler: TrialScheduler | None,
    corpora: Mapping[str, EncodedCorpus],
    resources: Resources,
    at_most: int,
    recorder: Recorder,
    callbacks: Sequence[Callback],
    storage: Path,
    store: Store | None,
) -> None:
    """Run the trials that a searcher asks for, until it asks for no more, as :func:`run` does.

    Args:
        searcher: Says what to run next.
        scheduler: Stops trials early; None stops none.
        corpora: Encoded corpora by key.
        resources: What a trial takes.
        at_most: Trials at once; at a given address only until the cluster grows or shrinks.
        recorder: Records how trials end.
        callbacks: Receive epochs and ends.
        storage: Folder for Ray's own records, in the ledger's.
        store: Where trials leave epochs and results, if their nodes do not see the ledger. Its
            address may hold a password, and goes to the workers beside the trials, of which Ray
            writes files.
    """
    handles = {key: ray.put(corpus) for key, corpus in corpora.items()}
    mark = storage.parent / f".driver-{secrets.token_hex(8)}" if store is None else None
    placed = tune.with_resources(
        tune.with_parameters(
            trainable,
            handles=handles,
            threads=_threads(resources),
            shared=None if store is None else store.uri,
            mark=mark and mark.resolve(),
        ),
        _places(resources),
    )
    limited = ConcurrencyLimiter(searcher, max_concurrent=at_most)
    ray_callbacks: list[tune.Callback] = [TrialEvents(recorder, callbacks)]
    if resources.address is not None:

        def look() -> int:
            for callback in callbacks:
                callback.on_capacity(room(resources))
            return room(resources, searcher.ahead)

        ray_callbacks.append(Growth(limited, look))
    tuner = tune.Tuner(
        placed,
        tune_config=tune.TuneConfig(
            search_alg=limited,
            scheduler=scheduler,
            num_samples=-1,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            storage_path=str(storage.resolve()),
            failure_config=tune.FailureConfig(max_failures=RETRIES),
            callbacks=ray_callbacks,
            verbose=0,
        ),
    )
    if mark is not None:
        for left in mark.parent.glob(".driver-*"):  # by a driver that was killed
            left.unlink(missing_ok=True)
        mark.touch()
    try:
        tuner.fit()
    except tune.TuneError as error:
        raise _first(error) from None
    finally:
        if mark is not None:
            mark.unlink(missing_ok=True)


def _first(error: BaseException) -> BaseException:
    """Return what ended the driver: Ray wraps it, as text, once for every level above."""
    while isinstance(error, tune.TuneError) and (inner := error.__cause__ or error.__context__):
        error = inner
    return error


def _places(resources: Resources) -> Callable[[dict[str, Any]], tune.PlacementGroupFactory]:
    """Return what says where a trial fits: CPUs, GPUs and main memory.

    Ray packs by what trials ask for, and waits for ever for what no node has. A trial larger than
    every node is given one to itself.
    """
    fixed = resources.of_trial()
    share, most = memory_limits(nodes(), fixed)

    def place(config: dict[str, Any]) -> tune.PlacementGroupFactory:
        memory = min(asked_memory(config["unit"]["memory"], share), most)
        return tune.PlacementGroupFactory([{**fixed, "memory": memory}])

    return place


def _threads(resources: Resources) -> int:
    return max(1, int(resources.cpus_per_trial))


class TrialEvents(TrialProgressCallback):  # type: ignore[misc]
    """Turns Ray's events into a study's events.

    It extends the callback that prints Ray's own tables, which Ray then leaves out.

    Args:
        recorder: Records how trials end.
        callbacks: Receive the events.
    """

    def __init__(self, recorder: Recorder, callbacks: Sequence[Callback]) -> None:
        self.recorder, self.callbacks = recorder, callbacks

    def __getstate__(self) -> dict[str, Any]:
        """Save nothing: Ray saves its tuner with the callbacks, and nothing reads that back."""
        return {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Handle a start or a restart."""
        spec = self.recorder.spec(_fingerprint(trial))
        for callback in self.callbacks:
            callback.on_trial_start(spec)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Handle an epoch."""
        if "train_loss" not in result:
            return
        event = EpochEnd(
            fingerprint=_fingerprint(trial),
            epoch=int(result["epoch"]),
            train_loss=result["train_loss"],
            f1=result["dev_f1"],
            seconds=result["seconds"],
        )
        for callback in self.callbacks:
            callback.on_epoch(event)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Handle an error or a lost worker after which the trial restarts."""
        for callback in self.callbacks:
            callback.on_trial_retry(_fingerprint(trial), _last_line(trial, of_trial=True))

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Handle an end without an error."""
        self._end(trial, None)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Handle an error after the last retry."""
        self._end(trial, _last_line(trial))

    def _end(self, trial: Any, error: str | None) -> None:
        # Ray would keep the statistics of every metric until the end of the study.
        trial.metric_analysis.clear()
        trial.metric_n_steps.clear()
        event = self.recorder.end(_fingerprint(trial), error)
        for callback in self.callbacks:
            callback.on_trial_end(event)


def _last_line(trial: Any, *, of_trial: bool = False) -> str | None:
    """Return what the last failure of a trial came to; Ray keeps all of them in one text.

    Args:
        trial: Ray's trial.
        of_trial: Only what the trial raised itself, which has a traceback; None where its worker
            was lost.
    """
    text = str(trial.get_error() or "").rpartition("Failure # ")[2].strip()
    if of_trial and '  File "' not in text:
        return None
    return (text.splitlines() or ["without a reason"])[-1]


def _fingerprint(trial: Any) -> str:
    return str(trial.config["unit"]["fingerprint"])
