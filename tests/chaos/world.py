"""A small study on Ray, the machine under it, and what must hold whatever happens to either."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow.tracking import MlflowClient

from rin_core.dataset import load_dataset
from rin_core.demo import demo_corpus
from search_spaces import find_space
from study.ledger import Ledger
from study.trial import run_unit
from tests.conftest import as_spert
from tests.test_study import numbers

ROOT = Path(__file__).parents[2]
EXPERIMENT = "rounds_curve-my_corpus"
ARMS = ("bilstm-s", "gru-2", "rnn-1")
SEEDS = 4  # of each arm
SETTINGS: dict[str, object] = {
    "encoder.hidden_size": 16,
    "encoder.word_dim": 12,
    "model.feature_size": 12,
    "training.learning_rate": 0.01,
    "training.max_epochs": 30,
    "training.patience": 30,
}
OUT_MIB = 64  # of the file system that holds the study's output
KILLED = -signal.SIGKILL

Results = dict[str, dict[str, Any]]


def write_corpus(folder: Path) -> Path:
    """Write a corpus of 120 training sentences and return its folder."""
    folder.mkdir(parents=True)
    corpus = demo_corpus()
    for split, count in {"train": 120, "dev": 30, "test": 30}.items():
        records = [as_spert(sentence) for sentence in getattr(corpus, split)[:count]]
        (folder / f"{split}.json").write_text(json.dumps(records))
    return folder


def undisturbed(corpus: Path, folder: Path, seeds: int = SEEDS) -> Results:
    """Return every planned trial's result, each run alone, without Ray."""
    trials = find_space("rounds_curve").trials(
        [str(corpus)], arms=ARMS, seeds=range(seeds), overrides=SETTINGS
    )
    found = {}
    for trial in trials:
        encoded = load_dataset(str(corpus), trial.config)
        unit = Ledger(folder).unit(trial.config.fingerprint(encoded.digest))
        found[unit.fingerprint] = run_unit(trial.config, encoded, unit)
    return found


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class World:
    """One study in a folder of its own; use as a context."""

    folder: Path
    corpus: Path
    rng: random.Random
    seeds: int = SEEDS
    clock: str = ""
    """Offset of the clock that the next driver sees, as libfaketime reads it."""
    port: int = field(default_factory=free_port)
    driver: subprocess.Popen[bytes] | None = None
    server: subprocess.Popen[bytes] | None = None
    exits: list[int] = field(default_factory=list)

    @property
    def out(self) -> Path:
        """Return the study's output folder, a small file system of its own."""
        return self.folder / "out"

    def __enter__(self) -> World:
        for path in (self.out, self.requests):
            path.mkdir(parents=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={OUT_MIB}m", "tmpfs", str(self.out)]
        subprocess.run(mount, check=True)
        self.start_server()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_driver()
        self.kill_server()
        subprocess.run(["umount", "--lazy", str(self.out)], check=True)

    @property
    def requests(self) -> Path:
        """Return where a fault is asked for that a trial commits itself."""
        return self.folder / "requests"

    def command(self) -> list[str]:
        """Return the command line of the study."""
        settings = [word for k, v in SETTINGS.items() for word in ("--set", f"{k}={v}")]
        return [
            *(sys.executable, "study/run.py", "--data", str(self.corpus), "--out", str(self.out)),
            *("--arms", *ARMS, "--seeds", str(self.seeds), "--max-concurrent", "2", *settings),
            *("--tracking-uri", f"http://127.0.0.1:{self.port}"),
        ]

    def environment(self) -> dict[str, str]:
        """Return the environment of a driver, which its trials inherit."""
        injected = str(Path(__file__).with_name("injected"))
        found = {**os.environ, "PYTHONPATH": injected, "RIN_CHAOS": str(self.requests)}
        if self.clock:
            found |= {"FAKETIME": self.clock, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
            found |= {"LD_PRELOAD": str(next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")))}
        return found

    def start(self) -> None:
        """Start the study, or go on with it."""
        with self.log.open("ab") as log:
            self.driver = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                env=self.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def log(self) -> Path:
        """Return what the drivers have said."""
        return self.folder / "study.log"

    def running(self) -> bool:
        """Tell whether the driver runs; how it ended is kept."""
        if self.driver is None:
            return False
        if (code := self.driver.poll()) is None:
            return True
        self.exits.append(code)
        self.driver = None
        return False

    def wait(self, seconds: float) -> bool:
        """Let time pass while the driver runs and return whether it still does."""
        deadline = time.monotonic() + seconds
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.running()

    def kill_driver(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Kill the driver; what Ray started for it ends by itself, or is killed after a while."""
        if self.driver is None:
            return
        group = self.driver.pid
        self.driver.send_signal(how)
        self.driver.wait(timeout=120)
        self.running()
        deadline = time.monotonic() + 20
        while self._processes(group) and time.monotonic() < deadline:
            time.sleep(0.1)
        for pid in self._processes(group):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _processes(self, group: int) -> list[int]:
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--sid", str(group)], capture_output=True, text=True, check=False
        )
        return [int(pid) for pid in listed.stdout.split()]

    def trials(self) -> list[tuple[Path, int]]:
        """Return the folders of trials under way and the processes that train them."""
        found = []
        for path in self.out.glob("units/*/attempt.json"):
            with contextlib.suppress(OSError, ValueError):
                pid = int(json.loads(path.read_text())["pid"])
                if not (path.parent / "result.json").exists() and Path(f"/proc/{pid}").exists():
                    found.append((path.parent, pid))
        return sorted(found)

    def results(self) -> dict[str, bytes]:
        """Return the finished results, as they are on disk."""
        paths = self.out.glob("units/*/result.json")
        return {path.parent.name: path.read_bytes() for path in paths}

    def start_server(self) -> None:
        """Start MLflow's server and wait until it answers."""
        database = f"sqlite:///{self.folder}/mlflow.db"
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, cwd=self.folder
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5).close()
                return
            time.sleep(0.2)
        raise TimeoutError("MLflow's server does not answer")

    def kill_server(self) -> None:
        """Kill MLflow's server with all its workers."""
        if self.server is not None:
            os.killpg(self.server.pid, signal.SIGKILL)
            self.server.wait()
            self.server = None

    def wrong(self, wanted: Results) -> Iterator[str]:
        """Say what is not as in an undisturbed study; nothing if all is well."""
        found = {name: json.loads(text) for name, text in self.results().items()}
        for name, result in wanted.items():
            if name not in found:
                yield f"{name}: lost"
            elif numbers(found[name]) != numbers(result):
                yield f"{name}: wrong numbers"
        yield from self._wrong_in_mlflow(wanted)

    def _wrong_in_mlflow(self, wanted: Results) -> Iterator[str]:
        client = MlflowClient(tracking_uri=f"http://127.0.0.1:{self.port}")
        experiment = client.get_experiment_by_name(EXPERIMENT)
        runs = client.search_runs([experiment.experiment_id], max_results=1000)
        for name, result in wanted.items():
            ours = [r for r in runs if r.data.tags.get("rin.fingerprint") == name]
            if [r.info.status for r in ours] != ["FINISHED"]:
                yield f"{name}: {[r.info.status for r in ours]} in MLflow"
                continue
            logged = client.get_metric_history(ours[0].info.run_id, "training/loss")
            rows = [(row["epoch"], row["train_loss"]) for row in result["history"]]
            if sorted((m.step, m.value) for m in logged) != rows:
                yield f"{name}: {len(logged)} losses in MLflow for {len(rows)} epochs"
