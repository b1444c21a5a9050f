"""A study that runs until it is decided, killed five times: ``python -m tests.chaos.decided``.

It must end with the decisions, the seeds and the bits of a study that nobody killed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from study.ledger.decisions import Decisions
from study.ledger.ledger import Ledger
from tests.chaos.world import ROOT, end_session
from tests.studies import numbers, results

EXPERIMENT = "rounds_curve-demo"
#: Trials of two epochs that learn something, and differ enough for more than one look.
SETTINGS = ("encoder.hidden_size=32", "training.batch_size=5", "training.learning_rate=0.01")
COMMAND = (
    *(sys.executable, "study/run.py", "--until-decided", "--data", "demo", "--max-epochs", "2"),
    *("--arms", "bilstm-s", "gru-1", "rnn-1", "--max-concurrent", "2", "--tracking-uri", "none"),
    *(word for setting in SETTINGS for word in ("--set", setting)),
)
#: The driver is killed once so many runs have ended: at once, before, at and after the first look,
#: which has 15 runs.
KILLS = (0, 5, 14, 15, 18)
#: Largest number of seeds of an arm: two looks.
MOST = 7


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a study has left."""

    decisions: Decisions
    finished: frozenset[tuple[str, int]]
    """Arm and seed of each run with a result."""
    numbers: dict[str, object]
    """Of each result, by fingerprint."""


def outcome(folder: Path) -> Outcome:
    """Return what a study has left in its folder."""
    ledger = Ledger(folder)
    study = ledger.study(EXPERIMENT)
    assert study is not None
    assert study.decisions is not None
    found = results(folder)
    return Outcome(
        decisions=study.decisions,
        finished=frozenset((r.arm, r.seed) for r in study.trials if r.fingerprint in found),
        numbers={name: numbers(result) for name, result in found.items()},
    )


def run(folder: Path, kills: Sequence[int] = (), patience: float = 1200) -> int:
    """Run a study to its end, and kill its driver on the way.

    Args:
        folder: Of the study.
        kills: Numbers of results at which the driver is killed, increasing.
        patience: Seconds within which each number must be reached, and the end.

    Returns:
        How often it was killed.

    Raises:
        RuntimeError: The study failed.
        TimeoutError: It did not come so far in time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    killed = 0
    for count in kills:
        driver = _start(folder)
        deadline = time.monotonic() + patience
        while driver.poll() is None and _is_before(folder, count):
            if time.monotonic() > deadline:
                end_session(driver)
                raise TimeoutError(f"{count} results: not there after {patience:g} s")
            time.sleep(0.02)
        if driver.poll() is None:
            end_session(driver)
            killed += 1
    driver = _start(folder)
    if driver.wait(patience) != 0:
        raise RuntimeError((folder / "study.log").read_text()[-2000:])
    return killed


def _is_before(folder: Path, count: int) -> bool:
    """Tell whether the study is not yet recorded, or has fewer results."""
    return not (folder / "studies").exists() or len(results(folder)) < count


def _start(folder: Path) -> subprocess.Popen[bytes]:
    command = [*COMMAND, "--max-seeds", str(MOST), "--runs", str(folder)]
    with (folder / "study.log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)


def main() -> int:
    """Compare a killed study with another one; 0 if they are equal."""
    with tempfile.TemporaryDirectory(prefix="decided-") as name:
        whole, killed = Path(name) / "whole", Path(name) / "killed"
        run(whole)
        count = run(killed, KILLS)
        expected, found = outcome(whole), outcome(killed)
    looks = len(expected.decisions.outcomes)
    same = "the same" if found == expected else "NOT the same"
    print(f"{count} kills, {looks} looks, {len(expected.finished)} runs: {same}")
    return 0 if found == expected and count == len(KILLS) and looks > 1 else 1


if __name__ == "__main__":
    sys.exit(main())
