"""Trials on Ray Tune.

Ray places the trials, keeps the slots full and restarts trials whose worker died. It does not
know which runs are finished: `Tuner.restore` repeats epochs and loses state. So every start gives
a new tuner the runs without a result, and each run resumes from its own checkpoint.
"""

from __future__ import annotations

import logging
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import ray
from ray import tune
from ray.exceptions import OutOfMemoryError, RayError
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import ConcurrencyLimiter
from rich.console import Console

from rin_core.data.encoding import EncodedCorpus
from rin_core.problems import first_line
from study.execution.cluster import ClusterError, Resources, capacity
from study.execution.queue import ConcurrencyUpdater, TrialSource
from study.execution.recorder import Recorder
from study.execution.signals import set_handler
from study.execution.worker import trainable
from study.ledger.ledger import Ledger
from study.tracking.base import Callback, EpochEnd

# Tune prints a traceback of its own when a trial fails; callbacks report the error in a line.
logging.getLogger("ray.tune").setLevel(logging.CRITICAL)

RETRIES = 2
#: Ray has no text for the end of a worker that ends before its trial begins.
_NOT_STARTED = "its worker did not start; a cause may be low memory (see --max-concurrent)"


def run(
    searcher: TrialSource,
    scheduler: TrialScheduler | None,
    corpora: Mapping[str, EncodedCorpus],
    resources: Resources,
    *,
    recorder: Recorder,
    callbacks: Sequence[Callback],
    ledger: Ledger,
) -> bool:
    """Run the trials of a searcher until each has ended, or until a signal ends the study.

    Args:
        searcher: Proposes the trials.
        scheduler: Prunes trials; None prunes none.
        corpora: Encoded corpora by key; sent once, then shared without copies.
        resources: From :func:`~study.execution.cluster.connect`.
        recorder: Records how trials end.
        callbacks: Receive the events.
        ledger: Has the runs. Ray's own records, which nothing here reads back, are in a folder of
            it. The address of its store may hold a password: workers get it beside the trials'
            configurations, which Ray writes to files.

    Returns:
        Whether every trial has ended; False after an interruption.
    """
    handles = {key: ray.put(corpus) for key, corpus in corpora.items()}

    def slots() -> int:
        fitting = capacity(resources)
        for callback in callbacks:
            callback.on_capacity(fitting)
        return fitting

    limiter = ConcurrencyLimiter(searcher, max_concurrent=max(1, slots()))
    ray_callbacks: list[tune.Callback] = [TrialEvents(recorder, callbacks)]
    if resources.address is not None:

        def slots_and_ahead() -> int:
            slots()
            return capacity(resources, searcher.ahead)

        ray_callbacks.append(ConcurrencyUpdater(limiter, slots_and_ahead))
    store = ledger.store
    with driver_file(ledger.root) as alive, restored_signal_handlers():
        parameters = tune.with_parameters(
            trainable,
            handles=handles,
            threads=max(1, int(resources.cpus_per_trial)),
            shared=None if store is None else store.uri,
            liveness_file=alive if store is None else None,
        )
        tuner = tune.Tuner(
            tune.with_resources(parameters, tune.PlacementGroupFactory([resources.of_trial()])),
            tune_config=tune.TuneConfig(
                search_alg=limiter,
                scheduler=scheduler,
                num_samples=-1,
                reuse_actors=True,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                storage_path=str((ledger.root / "ray").resolve()),
                failure_config=tune.FailureConfig(max_failures=RETRIES),
                callbacks=ray_callbacks,
                progress_reporter=NoReporter(),
                verbose=0,
            ),
        )
        _fit(tuner)
    return searcher.completed


def _fit(tuner: tune.Tuner) -> None:
    """Run a tuner; raise the error that ended it, which Ray wraps."""
    try:
        tuner.fit()
    except tune.TuneError as error:
        raise innermost(error) from None
    except RuntimeError as error:  # Tune expects only some of the errors of a lost worker
        if isinstance(error.__cause__, RayError):
            raise WorkersLost(error.__cause__) from None
        raise


class WorkersLost(Exception):
    """Ray lost workers and Tune stopped; the runs resume when it is started again.

    Args:
        cause: Ray's error. Its memory monitor raises one if the memory of a node runs out.
    """

    def __init__(self, cause: RayError) -> None:
        self.is_memory = isinstance(cause, OutOfMemoryError)
        super().__init__("a node ran out of memory" if self.is_memory else first_line(cause))


def resuming(once: Callable[[], bool], epochs: Callable[[], int], console: Console) -> bool:
    """Run trials; start again after Ray has lost workers, if the trials have new epochs.

    Args:
        once: Runs what is missing on a Ray that it starts; returns as :func:`run`.
        epochs: Returns how many epochs the runs have.
        console: Where to say it.

    Returns:
        Whether every trial has ended; False after an interruption.

    Raises:
        ClusterError: Workers were lost several times in a row without an epoch between.
    """
    starts, known = 0, epochs()
    while True:
        try:
            return once()
        except WorkersLost as error:
            ray.shutdown()  # also ends the workers that are left
            starts, before, known = starts + 1, known, epochs()
            if known > before:
                starts = 1
            if starts > RETRIES:
                text = f"{error}: {_remedy(error)}; run the same command to resume"
                raise ClusterError(text) from None
            text = f"{error}: the trials resume"
            console.print(text, style="yellow", highlight=False, markup=False)


def _remedy(error: WorkersLost) -> str:
    if error.is_memory:
        return "end other programs, or run fewer trials at once with --max-concurrent"
    return "see Ray's logs"


class NoReporter(tune.ProgressReporter):  # type: ignore[misc]
    """Prints nothing; in Jupyter, Ray's own reporter would display an empty output."""

    def should_report(self, trials: list[Any], done: bool = False) -> bool:
        """Return that there is nothing to report."""
        return False

    def report(self, trials: list[Any], done: bool, *sys_info: Any) -> None:
        """Report nothing."""


@contextmanager
def driver_file(folder: Path) -> Iterator[Path]:
    """Keep a file while the driver runs, by which workers see that they share its folder."""
    for left in folder.glob(".driver-*"):  # by a driver that was killed
        left.unlink(missing_ok=True)
    path = folder.resolve() / f".driver-{secrets.token_hex(8)}"
    path.touch()
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def restored_signal_handlers() -> Iterator[None]:
    """Put signal handlers back.

    Tune handles SIGINT and SIGUSR1 by ending its trials, and returns as if all had ended. Without
    a signal it leaves its handlers behind, which would swallow the next Ctrl-C.
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            set_handler(number, handler)


def innermost(error: BaseException) -> BaseException:
    """Return the error that ended the driver: Ray wraps it as text at every level above."""
    while isinstance(error, tune.TuneError) and (inner := error.__cause__ or error.__context__):
        error = inner
    return error


class TrialEvents(TrialProgressCallback):  # type: ignore[misc]
    """Turns Ray's events into a study's events.

    It extends the callback that prints Ray's own tables, which Ray then leaves out.

    Args:
        recorder: Records how trials end.
        callbacks: Receive the events.
    """

    def __init__(self, recorder: Recorder, callbacks: Sequence[Callback]) -> None:
        self.recorder, self.callbacks = recorder, callbacks
        self._started: set[str] = set()
        self._watching = False

    def __getstate__(self) -> dict[str, Any]:
        """Save nothing: Ray saves its tuner with the callbacks, and nothing reads that back."""
        return {}

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Watch the signals that end a study. Tune has its handlers by now."""
        if self._watching:
            return
        self._watching = True
        for number in (signal.SIGINT, signal.SIGUSR1):
            set_handler(number, self._announced(signal.getsignal(number)))

    def _announced(self, handler: Any) -> Callable[[int, FrameType | None], None]:
        """Return a signal handler that tells the callbacks before it calls Tune's."""

        def announce(number: int, frame: FrameType | None) -> None:
            handler(number, frame)
            for callback in self.callbacks:
                callback.on_interrupt()

        return announce

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Handle a start; a restart starts nothing new."""
        self._start(trial)

    def _start(self, trial: Any) -> str:
        """Announce a trial once, and return its fingerprint; a worker may die before it starts."""
        fingerprint = str(trial.config["run"]["fingerprint"])
        if fingerprint not in self._started:
            self._started.add(fingerprint)
            spec = self.recorder.spec(fingerprint)
            for callback in self.callbacks:
                callback.on_trial_start(spec)
        return fingerprint

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Handle an epoch."""
        if "train_loss" not in result:
            return
        event = EpochEnd(
            fingerprint=self._start(trial),
            epoch=int(result["epoch"]),
            train_loss=result["train_loss"],
            f1=result["selection_f1"],
            seconds=result["seconds"],
        )
        for callback in self.callbacks:
            callback.on_epoch(event)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Handle an error or a lost worker after which the trial restarts."""
        error = last_error(trial)
        # Only an error that the trial raised itself has a traceback; else its worker was lost.
        line = error.splitlines()[-1] if '  File "' in error else None
        fingerprint = self._start(trial)
        for callback in self.callbacks:
            callback.on_trial_retry(fingerprint, line)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Handle an end without an error."""
        self._end(trial, None)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Handle an error after the last retry."""
        self._end(trial, (last_error(trial).splitlines() or [_NOT_STARTED])[-1])

    def _end(self, trial: Any, error: str | None) -> None:
        # Ray would keep the statistics of every metric until the end of the study.
        trial.metric_analysis.clear()
        trial.metric_n_steps.clear()
        fingerprint = self._start(trial)
        event = self.recorder.end(fingerprint, error)
        self._started.remove(fingerprint)  # a later trial of a search may have the same run
        for callback in self.callbacks:
            callback.on_trial_end(event)


def last_error(trial: Any) -> str:
    """Return the text of a trial's last failure; Ray keeps all failures in one text."""
    return str(trial.get_error() or "").rpartition("Failure # ")[2].strip()
