"""Ctrl-C while Ray runs trials: what ends, with which exit code, and what never begins."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from study.execution import cluster, tuner
from study.execution.queue import QueueSearcher
from study.execution.recorder import RunRecorder
from study.ledger.ledger import Ledger
from study.tracking.base import Callback
from tests.commands import command
from tests.corpora import write_corpus

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def interrupted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Run a command line whose trials are interrupted as soon as Ray has them."""
    monkeypatch.setattr(cluster, "connect", lambda resources: resources)
    monkeypatch.setattr(cluster, "describe_capacity", lambda *_: "1 at a time")
    monkeypatch.setattr(tuner, "run", lambda *_, **__: False)

    def run_command(*arguments: str) -> tuple[int, str]:
        where = ("--runs", str(tmp_path / "out"), "--tracking-uri", "none")
        return command(capsys, *arguments, *where)

    return run_command


def test_signal_handlers_are_put_back_and_unfinished_trials_mean_an_interruption(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ray Tune swallows a Ctrl-C and returns as if all trials had ended."""
    searcher = QueueSearcher([{"fingerprint": "a"}, {"fingerprint": "b"}])

    class Tuner:
        def __init__(self, *_: object, **given: object) -> None: ...

        def fit(self) -> None:
            signal.signal(signal.SIGINT, lambda *_: None)
            searcher.suggest("1")
            for end in ends:
                end()

    monkeypatch.setattr("ray.tune.Tuner", Tuner)
    monkeypatch.setattr(tuner, "capacity", lambda *_: 1)
    before = signal.getsignal(signal.SIGINT)

    def run() -> bool:
        here = cluster.Resources(gpus_per_trial=0)
        return tuner.run(
            *(searcher, None, {}, here),
            recorder=RunRecorder({}),
            callbacks=[],
            ledger=Ledger(tmp_path),
        )

    ends: list[Callable[[], object]] = []
    assert not run()
    assert signal.getsignal(signal.SIGINT) == before
    assert list(tmp_path.glob(".driver-*")) == []
    searcher = QueueSearcher([{"fingerprint": "a"}])
    ends = [lambda: searcher.on_trial_complete("1"), lambda: searcher.suggest("2")]
    assert run()


def test_an_interruption_is_announced_once_and_tunes_handler_is_called() -> None:
    calls: list[str] = []

    class Announced(Callback):
        def on_interrupt(self) -> None:
            calls.append("announced")

    before = signal.getsignal(signal.SIGINT)

    def tunes_own(*_: object) -> None:
        calls.append("tune")
        signal.signal(signal.SIGINT, before)

    events = tuner.TrialEvents(RunRecorder({}), [Announced()])
    with tuner.restored_signal_handlers():
        for number in (signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, tunes_own)
        for iteration in range(2):
            events.on_step_begin(iteration, [])
        os.kill(os.getpid(), signal.SIGINT)
        assert calls == ["tune", "announced"]
        assert signal.getsignal(signal.SIGINT) == before, "a second one ends the process"
    assert signal.getsignal(signal.SIGINT) == before


def test_an_interrupted_grid_is_reported_and_ends_with_130(
    interrupted: Run, spert_folder: Path, tmp_path: Path
) -> None:
    code, shown = interrupted("--data", str(spert_folder), "--arms", "gru-1", "--seeds", "1")
    assert code == 130
    assert "0 of 1 trial finished" in shown
    assert "\ninterrupted; run the same command to resume\n" in shown
    assert (tmp_path / "out/reports/rounds_curve-my_corpus/results.md").exists()


def test_an_interrupted_search_begins_no_other_corpus(
    interrupted: Run, spert_folder: Path, tmp_path: Path
) -> None:
    other = write_corpus(tmp_path / "other", (40, 10, 10))
    options = ("--space", "fair_rounds", "--arms", "k-0", "--trials", "1")
    code, shown = interrupted(*options, "--data", str(spert_folder), str(other))
    assert code == 130
    assert "\ninterrupted; run the same command to resume\n" in shown
    assert (tmp_path / "out/searches/fair_rounds-my_corpus.json").exists()
    assert (tmp_path / "out/reports/fair_rounds-my_corpus/search.md").exists()
    assert not (tmp_path / "out/searches/fair_rounds-other.json").exists()
