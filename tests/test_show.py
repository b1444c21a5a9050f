"""What the terminal shows of a study, from the ledger."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from search_spaces.selection import chosen_on_test
from search_spaces.space import Arm
from study.show import show_grid
from tests.ledgers import EXPERIMENT, Ledger


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
    ledger.finish(ledger.plan("gru-1", 1, config=on_test.overrides), 0.7)
    lines = shown(ledger)
    assert "RIN (GRU, K = 1) 1 52.0" in lines
    assert "RIN (GRU, K = 1) (epoch chosen on test) 1 –" in lines
    best = lines[lines.index("best trials") + 2 :]
    assert best[0].startswith("RIN (GRU, K = 1), seed 0 52.0 50.0 3 ")
    assert best[1].startswith("RIN (GRU, K = 1) (epoch chosen on test), seed 1 – 70.0 3 ")


def test_a_label_is_no_markup(tmp_path, shown):
    ledger = Ledger(tmp_path / "runs")
    ledger.finish(ledger.plan("gru-1", 0), 0.5)
    ledger.trials[0]["label"] = "mine [/tmp/x]"
    assert "mine [/tmp/x] 1 52.0" in shown(ledger)


def test_trials_are_counted_in_whole_numbers(tmp_path, shown):
    ledger = Ledger(tmp_path / "runs")
    for seed in range(3):
        ledger.finish(ledger.plan("gru-1", seed), 0.5)
    assert "done 3 38 s" in shown(ledger)
