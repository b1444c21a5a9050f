"""Commands that add the importance of parameters to searches recorded without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from study.commands import sync
from study.commands.arguments import Sync
from study.ledger.ledger import Ledger
from tests.exports import run_command
from tests.records import a_planned_run, a_study
from tests.tuned import searched


@pytest.fixture(autouse=True)
def few_shuffles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.search.importance.SHUFFLED", 10)


def found(ledger: Ledger, name: str) -> set[str]:
    search = ledger.search(name)
    assert search is not None
    return set(search.importance)


def test_import_adds_it_to_a_search_of_a_file_without_it(tmp_path: Path) -> None:
    old, new, file = Ledger(tmp_path / "old"), Ledger(tmp_path / "new"), tmp_path / "x.jsonl.xz"
    old.record_search(searched(12))
    run_command("export", str(file), f"--runs={old.root}")
    assert "1 record added" in run_command("import", str(file), f"--runs={new.root}")
    assert (found(old, "tune"), found(new, "tune")) == (set(), {"a"})
    # An importance that is there is exported, and a search known before gets it, too.
    run_command("export", str(file), f"--runs={new.root}")
    assert "0 records added, 1 already there" in run_command(
        "import", str(file), f"--runs={old.root}"
    )
    assert found(old, "tune") == {"a"}


@pytest.mark.slow
def test_sync_adds_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record_study(a_study([a_planned_run(0)], "curve"))
    ledger.record_search(searched(12))
    assert sync.run(Sync(runs=tmp_path), Console(quiet=True)) == 0
    assert found(ledger, "tune") == {"a"}
