"""``--until-decided`` as a command, with recorded results in place of trainings."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from reports.page import build
from study.commands.closing import Closing
from study.execution import cluster, session
from study.ledger.ledger import Ledger
from study.planning.grid import PlannedTrial
from study.tracking import summary
from study.tracking.base import StudyEnd, Summary
from tests.commands import command
from tests.corpora import write_corpus
from tests.deciding import finish

ARMS = ("--arms", "bilstm-s", "gru-1", "gru-2", "rnn-1")


class FakeSession:
    """Finishes the missing runs at once; with a deadline, only some."""

    per_look = 10**6
    tags: Mapping[str, Mapping[str, str]] = {}
    interrupted, compute_seconds = False, 0.0

    def __init__(self, *arguments: object) -> None:
        pass

    def run(self, missing: Sequence[PlannedTrial], resources: object, deadline: float) -> None:
        for planned in missing[: self.per_look]:
            finish(planned)
        while len(missing) > self.per_look and time.monotonic() < deadline:
            time.sleep(0.01)

    def close(self, ends: Mapping[str, StudyEnd]) -> int:
        FakeSession.tags = {name: end.tags for name, end in ends.items()}
        return 0

    def how_to_view(self) -> list[str]:
        return []


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "tiny", (20, 5, 5))


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "StudySession", FakeSession)
    monkeypatch.setattr(cluster, "require_listener", lambda address: None)
    monkeypatch.setattr(FakeSession, "per_look", 10**6)
    monkeypatch.setattr(FakeSession, "tags", {})
    monkeypatch.setenv("COLUMNS", "80")


def decide(
    capsys: pytest.CaptureFixture[str], corpus: Path, *arguments: str
) -> tuple[int, list[str]]:
    out = ("--data", str(corpus), "--runs", str(corpus.parent / "runs"))
    code, shown = command(capsys, "--until-decided", *ARMS, *out, *arguments)
    return code, shown.splitlines()


def without_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    report = SimpleNamespace(paths=())
    built = lambda runs, out, found: SimpleNamespace(  # noqa: E731
        reports=[report] * len(found), studies=[(None, None)] * len(found)
    )
    monkeypatch.setattr(build, "build", built)
    monkeypatch.setattr(summary, "summarize", lambda study: Summary())
    monkeypatch.setattr(Closing, "print", lambda *_: None)


def decided_row(lines: Sequence[str], key: str) -> list[str]:
    """Return the words of the last printed row of a contrast."""
    return [line for line in lines if line.startswith(f"{key} ")][-1].split()


def test_it_runs_until_all_is_decided(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, corpus: Path
) -> None:
    without_reports(monkeypatch)
    code, lines = decide(capsys, corpus)
    assert code == 0
    assert decided_row(lines, "interaction")[6:8] == ["better", "–"]
    rows = [decided_row(lines, key) for key in ("interaction", "rounds", "cell")]
    assert {row[7] for row in rows} == {"–"}, "no further look"
    tables = [n for n, line in enumerate(lines) if line.startswith("contrast ")]
    assert len(tables) > 1
    for number in tables:
        assert max(map(len, lines[number : number + 4])) <= 80

    study = Ledger(corpus.parent / "runs").study("rounds_curve-tiny")
    assert study is not None
    assert study.options["until_decided"] == []
    assert study.decisions is not None
    assert set(FakeSession.tags["rounds_curve-tiny"]) == {
        f"rin.decision.{key}" for key in ("interaction", "rounds", "cell")
    }
    planned = {(run.arm, run.seed) for run in study.trials}
    given = study.decisions.seeds
    assert planned == {(arm, seed) for arm, count in given.items() for seed in range(count)}


def test_hours_stop_it_and_the_same_command_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, corpus: Path
) -> None:
    without_reports(monkeypatch)
    monkeypatch.setattr(FakeSession, "per_look", 7)
    code, lines = decide(capsys, corpus, "--hours", "0.00001")
    assert code == 0
    assert decided_row(lines, "interaction")[1] == "0"
    assert any(line.startswith("--hours") for line in lines)
    assert len(Ledger(corpus.parent / "runs").runs()) == 7

    code, lines = decide(capsys, corpus, "--hours", "1", "--dry-run")
    assert code == 0
    assert any(line.startswith("13 trials:") for line in lines)
    monkeypatch.setattr(FakeSession, "per_look", 10**6)
    code, lines = decide(capsys, corpus, "--max-seeds", "5")
    assert code == 0
    assert decided_row(lines, "interaction")[1] == "5"
    assert len(Ledger(corpus.parent / "runs").runs()) == 20


@pytest.mark.slow
def test_the_report_has_the_decisions(capsys: pytest.CaptureFixture[str], corpus: Path) -> None:
    code, lines = decide(capsys, corpus, "--max-seeds", "5")
    assert code == 0
    assert any(line.startswith("no verdicts here") for line in lines)
    assert not any("(reference)" in line for line in lines)
    (file,) = (corpus.parent / "runs").rglob("decisions.csv")
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    states = {row["row"]: row["text"] for row in rows if row["column"] == "State"}
    assert states == {"interaction": "better", "rounds": "undecided", "cell": "undecided"}
    page = (file.parent / "results.md").read_text()
    (made_by,) = [line for line in page.splitlines() if line.startswith("- Made by")]
    assert "--until-decided --max-seeds 5" in made_by


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--seeds", "3"), "--seeds"),
        (("--max-seeds", "4"), "--max-seeds 4"),
        (("--max-seeds", "21"), "--max-seeds 21"),
        (("--margin", "0"), "--margin 0"),
        (("--hours", "0"), "--hours 0"),
        (("--arms", "gru-1"), "--until-decided"),
        (("--space", "learning_rate"), "--until-decided"),
    ],
)
def test_misuse_is_one_line(
    capsys: pytest.CaptureFixture[str], corpus: Path, arguments: tuple[str, str], named: str
) -> None:
    code, lines = decide(capsys, corpus, "--dry-run", *arguments)
    assert code == 2
    assert len(lines) == 1
    assert named in lines[0]


def test_a_changed_margin_is_misuse(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, corpus: Path
) -> None:
    without_reports(monkeypatch)
    assert decide(capsys, corpus, "--max-seeds", "5", "--margin", "0.6")[0] == 0
    assert decide(capsys, corpus, "--max-seeds", "5")[0] == 0
    code, lines = decide(capsys, corpus, "--margin", "0.5")
    assert code == 2
    assert len(lines) == 1
    assert "--margin 0.5" in lines[0]
