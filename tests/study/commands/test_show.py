"""What the terminal shows of a study, from the ledger."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from search_spaces.selection import chosen_on_test
from search_spaces.space import Arm
from study.commands.show import show_grid
from study.ledger.ledger import Ledger as StudyLedger
from tests.ledgers import EXPERIMENT, Ledger
from tests.records import an_epoch, scores


@pytest.fixture
def shown(tmp_path: Path) -> Callable[[Ledger], list[str]]:
    def show(ledger: Ledger) -> list[str]:
        ledger.save()
        console = Console(file=io.StringIO(), width=160)
        show_grid(ledger.runs, EXPERIMENT, console)
        return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]

    return show


def test_what_test_chose_has_a_label_of_its_own_and_no_dev_f1(tmp_path, shown):
    ledger = Ledger(tmp_path / "runs")
    on_test = chosen_on_test(Arm(name="gru-1", label="RIN (GRU, K = 1)"))
    ledger.finish(ledger.plan("gru-1", 0), 0.5)
    ledger.finish(ledger.plan(on_test.name, 1, config=on_test.overrides), 0.7)
    ledger.trials[-1]["label"] = on_test.label
    lines = shown(ledger)
    assert "RIN (GRU, K = 1) 1 52.0" in lines
    assert "RIN (GRU, K = 1) (epoch chosen on test) 1 –" in lines
    best = lines[lines.index("best trials") + 2 :]
    assert best[0].startswith("RIN (GRU, K = 1), seed 0 52.0 50.0 3 ")
    assert best[1].startswith("RIN (GRU, K = 1) (epoch chosen on test), seed 1 – 70.0 3 ")


def test_what_learned_nothing_is_not_among_the_best(tmp_path, shown):
    ledger = Ledger(tmp_path / "runs")
    nothing = {"selection_scores": scores(0.0), "test_scores": scores(0.0)}
    ledger.finish(ledger.plan("gru-1", 0), 0.5, nothing)
    lines = shown(ledger)
    assert "best trials" not in lines
    assert any(line.startswith("‡ nothing learned, 1 of 1 run:") for line in lines)


def test_a_label_is_no_markup(tmp_path, shown):
    ledger = Ledger(tmp_path / "runs")
    ledger.finish(ledger.plan("gru-1", 0), 0.5)
    ledger.trials[0]["label"] = "mine [/tmp/x]"
    assert "mine [/tmp/x] 1 52.0" in shown(ledger)


def test_trials_are_counted_in_whole_numbers(tmp_path, shown):
    ledger = Ledger(tmp_path / "runs")
    for seed in range(3):
        ledger.finish(ledger.plan("gru-1", seed), 0.5)
    assert "finished 3 38 s" in shown(ledger)


def test_what_is_under_way_is_shown_with_its_epochs(tmp_path, shown):
    ledger = Ledger(tmp_path / "runs")
    ledger.finish(ledger.plan("gru-1", 0), 0.5)
    on_test = {"training.selection": "test"}
    for seed, (arm, config) in {1: ("gru-1", {}), 2: ("gru-1-on-test", on_test)}.items():
        name = ledger.plan(arm, seed, config=config)
        epochs = [an_epoch(n, f1, seconds=60.0) for n, f1 in enumerate((0.1, 0.7, 0.3), start=1)]
        StudyLedger(tmp_path / "runs").run(name).start_history(epochs)
    ledger.plan("gru-1", 3)
    lines = shown(ledger)
    at = lines.index("running trials")
    assert lines[at + 2] == f"RIN (GRU, K = 1), seed 1 3 70.0 3 min {1:016x}"
    assert lines[at + 3].endswith(f"(epoch chosen on test), seed 2 3 – 3 min {2:016x}")
    assert lines[at + 4] == "best trials"
    assert {"running 2 6 min", "planned 1 0 s"} <= set(lines)
