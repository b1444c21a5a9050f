"""Two ledgers on one store, one of them stopped meanwhile: ``python -m tests.chaos.ledgers``.

The first study is stopped in the middle of a trial, as if its machine had lost the network. The
second one, with an output folder of its own and the same store, takes the trials over. Then the
first goes on. Both must end with each result once, with the bits of a trial that ran alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlflow.tracking import MlflowClient

from tests.chaos.world import ARMS, EXPERIMENT, ROOT, SETTINGS, Results, end_session, undisturbed
from tests.corpora import write_corpus
from tests.studies import numbers, results
from tests.tracked import RECORDED, differences

SEEDS = 1
PATIENCE = 900.0  # seconds for one study
STARTS = 4


@dataclass(frozen=True, slots=True)
class Pair:
    """Two studies of one plan: each has a folder, and both have one store."""

    corpus: Path
    folder: Path

    def out(self, name: str) -> Path:
        """Return the output folder of a study."""
        return self.folder / name

    def log(self, name: str) -> Path:
        """Return what the drivers of a study have said."""
        return self.folder / f"{name}.log"

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start a study, or go on with it."""
        settings = [word for k, v in SETTINGS.items() for word in ("--set", f"{k}={v}")]
        command = [
            *(sys.executable, "study/run.py", "--data", str(self.corpus), "--arms", *ARMS),
            *("--seeds", str(SEEDS), "--max-concurrent", "1", *settings),
            *("--runs", str(self.out(name)), "--shared", (self.folder / "store").as_uri()),
        ]
        with self.log(name).open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def is_training(self, name: str) -> bool:
        """Tell whether a run has an epoch and no result yet."""
        histories = self.out(name).glob("units/*/history.jsonl")
        return any(not path.with_name("result.json").exists() for path in histories)

    def finish(self, name: str, driver: subprocess.Popen[bytes]) -> list[int]:
        """Wait for a study, give its command again while it fails, and return its exit codes."""
        exits = [driver.wait(PATIENCE)]
        while exits[-1] != 0 and len(exits) < STARTS:
            exits.append(self.start(name).wait(PATIENCE))
        return exits

    def wrong(self, name: str, wanted: Results) -> Iterator[str]:
        """Say what is not as in studies that ran alone; nothing if all is well."""
        found = results(self.out(name))
        for fingerprint in found.keys() | wanted.keys():
            if fingerprint not in found or fingerprint not in wanted:
                yield f"{name}: {fingerprint}: lost, or of another plan"
            elif numbers(found[fingerprint]) != numbers(wanted[fingerprint].to_json()):
                yield f"{name}: {fingerprint}: wrong numbers"
        client = MlflowClient(tracking_uri=f"sqlite:///{self.out(name)}/mlflow.db")
        yield from (
            f"{name}: {text}" for text in differences(client, EXPERIMENT, wanted, metrics=RECORDED)
        )
        if "Traceback" in self.log(name).read_text(errors="replace"):
            yield f"{name}: a traceback in the log"


def signal_session(session: int, how: signal.Signals) -> None:
    """Send a signal to all processes of a session: a driver, Ray and its trials."""
    subprocess.run(["pkill", f"-{how.name}", "--session", str(session)], check=False)


def run(folder: Path) -> list[str]:
    """Run both studies and return what is wrong."""
    pair = Pair(write_corpus(folder / "my_corpus"), folder)
    alone = folder / "alone"
    wanted = undisturbed(pair.corpus, alone, SEEDS)
    first = pair.start("first")
    try:
        deadline = time.monotonic() + PATIENCE
        while not pair.is_training("first"):
            if first.poll() is not None or time.monotonic() > deadline:
                return ["first: ended before an epoch"]
            time.sleep(0.02)
        signal_session(first.pid, signal.SIGSTOP)
        exits = {"second": pair.finish("second", pair.start("second"))}
        signal_session(first.pid, signal.SIGCONT)
        exits["first"] = pair.finish("first", first)
    finally:
        if first.poll() is None:
            os.kill(first.pid, signal.SIGCONT)
            end_session(first)
    print(f"exit codes: {exits}")
    wrong = [f"{name}: exit codes {codes}" for name, codes in exits.items() if codes[-1] != 0]
    return wrong + [text for name in exits for text in pair.wrong(name, wanted)]


def main() -> int:
    """Say what is wrong; 0 if nothing is."""
    with tempfile.TemporaryDirectory(prefix="ledgers-") as name:
        wrong = run(Path(name))
        for path in Path(name).glob("*.log") if wrong else ():
            print(path.name, path.read_text(errors="replace")[-3000:])
    print("; ".join(wrong) or "two ledgers on one store: the same results in both")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
