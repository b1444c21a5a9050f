"""A study on a cluster of separate hosts, one of which dies in the middle."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rin_core.config import Config
from rin_core.data.loading import load_dataset
from study.execution.trial import train_run
from study.ledger.ledger import Ledger
from tests.hosts import Host, hosts, possible
from tests.studies import numbers, results

ROOT = Path(__file__).parents[3]
PACKAGES = [ROOT / name for name in ("rin_core", "search_spaces", "study", "reports")]
PORT = 6379
NO_DASHBOARD = "--include-dashboard=false"
SETTINGS = {
    "encoder.hidden_size": 16,
    "encoder.word_dim": 12,
    "model.feature_size": 12,
    "training.learning_rate": 0.01,
    "training.max_epochs": 30,
    "training.patience": 30,
}
PLANNED = 4


def ray_command(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("ray")), *arguments]


class Cluster:
    """A head without CPUs and workers with one each, every one on a host of its own."""

    def __init__(self, machines: list[Host], folder: Path) -> None:
        self.head, *self.workers = machines
        self.folder = folder
        self.environment = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_raylet_start_wait_time_s": "120",
        }
        self._start(self.head, "--head", f"--port={PORT}", "--num-cpus=0", NO_DASHBOARD)
        for worker in self.workers:
            self._start(worker, f"--address={self.address}", "--num-cpus=1")

    @property
    def address(self) -> str:
        return f"{self.head.address}:{PORT}"

    def _start(self, host: Host, *options: str) -> None:
        command = ray_command(
            *("start", *options, f"--node-ip-address={host.address}"),
            "--disable-usage-stats",
            *("--object-store-memory=100000000", f"--temp-dir={self.folder / host.name[-1]}"),
        )
        log = self.folder / f"{host.name}.log"
        process = host.start(command, self.environment, log)
        assert process.wait(timeout=120) == 0, log.read_text()

    def study(self, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "study/run.py", f"--ray-address={self.address}", *options]
        return self.head.start(command, self.environment, self.folder / "study.log")


@pytest.mark.ray
@pytest.mark.timeout(600)
@pytest.mark.skipif(bool(possible()), reason=possible())
def test_a_study_survives_the_loss_of_a_host_that_sees_no_file_of_the_driver(
    spert_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Ray's sockets have names of at most 107 bytes, so the folder's name must be short.
    folder = Path(tmp_path_factory.mktemp("c"))
    out, shared = folder / "out", folder / "shared"
    for path in (out, shared):
        path.mkdir()
    options = [f"--data={spert_folder}", f"--runs={out}", f"--shared=file://{shared}"]
    options += ["--arms", "bilstm-s", "gru-2", "--seeds=2"]
    options += [f"--set={name}={value}" for name, value in SETTINGS.items()]
    with hosts(4, hidden=[*PACKAGES, out, spert_folder]) as machines:
        cluster = Cluster(machines, folder)
        study = cluster.study(*options)
        victim = kill_one_that_trains(cluster, shared, study)
        code = study.wait(timeout=400)
        assert code == 0, (folder / "study.log").read_text()
    done = results(out)
    assert len(done) == PLANNED
    assert victim in done
    assert done[victim]["provenance"]["resumed_from_epoch"] > 0
    check_same_as_alone(spert_folder, done, folder)


def kill_one_that_trains(cluster: Cluster, shared: Path, study: subprocess.Popen[bytes]) -> str:
    """Cut a worker's power once its trial has epochs; return the trial."""
    deadline = time.monotonic() + 200
    while True:
        assert study.poll() is None, (cluster.folder / "study.log").read_text()
        assert time.monotonic() < deadline, "no trial left an epoch"
        for path in shared.glob("*/checkpoint.safetensors"):
            attempt: dict[str, Any] = json.loads((path.parent / "attempt.json").read_text())
            for worker in cluster.workers:
                if str(attempt["pid"]) in worker.pids():
                    worker.kill()
                    return path.parent.name
        time.sleep(0.02)


def check_same_as_alone(corpus: Path, done: dict[str, dict[str, Any]], folder: Path) -> None:
    for name, result in done.items():
        config = Config.from_flat(result["config"])
        run = Ledger(folder / "alone").run(name)
        alone = train_run(config, load_dataset(str(corpus), config), run)
        assert numbers(alone.to_json()) == numbers(result)
