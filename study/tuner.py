"""Units on Ray Tune, in the order of a plan or as a search asks for them.

Ray places the trials, keeps the slots full and restarts what dies with its worker. It is not
asked what is finished: `Tuner.restore` repeats epochs and forgets, so every start hands a new
Tuner the units that the ledger lacks, and each resumes from its own checkpoint.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

# Before ray: trials keep the working directory, so that relative paths mean what they say;
# Ray reports no usage, prints no tables, and writes neither logs of results nor snapshots, of
# which the ledger has what counts.
os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", str(10**6))
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
# A trial that fails for good before its first epoch's end has nothing to report.
os.environ.setdefault("TUNE_DISABLE_STRICT_METRIC_CHECKING", "1")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import ray
from ray import tune
from ray.tune import Callback
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.search import ConcurrencyLimiter

from rin_core.batching import EncodedCorpus
from rin_core.config import Config
from rin_core.training import Diverged
from study.footprint import footprint
from study.ledger import SharedUnit, StudyError, Superseded, Unit
from study.packing import asked_memory, memory_limits, slots
from study.provenance import code_version
from study.searcher import EqualBudgets, Growth, InOrder, Rungs
from study.store import Store
from study.trial import run_unit

# Ray's notices are about files and settings of its own. A trial's death Tune would tell with a
# traceback of itself; who listens to the trial is told, too, and says it in a line.
logging.getLogger("ray").setLevel(logging.ERROR)
logging.getLogger("ray.tune").setLevel(logging.CRITICAL)

RETRIES = 2
ROOT = Path(__file__).parents[1]
#: A cluster's nodes need Ray and the libraries, not this project: it is sent to them.
SHIPPED = [str(ROOT / name) for name in ("rin_core", "search_spaces", "study")]


class ClusterError(StudyError):
    """The cluster cannot be reached, or can never hold a trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One unit to run."""

    unit: Unit
    config: Config
    corpus_key: str
    """Which of the encoded corpora it trains on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a trial takes, and how many may run at once."""

    cpus_per_trial: float
    gpus_per_trial: float
    max_concurrent: int | None
    address: str | None

    def of_trial(self) -> dict[str, float]:
        """Return what a trial takes, by Ray's names."""
        return {"CPU": self.cpus_per_trial, "GPU": self.gpus_per_trial}

    def __str__(self) -> str:
        return f"a trial of {self.cpus_per_trial:g} CPUs and {self.gpus_per_trial:g} GPUs"


class Listener(Protocol):
    """Who hears of a trial's epochs and end, in the driver."""

    def epoch(self, fingerprint: str, row: Mapping[str, float]) -> None:
        """Called when an epoch is on disk, with what :data:`HEARD` names of it."""

    def retried(self, fingerprint: str) -> None:
        """Called when a trial has lost its worker, or failed, and is begun again."""

    def ended(self, fingerprint: str, error: str | None) -> None:
        """Called when a trial has ended, with the error it ended by if Ray knows one."""


def connect(resources: Resources) -> int:
    """Start Ray here, or join the cluster at an address; SIGTERM is from then on an interruption.

    Returns:
        How many trials fit at once; at a given address, where nodes may still join, at least one.

    Raises:
        ClusterError: No cluster there, or this machine has no room for even one trial.
    """
    if not ray.is_initialized():
        try:
            ray.init(
                address=resources.address or "local",  # None would join a cluster of this host
                include_dashboard=None if resources.address else False,
                log_to_driver=False,
                logging_level="ERROR",
                configure_logging=False,
                runtime_env=resources.address and {"py_modules": SHIPPED},
            )
        except SystemExit as ended:  # Ray's answer to a SIGTERM while it starts
            raise KeyboardInterrupt from ended
        except Exception as error:  # Ray raises plain ones when its own processes die
            given = resources.address
            where = f"--ray-address {given}" if given else "Ray did not start"
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ClusterError(f"{where}: {reason}; the same command tries again") from error
    # Ray ends a driver at once on SIGTERM; a batch system that sends it means "stop".
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    fits = slots(_nodes(), resources.of_trial())
    if fits < 1 and resources.address is None:
        total = ray.cluster_resources()
        raise ClusterError(
            f"no room for {resources}: this machine has {total.get('CPU', 0):g} CPUs and "
            f"{total.get('GPU', 0):g} GPUs; lower --cpus-per-trial or --gpus-per-trial"
        )
    return max(1, min(fits, resources.max_concurrent or fits))


def at_once(resources: Resources, left: int) -> str:
    """Say how many trials will run at once, of those that are left."""
    fits = slots(_nodes(), resources.of_trial())
    if fits < 1:
        return f"no node has room for {resources} now: trials wait for one that has"
    most = min(left, resources.max_concurrent or left)
    more = ", more as nodes join" if resources.address and most > fits else ""
    return f"{min(fits, most)} at a time{more}"


def _room(resources: Resources, ahead: int) -> int:
    """Return how many trials to have at once: some more than fit, for whom nodes may join."""
    most = slots(_nodes(), resources.of_trial()) + ahead
    return min(most, resources.max_concurrent or most)


def _nodes() -> list[Mapping[str, float]]:
    """Return the resources of each node that is there now."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def require_listener(address: str | None) -> None:
    """Refuse an address where nobody listens: Ray would wait for minutes and then abort.

    Raises:
        ValueError: An address of Ray Client, through which Tune cannot reach the driver.
        ClusterError: Nobody listens there.
    """
    if (address or "").startswith("ray://"):
        raise ValueError(
            f"--ray-address {address}: a study cannot run through Ray Client; give the command on "
            "the cluster's head, there or by `ray job submit`, with --ray-address auto"
        )
    host, _, port = (address or "").rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise ClusterError(
            f"--ray-address {address}: {error}; start the cluster, or leave the option out to "
            "use this machine"
        ) from error


def default_gpus(address: str | None) -> float:
    """Return the GPUs of a trial where nobody said: one, if there is one at all."""
    if address is not None:
        connect(Resources(cpus_per_trial=1, gpus_per_trial=0, max_concurrent=1, address=address))
        return float(bool(ray.cluster_resources().get("GPU", 0)))
    import torch

    return float(torch.cuda.is_available())


def require_card(
    resources: Resources, work: Iterable[Work], corpora: Mapping[str, EncodedCorpus]
) -> None:
    """Refuse a share of this machine's GPU that is too small for a trial.

    Fractions are bookkeeping: all trials see the whole card, and the last to come finds it full.

    Raises:
        ClusterError: Says how much a trial needs.
    """
    share = resources.gpus_per_trial
    if not 0 < share < 1 or resources.address is not None:
        return
    import torch

    card = torch.cuda.get_device_properties(0).total_memory
    needed = max(footprint(w.config, corpora[w.corpus_key]).card() for w in work)
    if needed > share * card:
        raise ClusterError(
            f"--gpus-per-trial {share:g}: a trial needs about {needed / 2**30:.1f} GiB of "
            f"the card's {card / 2**30:.1f}; give at least {math.ceil(100 * needed / card) / 100:g}"
        )


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
    gpu = resources.gpus_per_trial > 0
    units = (described_work(w, corpora[w.corpus_key], gpu=gpu) for w in work)
    store = next((w.unit.store for w in work if isinstance(w.unit, SharedUnit)), None)
    search(InOrder(units), None, corpora, resources, at_most, listener, storage, store)


def search(
    searcher: InOrder | EqualBudgets,
    rungs: Rungs | None,
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
        rungs: What stops trials early; None for nothing.
        corpora: Encoded corpora by key.
        resources: What a trial takes.
        at_most: Trials at once; at a given address only until the cluster grows or shrinks.
        listener: Hears of epochs and ends.
        storage: Folder for Ray's own records.
        store: Where trials leave epochs and results, if their nodes do not see the ledger. Its
            address may hold a password, and goes to the workers beside the trials, of which Ray
            writes files.
    """
    handles = {key: ray.put(corpus) for key, corpus in corpora.items()}
    trainable = tune.with_resources(
        tune.with_parameters(
            _trainable,
            handles=handles,
            threads=_threads(resources),
            shared=None if store is None else store.uri,
        ),
        _places(resources),
    )
    limited = ConcurrencyLimiter(searcher, max_concurrent=at_most)
    callbacks: list[Callback] = [_Forward(listener)]
    if resources.address is not None:
        callbacks.append(Growth(limited, lambda: _room(resources, searcher.ahead)))
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=limited,
            scheduler=rungs,
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
    tuner.fit()


def _places(resources: Resources) -> Callable[[dict[str, Any]], tune.PlacementGroupFactory]:
    """Return what says where a trial fits: CPUs, GPUs and main memory.

    Ray packs by what trials ask for, and waits for ever for what no node has. A trial larger than
    every node is given one to itself.
    """
    fixed = resources.of_trial()
    share, most = memory_limits(_nodes(), fixed)

    def place(config: dict[str, Any]) -> tune.PlacementGroupFactory:
        memory = min(asked_memory(config["unit"]["memory"], share), most)
        return tune.PlacementGroupFactory([{**fixed, "memory": memory}])

    return place


def _threads(resources: Resources) -> int:
    return max(1, int(resources.cpus_per_trial))


def described_work(work: Work, corpus: EncodedCorpus, *, gpu: bool) -> dict[str, Any]:
    """Return what a worker needs to run a unit, in plain values.

    A search adds its own: with ``judged`` the epochs that the unit has are reported as well.

    Args:
        work: The unit.
        corpus: What it trains on.
        gpu: It computes on a GPU, whose memory is then what it needs most of.
    """
    return {
        "fingerprint": work.unit.fingerprint,
        "path": str(work.unit.path.resolve()),
        "config": work.config.flat(),
        "corpus": work.corpus_key,
        "code": code_version(),
        "memory": footprint(work.config, corpus).host(gpu=gpu),
    }


def _trainable(
    config: dict[str, Any], handles: Mapping[str, Any], threads: int, shared: str | None
) -> None:
    """Run one unit inside a Ray worker, which may have run others before."""
    described = config["unit"]
    corpus: EncodedCorpus = ray.get(handles[described["corpus"]])
    with _folder(described, shared) as unit:
        _run(described, corpus, unit, threads)


@contextmanager
def _folder(described: Mapping[str, Any], shared: str | None) -> Iterator[Unit]:
    """Open a unit's folder: the ledger's own, or on a node that does not see it a copy."""
    if shared is None:
        yield Unit(Path(described["path"]))
        return
    with tempfile.TemporaryDirectory(prefix="rin-") as folder:
        unit = SharedUnit(Path(folder) / described["fingerprint"], Store(shared))
        unit.refresh()
        yield unit


def _run(described: Mapping[str, Any], corpus: EncodedCorpus, unit: Unit, threads: int) -> None:
    """Train a unit and report its epochs; a failure that would come again is recorded."""
    settings = Config.from_flat(described["config"])
    gpu = bool(ray.get_gpu_ids())
    report = Reports()
    try:
        if described.get("judged"):  # epoch by epoch, as if they were trained now
            for row in unit.history():
                report(row)
        record = run_unit(
            settings,
            corpus,
            unit,
            threads=threads,
            gpu=gpu,
            code=described["code"],
            on_epoch=report,
        )
        report(record["history"][-1])
    except Diverged as error:  # it would again: a failure to record, not to retry
        unit.fail(str(error))
    except Superseded:
        pass


class Reports:
    """Report of each epoch, once, what the driver acts on; the ledger has the rest of it.

    Of every number of every trial Ray keeps six statistics and two windows of values, 2 KiB.
    """

    def __init__(self) -> None:
        self.epoch, self.best, self.seconds = 0, 0.0, 0.0

    def __call__(self, row: Mapping[str, float]) -> None:
        """Report an epoch of a trial's history, unless it or a later one was."""
        if row["epoch"] <= self.epoch:
            return
        self.epoch = int(row["epoch"])
        self.best = max(self.best, row["dev_f1"])
        self.seconds += row["seconds"]
        heard = {name: row[name] for name in HEARD}
        tune.report({**heard, "best_dev_f1": self.best, "total_seconds": self.seconds})


#: What a listener hears of an epoch.
HEARD = ("epoch", "train_loss", "dev_f1", "seconds")


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
        self.listener.retried(_fingerprint(trial))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Hear of an end by an error, after the last retry."""
        error = trial.get_error()
        lines = str(error).strip().splitlines() or [type(error).__name__]
        self.listener.ended(_fingerprint(trial), lines[-1])


def _fingerprint(trial: Any) -> str:
    return str(trial.config["unit"]["fingerprint"])
