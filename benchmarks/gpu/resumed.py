"""Line 5: a study of four arms on Ray that is killed, and resumed by the same command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.record import Record, Setting, Verdict
from benchmarks.gpu.work import loaded
from rin_core.config import Config
from rin_core.train.loop import train
from study.ledger.ledger import Ledger
from study.ledger.schema import Result

ROOT = Path(__file__).parents[2]
ARMS = ("bilstm-s", "gru-1", "gru-2", "rnn-1")
#: A GPU and a CPU draw different random numbers for dropout. Without it, both train the same model
#: on the same batches, and their first losses differ by rounding only.
SETTINGS = ("encoder.dropout=0",)
EPOCHS = 8
#: Largest relative difference of the loss between GPU and CPU in the first epoch.
ROUNDING = 1e-3
#: Largest difference of dev F1 after the last epoch, in points: the effect of rounding grows.
POINTS = 3.0


def measure(setting: Setting, record: Record) -> Verdict:
    """Run the study, kill its driver, and run it again; compare it with an uninterrupted study."""
    with tempfile.TemporaryDirectory(prefix="rin-gpu-") as folder:
        return _measured(setting, record, Path(folder))


def _measured(setting: Setting, record: Record, folder: Path) -> Verdict:
    gpu = setting.device == "cuda"
    epochs = 4 if setting.small else EPOCHS
    command = _command(setting, folder / "killed", epochs, "0.25" if gpu else "0")
    started = time.monotonic()
    other = _command(setting, folder / "whole", epochs, "0")
    # With a GPU, the uninterrupted study runs at the same time on the CPU.
    beside = _start(other, folder / "whole.log") if gpu else None
    first = _start(command, folder / "first.log")
    at_kill = _until_half(first, folder / "killed", epochs)
    first.send_signal(signal.SIGKILL)
    first.wait()
    record["killed after, seconds"] = time.monotonic() - started
    record["epochs of each trial at the kill"] = at_kill
    resumed = time.monotonic()
    code = _start(command, folder / "second.log").wait()
    record["resumed in, seconds"] = time.monotonic() - resumed
    record["exit code of the resumed study"] = code
    record["output of the resumed study"] = _tail(folder / "second.log")
    whole = (beside or _start(other, folder / "whole.log")).wait()
    record["exit code of the study on the CPU"] = whole
    results, wanted = _results(folder / "killed"), _results(folder / "whole")
    record["trials that went on from a checkpoint"] = sum(
        result.provenance.resumed_from_epoch > 0 for result in results.values()
    )
    record["hardware"] = sorted({r.provenance.hardware for r in results.values()})
    if code or whole or len(results) != len(ARMS) or results.keys() != wanted.keys():
        record["output of the first study"] = _tail(folder / "first.log")
        record["output of the study on the CPU"] = _tail(folder / "whole.log")
        return Verdict(False, f"exit codes {code} and {whole}, {len(results)} results of 4")
    compared = record["against the CPU's"] = _compared(results, wanted)
    same = record["against the same trial in one piece"] = _in_one_piece(setting, results, epochs)
    return _judged(record, compared, same, gpu)


def _judged(
    record: Record, compared: Mapping[str, Any], same: Mapping[str, Any], gpu: bool
) -> Verdict:
    first = max(row["first loss, relative difference"] for row in compared.values())
    points = max(row["dev F1, points of difference"] for row in compared.values())
    equal = same["equal losses"] == same["epochs"]
    resumed = record["trials that went on from a checkpoint"]
    whole = "an uninterrupted study's" if not gpu else "the CPU's"
    text = (
        f"killed with {sum(record['epochs of each trial at the kill'].values())} epochs done, "
        f"{resumed} of 4 trials resumed, all complete; against {whole}: first loss within "
        f"{first:.1e}, last dev F1 within {points:.2f} points; "
        f"{'bit for bit' if equal else 'not bit for bit'} the losses of one trial in one piece"
    )
    if gpu:
        return Verdict(resumed > 0 and first <= ROUNDING and points <= POINTS, text)
    return Verdict(resumed > 0 and first == points == 0 and equal, text)


def _command(setting: Setting, out: Path, epochs: int, gpus: str) -> list[str]:
    data = ["--data", setting.data]
    if setting.data_root is not None:
        data += ["--data-root", str(setting.data_root)]
    if setting.embeddings is not None:
        data += ["--embeddings", str(setting.embeddings)]
    settings = [part for text in SETTINGS for part in ("--set", text)]
    how = ["--seeds", "1", "--max-epochs", str(epochs), "--gpus-per-trial", gpus]
    where = ["--tracking-uri", "none", "--runs", str(out)]
    program = [sys.executable, str(ROOT / "study" / "run.py"), "--space", "rounds_curve"]
    return [*program, "--arms", *ARMS, *data, *settings, *how, *where]


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with log.open("wb") as file:
        return subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=ROOT
        )


def _until_half(process: subprocess.Popen[bytes], out: Path, epochs: int) -> dict[str, int]:
    """Wait until half of all epochs are recorded and a trial is running; return epochs by run."""
    while True:
        done = {run.fingerprint: len(run.history()) for run in Ledger(out).runs()}
        under_way = any(0 < count < epochs for count in done.values())
        if under_way and sum(done.values()) >= len(ARMS) * epochs // 2:
            return done
        if process.poll() is not None:
            return done
        time.sleep(0.05)


def _results(out: Path) -> dict[str, Result]:
    found = {run.fingerprint: run.result() for run in Ledger(out).runs()}
    return {name: result for name, result in found.items() if result is not None}


def _compared(
    results: Mapping[str, Result], wanted: Mapping[str, Result]
) -> dict[str, dict[str, float]]:
    """Return how far the losses and scores of each trial are from those of the other study."""
    found = {}
    for name, result in results.items():
        ours, theirs = result.history, wanted[name].history
        apart = [
            abs(a.train_loss - b.train_loss) / b.train_loss
            for a, b in zip(ours, theirs, strict=True)
        ]
        config = Config.from_flat(result.config).model
        found[f"{config.cell}-{config.rounds}"] = {
            "first loss, relative difference": apart[0],
            "last loss, relative difference": apart[-1],
            "dev F1, points of difference": 100
            * abs(ours[-1].selection_f1 - theirs[-1].selection_f1),
            "test F1, points of difference": 100
            * abs(result.test_scores["f1"] - wanted[name].test_scores["f1"]),
            "seconds an epoch": min(row.seconds for row in ours),
            "seconds an epoch of the other": min(row.seconds for row in theirs),
        }
    return found


def _in_one_piece(setting: Setting, results: Mapping[str, Result], epochs: int) -> dict[str, Any]:
    """Train one of the trials again without interruption, and count the equal losses."""
    result = next(r for r in results.values() if r.config["model.rounds"] == 1)
    torch.set_num_threads(1)
    config = Config.from_flat(result.config)
    corpus = loaded(setting, config)
    again = train(config, corpus, device=torch.device(setting.device)).history
    equal = sum(a.train_loss == b.train_loss for a, b in zip(result.history, again, strict=True))
    return {"equal losses": equal, "epochs": epochs}


def _tail(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-8:]
