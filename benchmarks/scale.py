"""The cost of the driver in studies whose trials only report, compared with Ray Tune alone.

    python -m benchmarks.scale --trials 100 1000

Every trial reports ``--epochs`` times and trains nothing, so only the study itself is measured:
planning, Ray, the ledger, MLflow and the reports. Each number of trials runs in new processes: as
plain Ray Tune trials that report the same rows, as a study without tracking, and as a study with
MLflow on SQLite. With at most ``--callback`` trials, it also runs as Ray Tune trials with Ray's
``MLflowLoggerCallback``. The table has the milliseconds per trial (wall clock and the driver's CPU)
and the driver's peak memory. ``results/scale.csv`` has the time of each stage.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.table import Table

from benchmarks.command import RESULTS, run
from study.ledger.fields import SCORES
from study.ledger.origin import Code, CorpusName, Provenance
from study.ledger.schema import Epoch, Predictions, Result

ROOT = Path(__file__).parents[1]
CONSOLE = Console()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Measure the cost of the driver in studies of many trials that train nothing."""

    trials: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N")] = (100, 1000)
    """Numbers of trials to measure."""
    epochs: Annotated[int, tyro.conf.arg(metavar="N")] = 3
    """Reports per trial."""
    slots: Annotated[int, tyro.conf.arg(metavar="N")] = 2
    """Number of trials at the same time."""
    callback: Annotated[int, tyro.conf.arg(metavar="N")] = 100
    """Largest number of trials for which Ray's own MLflow callback, which is slow, is measured."""
    alone: Annotated[str, tyro.conf.arg(metavar="NAME")] = ""
    """Used by the benchmark itself: run one measurement in this process and print it."""


def epoch(number: int) -> Epoch:
    """Return what a trial reports of an epoch."""
    return Epoch(
        epoch=number,
        train_loss=1.0,
        selection_scores=dict.fromkeys(SCORES, 0.5),
        seconds=0.1,
        tokens_per_second=1e4,
    )


def report_only(
    config: dict[str, Any],
    handles: Mapping[str, Any],
    threads: int,
    shared: str | None,
    liveness_file: Path | None,
) -> None:
    """Replace a trial: write to the ledger and report to Ray, without training."""
    from study.execution.worker import Reporter
    from study.ledger.run import Run

    described = config["run"]
    run = Run(Path(described["path"]))
    token, report = run.claim(), Reporter()
    history = []
    for number in range(1, described["epochs"] + 1):
        history.append(epoch(number))
        run.record_epoch(history[-1])
        run.publish_epoch(token)
        report(history[-1])
    result = Result(
        fingerprint=run.fingerprint,
        config=described["config"],
        corpus=CorpusName(name="demo", digest="d", content="c"),
        history=history,
        best_epoch=1,
        end_reason="max_epochs",
        selection_split="dev",
        selection_scores=history[0].selection_scores,
        test_scores=history[0].selection_scores,
        seconds=0.1 * len(history),
        provenance=Provenance(code=Code(**described["code"]), hardware="", threads=threads),
    )
    run.finish(result, Predictions(relations=[], triples=[], spans=[]), token)


def bare(options: Options, count: int, folder: Path) -> dict[str, float]:
    """Run trials on Ray Tune alone and return seconds by stage."""
    return ray_tune(options, count, folder, [])


def callback(options: Options, count: int, folder: Path) -> dict[str, float]:
    """Run trials on Ray Tune with its own logging to MLflow and return seconds by stage."""
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    uri = f"sqlite:///{folder}/mlflow.db"
    logger = MLflowLoggerCallback(tracking_uri=uri, experiment_name="scale")
    return ray_tune(options, count, folder, [logger])


def ray_tune(options: Options, count: int, folder: Path, callbacks: list[Any]) -> dict[str, float]:
    """Run trials on Ray Tune without this project and return seconds by stage."""
    import ray
    from ray import tune

    import study  # noqa: F401  # the same settings of Ray's environment

    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")

    def trial(config: dict[str, Any]) -> None:
        for number in range(1, options.epochs + 1):
            tune.report(epoch(number).to_json())

    started = time.monotonic()
    tune.Tuner(
        tune.with_resources(trial, {"cpu": 1}),
        tune_config=tune.TuneConfig(  # samples: a grid of many values is slow in itself
            num_samples=count, reuse_actors=True, max_concurrent_trials=options.slots
        ),
        run_config=tune.RunConfig(storage_path=str(folder), verbose=0, callbacks=callbacks),
    ).fit()
    return {"trials": time.monotonic() - started}


def study(options: Options, count: int, folder: Path, uri: str) -> dict[str, float]:
    """Run a study and return seconds by stage."""
    import ray

    from search_spaces.space import Arm, Grid
    from study.execution import session, tuner
    from study.execution.cluster import Resources
    from study.ledger.ledger import Ledger
    from study.planning.grid import make_plan
    from study.tracking.base import StudyEnd

    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    # Modules whose functions this benchmark replaces.
    driver: Any = session
    workers: Any = tuner
    described = driver.run_config
    workers.trainable = report_only
    epochs = {"epochs": options.epochs}
    driver.run_config = lambda *run: described(*run) | epochs
    ledger, found, started = Ledger(folder), {}, time.monotonic()

    def stage(name: str) -> None:
        nonlocal started
        found[name] = time.monotonic() - started
        started = time.monotonic()

    grid = Grid(
        name="scale", title="?", arms=(Arm(name="a", label="A"),), seeds=tuple(range(count))
    )
    plan = make_plan(grid, ledger, ["demo"], seeds=range(count))
    experiments = plan.experiments()
    for experiment in experiments:
        ledger.record_study(experiment.record({"space": ["scale"], "data": ["demo"]}))
    stage("planning")
    running = session.StudySession(experiments, uri, ledger, Console(quiet=True))
    stage("MLflow opened")
    running.run(
        plan.trials,
        Resources(cpus_per_trial=1, gpus_per_trial=0, max_concurrent=options.slots, address=None),
    )
    stage("trials")
    running.close({experiment.name: StudyEnd(complete=True) for experiment in experiments})
    stage("reports, MLflow's rest")
    assert all(p.run.result() for p in plan.trials)
    return found


def untracked(options: Options, count: int, folder: Path) -> dict[str, float]:
    """Run a study that tracks nothing and return seconds by stage."""
    return study(options, count, folder, "none")


def tracked(options: Options, count: int, folder: Path) -> dict[str, float]:
    """Run a study with MLflow; return seconds by stage, and the CPU time of MLflow's thread."""
    from study.tracking.mlflow.client import MlflowRuns

    client: Any = MlflowRuns
    update, busy = client.update, 0.0

    def timed(self: MlflowRuns, *args: Any) -> None:
        nonlocal busy
        began = time.thread_time()
        update(self, *args)
        busy += time.thread_time() - began

    client.update = timed
    found = study(options, count, folder, f"sqlite:///{folder}/mlflow.db")
    return found | {WRITING: busy}


#: Names of CPU times that are no stages: of the driver, and of its thread that writes to MLflow.
DRIVER, WRITING = "driver's CPU", "CPU of MLflow's thread"
MEASURED = {"bare": bare, "untracked": untracked, "tracked": tracked, "callback": callback}


def measure(options: Options, what: str, count: int) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scale", f"--alone={what}", f"--trials={count}"]
    command += [f"--epochs={options.epochs}", f"--slots={options.slots}"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def alone(options: Options) -> None:
    """Run one measurement here and print it with this process's memory at its highest."""
    (count,) = options.trials
    began = time.process_time()
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        found = MEASURED[options.alone](options, count, Path(folder))
    found[DRIVER] = time.process_time() - began
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    print(json.dumps({**found, "peak MiB": peak}))  # noqa: T201


def main(options: Options) -> None:
    """Measure, print, write."""
    if options.alone:
        alone(options)
        return
    names = ("ms per trial", "more than bare", "driver's CPU", "more than bare", "MiB")
    table = Table("trials", "run as", *names)
    path = RESULTS / "scale.csv"
    RESULTS.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["trials", "run as", "stage", "seconds", "peak MiB"])
        for count in options.trials:
            base: dict[str, float] = {}
            kinds = [k for k in MEASURED if k != "callback" or count <= options.callback]
            for what in kinds:
                found = measure(options, what, count)
                peak = found.pop("peak MiB")
                stages = {k: v for k, v in found.items() if k not in (DRIVER, WRITING)}
                each = {"clock": sum(stages.values()), "CPU": found[DRIVER]}
                each = {k: 1000 * v / count for k, v in each.items()}
                base = base or each
                cells = [x for k, v in each.items() for x in (f"{v:.1f}", f"{v - base[k]:+.1f}")]
                table.add_row(str(count), what, *cells, f"{peak:.0f}")
                writer.writerows(
                    [count, what, k, f"{v:.3f}", f"{peak:.0f}"] for k, v in found.items()
                )
                file.flush()
    CONSOLE.print(table)
    CONSOLE.print(f"written: {path}")


if __name__ == "__main__":
    run(Options, main, "scale")
