"""The chaos suite in a short form; ``make chaos`` is the long one."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.chaos import suite
from tests.chaos.faults import FAULTS, available
from tests.chaos.suite import Story, plan, torments
from tests.chaos.world import World

SHORT = [
    "kill a trial",
    "start a second driver",
    "corrupt a checkpoint",
    "fill the disk",
    "kill the mlflow server",
]
SEEDS = 2


@pytest.mark.ray
@pytest.mark.timeout(900)
@pytest.mark.skipif(bool(available()), reason=available())
def test_a_study_comes_to_the_same_end_whatever_breaks(tmp_path: Path) -> None:
    done = []
    for story in torments(tmp_path, SHORT, seeds=SEEDS):
        assert story.wrong == [], story.faults
        assert story.exits[-1] == 0
        done += [kind for kind, _ in story.faults]
    assert done == SHORT


@pytest.mark.parametrize(
    ("exits", "last", "complete"),
    [
        ([-9, 0], b"12 of 12 trials finished", True),
        ([-9, 0], b"2 runs not sent completely; run the same command to send the rest", False),
        ([-9, 1], b"run the same command to resume", False),
        ([0, -9], b"", False),
        ([], b"", False),
    ],
)
def test_a_study_is_started_again_until_it_asks_for_nothing(
    tmp_path: Path, exits: list[int], last: bytes, complete: bool
) -> None:
    world = World(tmp_path, tmp_path / "corpus", random.Random(0), exits=exits)
    earlier = b"run the same command to resume\n"
    world.log.write_bytes(earlier + last)
    world.said = len(earlier)
    assert world.complete() is complete


def test_every_kind_of_fault_comes_equally_often() -> None:
    kinds = plan(3 * len(FAULTS), seed=1)
    assert {kind: kinds.count(kind) for kind in kinds} == dict.fromkeys(FAULTS, 3)
    assert plan(20, seed=1) == plan(20, seed=1) != plan(20, seed=2)


@pytest.fixture
def stories(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies of two faults each that nobody runs; the third one is interrupted, once."""
    interrupts = [KeyboardInterrupt()]

    def run(_folder: Path, kinds: Sequence[str], seed: int, _each: int) -> Iterator[Story]:
        for start in range(0, len(kinds), 2):
            if seed == 2 and interrupts:
                raise interrupts.pop()
            yield Story(seed, [(kind, "done") for kind in kinds[start : start + 2]], [0], [], 1.5)
            seed += 1

    monkeypatch.setattr(suite, "torments", run)
    monkeypatch.setattr(suite, "available", lambda: "")


@pytest.mark.usefixtures("stories")
def test_the_same_command_goes_on_after_the_last_whole_study(tmp_path: Path) -> None:
    progress, table = tmp_path / "some" / "progress", tmp_path / "table.md"
    command = ["--faults", "7", "--progress", str(progress), "--table", str(table)]
    with pytest.raises(KeyboardInterrupt):
        suite.main(command)
    assert len(progress.read_text().splitlines()) == 2
    assert suite.main(command) == suite.main(command) == 0  # the last has nothing to do
    told = [json.loads(line) for line in progress.read_text().splitlines()]
    assert [story["seed"] for story in told] == [0, 1, 2, 3]
    assert [kind for story in told for kind, _ in story["faults"]] == plan(7, seed=0)
    assert table.read_text() == suite.table(suite.progress(progress, plan(7, seed=0))) + "\n"
    with pytest.raises(SystemExit) as ended:
        suite.main([*command, "--seed", "1"])
    assert ended.value.code == 2


def test_what_was_wrong_in_an_earlier_call_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "available", lambda: "")
    progress = tmp_path / "progress"
    story = Story(0, [("kill a trial", "done")], [0], ["abc: lost"], 1.0)
    progress.write_text(json.dumps(asdict(story)) + "\n")
    assert suite.main(["--only", "kill a trial", "--progress", str(progress)]) == 1
