"""Finished units as JSON lines, and the commands that move and repeat them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rin_core.config import Config
from study.ledger import Ledger
from study.portable import export_units, first_difference, import_units

ROOT = Path(__file__).parents[1]
TINY = {
    "encoder.hidden_size": 8,
    "encoder.word_dim": 4,
    "model.feature_size": 8,
    "training.max_epochs": 2,
    "training.batch_size": 200,
}
SETTINGS = [f"--set={name}={value}" for name, value in TINY.items()]


def python(*arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    out = tmp_path_factory.mktemp("runs")
    python("study/trial.py", f"--out={out}", *SETTINGS)
    return Ledger(out)


@pytest.fixture
def exported(ledger: Ledger, tmp_path: Path) -> Path:
    file = tmp_path / "kept" / "demo.jsonl"
    assert export_units(ledger, file) == 1
    return file


def test_another_ledger_gets_all_but_the_weights(ledger, exported, tmp_path):
    other = Ledger(tmp_path / "other")
    (name,) = import_units(other, exported).added
    assert other.unit(name).result() == ledger.unit(name).result()
    assert other.unit(name).predictions() == ledger.unit(name).predictions()
    assert not other.unit(name).weights.exists()
    again = tmp_path / "again.jsonl"
    export_units(other, again)
    assert again.read_bytes() == exported.read_bytes()


def test_what_is_known_is_left_alone_and_what_differs_is_reported(ledger, exported):
    merged = import_units(ledger, exported)
    assert (merged.added, merged.conflicts) == ([], {})
    (name,) = merged.known
    record = json.loads(exported.read_text())
    record["history"]["dev_f1"][1] += 1e-16 + 1e-9
    exported.write_text(json.dumps(record) + "\n")
    before = ledger.unit(name).result()
    assert import_units(ledger, exported).conflicts[name].startswith("epoch 2: dev_f1 is ")
    assert ledger.unit(name).result() == before


def test_only_the_corpora_asked_for(ledger, tmp_path):
    assert export_units(ledger, tmp_path / "a", ["demo"]) == 1
    assert export_units(ledger, tmp_path / "b", ["webnlg_star"]) == 0


def test_times_are_no_difference_but_everything_else_is(ledger):
    (unit,) = ledger.units()
    result = unit.result()
    assert result is not None
    slower = [{**row, "seconds": 1e9, "tokens_per_second": 0.1} for row in result["history"]]
    assert first_difference(result, {**result, "history": slower, "seconds": 1e9}) is None
    assert first_difference(result, {**result, "best_epoch": 99}) == (
        f"best_epoch is {result['best_epoch']} here and 99 there"
    )
    longer = [*result["history"], result["history"][-1]]
    assert first_difference(result, {**result, "history": longer}) == "2 epochs here and 3 there"
    better = {**result["test"], "f1": 2.0}
    assert "test is F1" in (first_difference(result, {**result, "test": better}) or "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": {"model.rounds": 2}}, "its configuration and data have fingerprint"),
        ({"fingerprint": "../../../evil"}, "its configuration and data have fingerprint"),
        ({"config": {"model.size": 2}}, "model.size: no such field"),
        ({"format": 99}, "another format"),
    ],
)
def test_a_line_that_is_no_unit_names_file_and_line(exported, tmp_path, change, message):
    record = json.loads(exported.read_text()) | change
    with exported.open("a") as file:
        file.write(json.dumps(record) + "\n")
    other = Ledger(tmp_path / "other")
    with pytest.raises(ValueError, match=rf"demo\.jsonl, line 2: .*{message}"):
        import_units(other, exported)
    assert other.units() == []


@pytest.mark.parametrize("text", ["{", "[]", "{}", "\x00", '{"format": 1}'])
def test_malformed_lines(tmp_path, text):
    file = tmp_path / "bad.jsonl"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"bad\.jsonl, line 1: is no exported unit"):
        import_units(Ledger(tmp_path / "other"), file)


class TestCommands:
    def test_export_import_rerun(self, ledger, tmp_path):
        file, other = tmp_path / "units.jsonl", tmp_path / "other"
        assert "1 finished units" in python(
            "study/run.py", "export", str(file), f"--out={ledger.root}"
        )
        assert "1 units added" in python("study/run.py", "import", str(file), f"--out={other}")
        (unit,) = Ledger(other).units()
        shown = python("study/run.py", "rerun", unit.fingerprint[:6], f"--out={other}")
        assert "every number agrees to the bit" in shown

    def test_rerun_says_what_differs(self, ledger, exported, tmp_path):
        record = json.loads(exported.read_text())
        record["history"]["train_loss"][0] += 1.0
        exported.write_text(json.dumps(record) + "\n")
        other = tmp_path / "other"
        import_units(Ledger(other), exported)
        shown = python("study/run.py", "rerun", record["fingerprint"], f"--out={other}", code=1)
        assert "first difference: epoch 1: train_loss is" in shown

    def test_a_conflict_fails_the_import(self, ledger, exported):
        record = json.loads(exported.read_text())
        record["history"]["train_loss"][0] += 1.0
        exported.write_text(json.dumps(record) + "\n")
        shown = python("study/run.py", "import", str(exported), f"--out={ledger.root}", code=1)
        assert "conflict" in shown

    def test_misuse(self, tmp_path):
        Ledger(tmp_path).unit(Config().fingerprint("d")).fail("for the folder")
        for prefix, message in (("zz", "no such unit"), ("", "is not finished")):
            shown = python("study/run.py", "rerun", prefix, f"--out={tmp_path}", code=2)
            assert message in shown
        missing = python("study/run.py", "import", "/nowhere.jsonl", f"--out={tmp_path}", code=1)
        assert "/nowhere.jsonl" in missing
