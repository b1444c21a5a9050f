"""A search whose databases are damaged between starts: ``python -m tests.chaos.databases``.

The driver is killed while trials run. Then one of MLflow's and Optuna's databases is cut, or filled
with zeros, and so are the files that SQLite keeps beside it. If the same command refuses a
database, ``rin-study sync`` makes it again, as the message says. In the end, record, Optuna, MLflow
and runs must agree, and each result must have the bits of a trial that ran alone.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rin_core.config import Config
from rin_core.data.loading import load_dataset
from study.execution.trial import train_run
from study.ledger.ledger import Ledger
from tests.chaos.world import end_session
from tests.corpora import write_corpus
from tests.searches import CORPUS, ROOT, Search, disagreements
from tests.studies import numbers, results

TRIALS = 2
"""Of each of the two arms."""
PATIENCE = 900.0  # seconds for one start
DATABASES = ("optuna.db", "mlflow.db")
_BESIDE = ("-journal", "-wal", "-shm")


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def _zeros(content: bytes, _: random.Random) -> bytes:
    return bytes(len(content))


def _zeros_inside(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content))
    end = min(len(content), start + 3 * 4096)
    return content[:start] + bytes(end - start) + content[end:]


KINDS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut": _cut,
    "filled with zeros": _zeros,
    "filled with zeros in part": _zeros_inside,
}


def damage(out: Path, database: str, kind: str, rng: random.Random) -> str:
    """Damage a database and the journals beside it, and say what was done."""
    path = out / database
    before = path.read_bytes()
    path.write_bytes(KINDS[kind](before, rng))
    journals = [path.with_name(path.name + ending) for ending in _BESIDE]
    for journal in (j for j in journals if j.exists() and j.stat().st_size):
        journal.write_bytes(KINDS[kind](journal.read_bytes(), rng))
    # A journal that does not belong to the database, as a crash of the machine can leave it.
    journals[0].write_bytes(bytes(512) if kind == "filled with zeros" else before[:700])
    return f"{database}: {kind}, {path.stat().st_size} of {len(before)} bytes"


def run(folder: Path, plan: Sequence[tuple[str, str]], seed: int = 0) -> list[str]:
    """Run a search, damage a database before each further start, and return what is wrong."""
    rng = random.Random(seed)
    corpus = write_corpus(folder / CORPUS)
    search = replace(Search(corpus, folder / "out"), slots=1)
    log = folder / "search.log"
    search.out.mkdir()
    for number, (database, kind) in enumerate(plan):
        _start_and_kill(search, log, after=min(number, 2 * TRIALS - 1))
        print(damage(search.out, database, kind, rng), flush=True)
    exits = []
    for _ in range(3):
        exits.append(_call(search.command(TRIALS), log))
        if exits[-1] == 0:
            break
        exits.append(_call([sys.executable, "study/run.py", "sync", "--runs", search.out], log))
    wrong = [*disagreements(search, TRIALS), *_wrong_numbers(search, folder / "alone")]
    if exits[-1] != 0:
        wrong.append(f"exit codes {exits}")
    if "Traceback" in log.read_text(errors="replace"):
        wrong.append("a traceback in the log")
    print(f"exit codes of the last starts: {exits}")
    return wrong


def _call(command: Sequence[object], log: Path) -> int:
    with log.open("ab") as file:
        return subprocess.run(
            list(map(str, command)),
            cwd=ROOT,
            stdout=file,
            stderr=file,
            timeout=PATIENCE,
            check=False,
        ).returncode


def _start_and_kill(search: Search, log: Path, after: int) -> None:
    """Start the search, or sync and start it if it is refused; kill it after so many trials."""
    for _ in range(2):
        with log.open("ab") as file:
            driver = subprocess.Popen(
                search.command(TRIALS), cwd=ROOT, stdout=file, stderr=file, start_new_session=True
            )
        deadline = time.monotonic() + PATIENCE
        while driver.poll() is None:
            ended = sum(t["state"] != "running" for t in search.trials())
            if (ended >= after and search.training()) or time.monotonic() > deadline:
                end_session(driver)
                return
            time.sleep(0.05)
        if driver.returncode == 0:
            return
        _call([sys.executable, "study/run.py", "sync", "--runs", search.out], log)


def _wrong_numbers(search: Search, alone: Path) -> Iterator[str]:
    for name, result in results(search.out).items():
        config = Config.from_flat(result["config"])
        encoded = load_dataset(str(search.corpus), config)
        again = train_run(config, encoded, Ledger(alone).run(name))
        if numbers(again.to_json()) != numbers(result):
            yield f"{name}: wrong numbers"


def main() -> int:
    """Say what is wrong; 0 if nothing is."""
    plan = [(database, kind) for kind in KINDS for database in DATABASES]
    with tempfile.TemporaryDirectory(prefix="databases-") as name:
        wrong = run(Path(name), plan)
        if wrong:
            print((Path(name) / "search.log").read_text(errors="replace")[-6000:])
    print("; ".join(wrong) or f"{len(plan)} damaged databases: nothing lost, doubled or wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
