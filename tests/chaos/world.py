"""A small study on Ray, the machine under it, and what must hold whatever happens to either."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from mlflow.tracking import MlflowClient

from rin_core.data.loading import load_dataset
from search_spaces import SPACES
from study.execution.trial import train_run
from study.ledger.ledger import Ledger
from study.ledger.schema import Result
from tests.servers import MlflowServer
from tests.studies import numbers, results
from tests.tracked import RECORDED, differences

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
HEADROOM = 2 * 2**30  # bytes that may be taken before Ray ends workers
KILLED = -signal.SIGKILL

Results = dict[str, Result]


def undisturbed(corpus: Path, folder: Path, seeds: int = SEEDS) -> Results:
    """Return every planned trial's result, each run alone, without Ray."""
    trials = SPACES["rounds_curve"].trials(
        [str(corpus)], arms=ARMS, seeds=range(seeds), overrides=SETTINGS
    )
    found = {}
    for trial in trials:
        encoded = load_dataset(str(corpus), trial.config)
        unit = Ledger(folder).run(trial.config.fingerprint(encoded.digest))
        found[unit.fingerprint] = train_run(trial.config, encoded, unit)
    return found


def faketime() -> Path | None:
    """Return libfaketime, of the system or of the environment's ``LIBFAKETIME``; None without."""
    given = os.environ.get("LIBFAKETIME")
    installed = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    return Path(given) if given else next(installed, None)


def end_session(driver: subprocess.Popen[bytes], how: signal.Signals = signal.SIGKILL) -> None:
    """End a process that leads a session; the others of its session end, or are killed."""
    driver.send_signal(how)
    driver.wait(timeout=120)
    deadline = time.monotonic() + 20
    while _processes(driver.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in _processes(driver.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _processes(session: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--sid", str(session)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in listed.stdout.split()]


@dataclass(slots=True)
class World:
    """One study in a folder of its own; use as a context."""

    folder: Path
    corpus: Path
    rng: random.Random
    seeds: int = SEEDS
    clock: str = ""
    """Offset of the clock that the next driver sees, as libfaketime reads it."""
    driver: subprocess.Popen[bytes] | None = None
    server: MlflowServer = field(init=False)
    exits: list[int] = field(default_factory=list)
    said: int = 0
    """Bytes of the log before the last driver."""

    @property
    def out(self) -> Path:
        """Return the study's output folder, a small file system of its own."""
        return self.folder / "out"

    def __enter__(self) -> World:
        for path in (self.out, self.requests):
            path.mkdir(parents=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={OUT_MIB}m", "tmpfs", str(self.out)]
        subprocess.run(mount, check=True)
        database = f"sqlite:///{self.folder}/mlflow.db"
        self.server = MlflowServer(database, self.folder / "artifacts")
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_driver()
        self.server.kill()
        subprocess.run(["umount", "--lazy", str(self.out)], check=True)

    @property
    def requests(self) -> Path:
        """Return where a fault is asked for that a trial commits itself."""
        return self.folder / "requests"

    def command(self) -> list[str]:
        """Return the command line of the study."""
        settings = [word for k, v in SETTINGS.items() for word in ("--set", f"{k}={v}")]
        return [
            *(sys.executable, "study/run.py", "--data", str(self.corpus), "--runs", str(self.out)),
            *("--arms", *ARMS, "--seeds", str(self.seeds), "--max-concurrent", "2", *settings),
            *("--tracking-uri", self.server.url),
        ]

    def environment(self) -> dict[str, str]:
        """Return the environment of a driver, which its trials inherit."""
        injected = str(Path(__file__).with_name("injected"))
        found = {**os.environ, "PYTHONPATH": injected, "RIN_CHAOS": str(self.requests)}
        memory = psutil.virtual_memory()
        share = (memory.total - memory.available + HEADROOM) / memory.total
        found["RAY_memory_usage_threshold"] = f"{min(share, 0.95):.4f}"
        if self.clock:
            found |= {"FAKETIME": self.clock, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
            found |= {"LD_PRELOAD": str(faketime())}
        return found

    def start(self) -> None:
        """Start the study, or go on with it."""
        with self.log.open("ab") as log:
            self.said = log.tell()
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

    def complete(self) -> bool:
        """Tell whether the last driver ended well and does not ask for another one.

        A study can end while MLflow's server is away. It then says that the same command sends the
        rest.
        """
        output = self.log.read_bytes()[self.said :]
        return self.exits[-1:] == [0] and b"run the same command" not in output

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
        end_session(self.driver, how)
        self.running()

    def trials(self) -> list[tuple[Path, int]]:
        """Return the folders of trials under way and the processes that train them.

        A process of another session has the number of a trial that has ended: it is not ours.
        """
        found = []
        for path in self.out.glob("units/*/attempt.json"):
            with contextlib.suppress(OSError, ValueError):
                pid = int(json.loads(path.read_text())["pid"])
                is_ours = self.driver is not None and os.getsid(pid) == self.driver.pid
                if is_ours and not (path.parent / "result.json").exists():
                    found.append((path.parent, pid))
        return sorted(found)

    def results(self) -> dict[str, bytes]:
        """Return the finished results, as they are on disk."""
        paths = self.out.glob("units/*/result.json")
        return {path.parent.name: path.read_bytes() for path in paths}

    def wrong(self, wanted: Results) -> Iterator[str]:
        """Say what is not as in an undisturbed study; nothing if all is well."""
        found = results(self.out)
        for name, result in wanted.items():
            if name not in found:
                yield f"{name}: lost"
            elif numbers(found[name]) != numbers(result.to_json()):
                yield f"{name}: wrong numbers"
        # What a trial took of the machine in an epoch that it died in was never told.
        client = MlflowClient(tracking_uri=self.server.url)
        yield from differences(client, EXPERIMENT, wanted, metrics=RECORDED)
