"""Harm done to real studies, and what was left of them: ``python -m tests.chaos.suite``.

Each study runs in a small file system of its own against an MLflow server of its own; at random
moments something breaks, and whenever the driver is gone the same command is given again. In the
end every trial must have its result once, with the bits of a trial run alone, and MLflow every
epoch once.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.chaos.faults import FAULTS, available
from tests.chaos.world import SEEDS, Results, World, undisturbed
from tests.corpora import write_corpus

STARTS = 20  # after so many a study that does not end is given up


@dataclass(slots=True)
class Story:
    """What happened to one study."""

    seed: int
    faults: list[tuple[str, str]] = field(default_factory=list)
    """Kinds and what was done."""
    exits: list[int] = field(default_factory=list)
    """Exit codes of its drivers, killed ones negative."""
    wrong: list[str] = field(default_factory=list)
    """What was not as it must be; nothing if all was well."""
    seconds: float = 0.0

    @property
    def end(self) -> str:
        """Return the errors found, or "passed"."""
        return "; ".join(self.wrong) or "passed"

    def line(self) -> str:
        """Return one line for the terminal."""
        return (
            f"study {self.seed}: {len(self.faults)} faults, {len(self.exits)} drivers, "
            f"{self.seconds:.0f} s: {self.end}"
        )

    def row(self) -> str:
        """Return a row of the page."""
        faults = ", ".join(kind for kind, _ in self.faults)
        end = " ".join(self.end.split())
        return f"| {self.seed} | {faults} | {len(self.exits)} | {end} |"


def torment(
    folder: Path, wanted: Results, seed: int, kinds: Sequence[str], seeds: int = SEEDS
) -> Story:
    """Run one study and break something at random moments.

    Args:
        folder: Of this study.
        wanted: Undisturbed results.
        seed: Of the moments and of all that the faults choose.
        kinds: The faults, in this order.
        seeds: Trials of each arm.
    """
    story, rng, started = Story(seed), random.Random(seed), time.monotonic()
    left = list(kinds)
    with World(folder, write_corpus(folder / "my_corpus"), rng, seeds) as world:
        for _ in range(STARTS):
            if not world.running():
                world.start()
            while left and world.wait(rng.uniform(1, 6)):
                _commit(world, story, left)
            if not left:
                world.wait(600)
            if not world.running() and world.complete():
                break
        story.wrong += world.wrong(wanted)
        story.wrong += _said(world)
        story.exits = world.exits
    story.seconds = time.monotonic() - started
    return story


def torments(
    folder: Path, kinds: Sequence[str], seed: int = 0, each: int = 8, seeds: int = SEEDS
) -> Iterator[Story]:
    """Run studies until every fault was done: what one study has outrun is for the next.

    Args:
        folder: Of the studies, each in one of its own, and of the trials run alone.
        kinds: The faults, in this order.
        seed: Of the first study; the next ones count on from it.
        each: Faults in a study, at most.
        seeds: Trials of each arm.

    Raises:
        RuntimeError: If a study ended before its first fault could be done.
    """
    alone, left = folder / "alone", list(kinds)
    if not left:
        return
    wanted = undisturbed(write_corpus(alone / "my_corpus"), alone, seeds)
    while left:
        story = torment(folder / str(seed), wanted, seed, left[:each], seeds)
        yield story
        if not story.faults:
            raise RuntimeError(f"{left[0]}: study {seed} did not live long enough for it")
        left = left[len(story.faults) :]
        seed += 1


def _commit(world: World, story: Story, left: list[str]) -> None:
    """Break the next thing, and see that what was finished stays as it was."""
    before = world.results()
    kind = left[0]
    if done := FAULTS[kind](world):
        left.pop(0)
        story.faults.append((kind, done))
        print(f"  {kind}: {done}", file=sys.stderr, flush=True)
    after = world.results()
    for name, text in before.items():
        taken = kind == "lose a result" and name not in after
        if after.get(name) != text and not taken:
            story.wrong.append(f"{name}: a finished result changed ({kind})")


def _said(world: World) -> list[str]:
    """Return what nobody should have to read."""
    text = world.log.read_text(errors="replace")
    place = text.find("Traceback")
    around = text[max(0, place - 200) : place + 800]
    found = [f"a traceback in the log: {around}"] if place >= 0 else []
    if not {code for code in world.exits if code > 0} <= {1, 130}:  # failed, or interrupted
        found.append(f"exit codes {world.exits}")
    return found


def plan(count: int, seed: int) -> list[str]:
    """Return the kinds of so many faults: every kind equally often, in random order."""
    rng, kinds = random.Random(seed), list(FAULTS)
    drawn = [kind for _ in range(-(-count // len(kinds))) for kind in rng.sample(kinds, len(kinds))]
    return drawn[:count]


def progress(path: Path, kinds: Sequence[str]) -> list[Story]:
    """Return the studies that an earlier call of the same plan has recorded; none at first.

    Args:
        path: A line of JSON for each study.
        kinds: The faults of the plan, in order.

    Raises:
        ValueError: The studies are of another plan.
    """
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    stories = [Story(**json.loads(line)) for line in lines]
    done = [kind for story in stories for kind, _ in story.faults]
    if done != list(kinds[: len(done)]):
        raise ValueError(f"{path}: has studies of another plan; delete it to start again")
    return stories


def table(stories: Sequence[Story]) -> str:
    """Return a Markdown page: the kinds of faults, and how each study ended."""
    kinds = [kind for story in stories for kind, _ in story.faults]
    drivers = sum(len(story.exits) for story in stories)
    head = f"""# Fault injection

`make chaos` runs real studies and injects faults at random moments. The *driver* is the process of
`rin-study`. The *raylet* is Ray's process on a node. If a driver ends before its study is complete,
or before MLflow has all of it, the suite runs the same command again. At the end, it checks three
things:

- Each run has exactly one result, in the ledger and in MLflow.
- Each result is bit-identical to the result of the same run without faults.
- The output contains no traceback.

To repeat one study, pass its seed and its faults in order:
`python -m tests.chaos.suite --seed 10 --only "freeze a trial" "truncate a checkpoint"`.
If `make chaos` is interrupted, the same command continues after the last complete study.

The last run injected {len(kinds)} faults of {len(set(kinds))} kinds into {len(stories)} studies.
The studies needed {drivers} drivers and took {sum(s.seconds for s in stories) / 60:.0f} minutes.

`make chaos` then runs three other programs:

- `python -m tests.chaos.decided` kills the driver of a study with `--until-decided` five times:
  before, at and after a look. Its decisions and seeds must equal those of a study without faults,
  and its results must be bit-identical.
- `python -m tests.chaos.databases` truncates or zeroes the MLflow or Optuna database, and its
  journals, before each start of a search. Record, databases and runs must agree at the end.
- `python -m tests.chaos.ledgers` stops a study with `--shared`. A second study with another ledger
  and the same store takes over its runs. Then the first study continues. Both must end with the
  same results.

The clock faults require libfaketime, installed on the system or at the path in `LIBFAKETIME`.
"""
    lines = [
        head,
        "| fault | times |",
        "|---|---:|",
        *(f"| {kind} | {kinds.count(kind)} |" for kind in FAULTS),
        "",
        "| seed | faults | drivers | result |",
        "|---:|---|---:|---|",
        *(story.row() for story in stories),
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: 0 if nothing was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--each", type=int, default=8, help="faults in a study (default: 8)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=FAULTS, help="only these kinds")
    parser.add_argument("--table", type=Path, help="file for the table")
    parser.add_argument(
        "--progress", type=Path, help="file of the completed studies; the same command resumes"
    )
    options = parser.parse_args(arguments)
    if reason := available():
        parser.error(reason)
    kinds = options.only or plan(options.faults, options.seed)
    stories: list[Story] = []
    if options.progress:
        options.progress.parent.mkdir(parents=True, exist_ok=True)
        try:
            stories = progress(options.progress, kinds)
        except ValueError as error:
            parser.error(str(error))
    left = kinds[sum(len(story.faults) for story in stories) :]
    first = stories[-1].seed + 1 if stories else options.seed
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        folder = Path(name)
        try:
            for story in torments(folder, left, first, options.each):
                stories.append(story)
                if options.progress:
                    with options.progress.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(story)) + "\n")
                print(story.line(), flush=True)
                if story.wrong:
                    print(story.exits, json.dumps(story.faults, indent=1))
                    print((folder / str(story.seed) / "study.log").read_text()[-5000:])
                if options.table:
                    options.table.write_text(table(stories) + "\n")
        except RuntimeError as error:
            parser.error(str(error))
    print(table(stories))
    return 1 if any(story.wrong for story in stories) else 0


if __name__ == "__main__":
    sys.exit(main())
