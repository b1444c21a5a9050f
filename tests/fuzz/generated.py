"""Read thousands of damaged inputs: ``python -m tests.fuzz.generated --examples 3000``.

Hypothesis damages valid input of every target. A finding is any exception but the documented one,
an input that takes more than 30 seconds, or a wrong number. The shortest input of each finding is
written to ``fuzz-findings/``.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.mutations import mutated
from tests.fuzz.target import WrongNumber
from tests.fuzz.targets import TARGETS

KINDS = ("tracebacks", "hangs", "wrong numbers")
LONGEST = 30.0  # seconds for one input
MEMORY = 16 * 2**30  # bytes of addresses: more is a finding, and no harm to the machine
ROOT = str(Path(__file__).parents[2])


class Hang(BaseException):
    """An input took too long; no exception that a reader may catch."""


@dataclass(slots=True)
class Findings:
    """What came of the inputs of one target."""

    target: str
    inputs: int = 0
    slowest: float = 0.0
    """Seconds of one input."""
    shortest: dict[str, bytes] = field(default_factory=dict)
    """Input of each finding, by what went wrong and where."""
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    """Inputs by kind of finding."""

    def add(self, kind: str, what: str, data: bytes) -> None:
        """Count a finding and keep the shortest input."""
        self.counts[kind] += 1
        what = f"{kind}: {what}"
        known = self.shortest.get(what)
        if known is None or len(data) < len(known):
            self.shortest[what] = data

    def line(self) -> str:
        """Return one line for the terminal."""
        counts = ", ".join(f"{count} {kind}" for kind, count in self.counts.items())
        return f"{self.target}: {self.inputs} inputs, {counts}, slowest {self.slowest:.1f} s"


def run(target: str, examples: int, first: int | None = None) -> Findings:
    """Read damaged inputs of one target, and count what is wrong.

    Args:
        target: Name of the target.
        examples: Number of inputs.
        first: Seed of the random inputs; None gives the same ones each time.
    """
    read, valid = TARGETS[target].read, TARGETS[target].seeds()
    found = Findings(target)
    for data in valid:  # what is valid is read without a complaint
        _read(read, data, found)

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=first is None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated(valid))
    def read_all(data: bytes) -> None:
        _read(read, data, found)

    (read_all if first is None else seed(first)(read_all))()
    return found


def _read(read: Callable[[bytes], None], data: bytes, found: Findings) -> None:
    found.inputs += 1
    started = time.monotonic()
    try:
        with _limited():
            read(data)
    except WrongNumber as error:
        found.add("wrong numbers", str(error)[:80], data)
    except Hang:
        found.add("hangs", "", data)
    except Exception as error:
        found.add("tracebacks", f"{type(error).__name__} at {_place(error)}", data)
    found.slowest = max(found.slowest, time.monotonic() - started)


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _place(error: Exception) -> str:
    """Return the last line of this project that an exception passed."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename.startswith(ROOT) and ".venv" not in f.filename]
    return f"{Path(own[-1].filename).relative_to(ROOT)}:{own[-1].lineno}" if own else "?"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: 0 if nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="default: all")
    parser.add_argument("--examples", type=int, default=3000, help="of all targets together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    options = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    names = options.targets or list(TARGETS)
    wrong = 0
    for name in names:
        found = run(name, -(-options.examples // len(names)), options.seed)
        print(found.line(), flush=True)
        for number, (what, data) in enumerate(sorted(found.shortest.items())):
            options.findings.mkdir(exist_ok=True)
            path = options.findings / f"{name}-{number}"
            path.write_bytes(data)
            print(f"  {what}: {path}", flush=True)
        wrong += len(found.shortest)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
