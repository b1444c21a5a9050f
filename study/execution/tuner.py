"""Units on Ray Tune, in the order of a plan or as a search asks for them.

Ray places the trials, keeps the slots full and restarts what dies with its worker. It is not
asked what is finished: `Tuner.restore` repeats epochs and forgets, so every start hands a new
Tuner the units that the ledger lacks, and each resumes from its own checkpoint.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import ray
from ray import tune
from ray.tune import Callback
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import ConcurrencyLimiter

from rin_core.data.encoding import EncodedCorpus
from study.execution.cluster import Resources, nodes, room
from study.execution.packing import asked_memory, memory_limits
from study.execution.queue import Growth, InOrder, StatelessSearcher
from study.execution.worker import HEARD, Work, described_work, trainable
from study.ledger.shared import SharedRun
from study.ledger.store import Store

# A trial's death Tune would tell with a traceback of itself; who listens to the trial is told,
# too, and says it in a line.
logging.getLogger("ray.tune").setLevel(logging.CRITICAL)

RETRIES = 2


class Listener(Protocol):
    """Who hears of a trial's epochs and end, in the driver."""

    def epoch(self, fingerprint: str, row: Mapping[str, float]) -> None:
        """Called when an epoch is on disk, with what :data:`HEARD` names of it."""

    def retried(self, fingerprint: str, error: str | None) -> None:
        """Called when a trial is begun again: after an error, or as its worker was lost."""

    def ended(self, fingerprint: str, error: str | None) -> None:
        """Called when a trial has ended, with the error it ended by if Ray knows one."""

    def fits(self, slots: int) -> None:
        """Called every few seconds at a given address, with how many trials fit now."""


def run(
    work: Sequence[Work],
    corpora: Mapping[str, EncodedCorpus],
    resources: Resources,
    at_most: int,
    listener: Listener,
    storage: Path,
) -> None:
    """Run units in order until each has ended; SIGINT and SIGTERM end early, without an error.

    Args:
        work: Units, the most urgent first.
        corpora: Encoded corpora by key; shipped once, then shared without copies.
        resources: What a trial takes.
        at_most: Trials at once, from :func:`connect`.
        listener: Hears of epochs and ends.
        storage: Folder for Ray's own records, which nothing here reads back.
    """
    gpu = resources.of_trial()["GPU"] > 0
    units = (described_work(w, corpora[w.corpus_key], gpu=gpu) for w in work)
    store = next((w.run.store for w in work if isinstance(w.run, SharedRun)), None)
    search(InOrder(units), None, corpora, resources, at_most, listener, storage, store)


def search(
    searcher: StatelessSearcher,
    scheduler: TrialScheduler | None,
    corpora: Mapping[str, EncodedCorpus],
    resources: Resources,
    at_most: int,
    listener: Listener,
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
        listener: Hears of epochs and ends.
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
    callbacks: list[Callback] = [_Forward(listener)]
    if resources.address is not None:

        def look() -> int:
            listener.fits(room(resources))
            return room(resources, searcher.ahead)

        callbacks.append(Growth(limited, look))
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
            callbacks=callbacks,
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


class _Forward(TrialProgressCallback):  # type: ignore[misc]
    """Pass Ray's news on by fingerprint, in place of the callback that would print them."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener

    def __getstate__(self) -> dict[str, Any]:
        """Ray saves its tuner with the callbacks; a restored one would have nobody to tell."""
        return {}

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Hear of an epoch."""
        if "train_loss" in result:
            self.listener.epoch(_fingerprint(trial), {name: result[name] for name in HEARD})

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Hear of an end, and free what Ray would keep of it to the end of the study."""
        trial.metric_analysis.clear()
        trial.metric_n_steps.clear()
        self.listener.ended(_fingerprint(trial), None)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Hear of a trial that is begun again."""
        self.listener.retried(_fingerprint(trial), _last_line(trial, of_trial=True))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Hear of an end by an error, after the last retry."""
        self.listener.ended(_fingerprint(trial), _last_line(trial))


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
