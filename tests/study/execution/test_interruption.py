"""Ctrl-C while Ray runs trials: what ends, with which exit code, and what never begins."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from rin_core.cli import exit_with_clear_errors
from study.commands import main as run
from study.commands.main import parse
from study.execution import cluster, tuner
from study.execution.interrupt import watched
from tests.corpora import write_corpus

Run = Callable[..., tuple[int, str]]


def interrupted(*_: object) -> None:
    """Swallow a Ctrl-C as Ray Tune does, and return as if all trials had ended."""
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.raise_signal(signal.SIGINT)


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Run a command line whose trials are interrupted as soon as Ray has them."""
    monkeypatch.setattr(cluster, "connect", lambda _: 1)
    monkeypatch.setattr(cluster, "at_once", lambda *_: "1 at a time")
    for name in ("run", "search"):
        monkeypatch.setattr(tuner, name, interrupted)

    def run_command(*arguments: str) -> tuple[int, str]:
        where = ("--out", str(tmp_path / "out"), "--tracking-uri", "none")
        with pytest.raises(SystemExit) as ended:
            exit_with_clear_errors(lambda: run.main(parse([*arguments, *where])))
        captured = capsys.readouterr()
        return ended.value.code, captured.out + captured.err

    return run_command


def test_a_swallowed_interruption_is_seen_and_the_handler_put_back():
    before = signal.getsignal(signal.SIGINT)
    with watched() as nothing:
        signal.signal(signal.SIGINT, lambda *_: None)
    assert not nothing.happened
    with watched() as seen:
        interrupted()
    assert seen.happened
    assert signal.getsignal(signal.SIGINT) == before


def test_an_interrupted_grid_is_reported_and_ends_with_130(command, spert_folder, tmp_path):
    code, shown = command("--data", str(spert_folder), "--arms", "gru-1", "--seeds", "1")
    assert code == 130
    assert "0 of 1 trial done" in shown
    assert "error: interrupted; run the same command to resume" in shown
    assert (tmp_path / "out/reports/rounds_curve-my_corpus/results.md").exists()


def test_an_interrupted_search_begins_no_other_corpus(command, spert_folder, tmp_path):
    other = write_corpus(tmp_path / "other", (40, 10, 10))
    options = ("--space", "fair_rounds", "--arms", "k-0", "--trials", "1")
    code, shown = command(*options, "--data", str(spert_folder), str(other))
    assert code == 130
    assert "error: interrupted; run the same command to resume" in shown
    assert (tmp_path / "out/searches/fair_rounds-my_corpus.json").exists()
    assert (tmp_path / "out/reports/fair_rounds-my_corpus/search.md").exists()
    assert not (tmp_path / "out/searches/fair_rounds-other.json").exists()
