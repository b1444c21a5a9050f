"""Finished units as JSON lines, and the commands that move and repeat them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from rin_core.config import Config
from study.ledger import Ledger
from study.portable import FORMAT, export_ledger, first_difference, import_ledger
from study.search_record import SearchRecord, SearchTrial

ROOT = Path(__file__).parents[1]
TINY = {
    "encoder.hidden_size": 8,
    "encoder.word_dim": 4,
    "model.feature_size": 8,
    "training.max_epochs": 2,
    "training.batch_size": 200,
}
NOTHING = {"unit": 0, "study": 0, "search": 0}
ONE_UNIT = {**NOTHING, "unit": 1}
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
    assert export_ledger(ledger, file) == ONE_UNIT
    return file


def test_another_ledger_gets_all_but_the_weights(ledger, exported, tmp_path):
    other = Ledger(tmp_path / "other")
    (name,) = import_ledger(other, exported).added
    assert other.unit(name).result() == ledger.unit(name).result()
    assert other.unit(name).predictions() == ledger.unit(name).predictions()
    assert not other.unit(name).weights.exists()
    again = tmp_path / "again.jsonl"
    export_ledger(other, again)
    assert again.read_bytes() == exported.read_bytes()


def test_what_is_known_is_left_alone_and_what_differs_is_reported(ledger, exported):
    merged = import_ledger(ledger, exported)
    assert (merged.added, merged.conflicts) == ([], {})
    (name,) = merged.known
    record = json.loads(exported.read_text())
    record["content"]["history"]["dev_f1"][1] += 1e-16 + 1e-9
    exported.write_text(json.dumps(record) + "\n")
    before = ledger.unit(name).result()
    assert import_ledger(ledger, exported).conflicts[name].startswith("epoch 2: dev_f1 is ")
    assert ledger.unit(name).result() == before


def test_only_the_corpora_asked_for(ledger, tmp_path):
    assert export_ledger(ledger, tmp_path / "a", ["demo"]) == ONE_UNIT
    assert export_ledger(ledger, tmp_path / "b", ["webnlg_star"]) == NOTHING


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
    record = json.loads(exported.read_text())
    (record if "format" in change else record["content"]).update(change)
    with exported.open("a") as file:
        file.write(json.dumps(record) + "\n")
    other = Ledger(tmp_path / "other")
    with pytest.raises(ValueError, match=rf"demo\.jsonl, line 2: .*{message}"):
        import_ledger(other, exported)
    assert other.units() == []


def test_where_a_pretrained_model_lies_stays_here(ledger, tmp_path):
    (unit,) = ledger.units()
    result = unit.result()
    assert result is not None
    there = {**result["config"], "encoder.kind": "transformer", "encoder.model": "/home/me/model"}
    fingerprint = Config.from_flat(there).fingerprint("d")
    moved = {**result, "config": there, "fingerprint": fingerprint}
    moved |= {"pretrained": {"name": "me/model", "digest": "m"}}
    moved |= {"corpus": {**result["corpus"], "digest": "d"}}
    mine, other = Ledger(tmp_path / "mine"), Ledger(tmp_path / "other")
    mine.unit(fingerprint).adopt(moved, None)
    export_ledger(mine, tmp_path / "file")
    assert "/home" not in (tmp_path / "file").read_text()
    assert import_ledger(other, tmp_path / "file").added == [fingerprint]


def test_a_plans_command_names_no_place(tmp_path):
    here, other = Ledger(tmp_path / "here"), Ledger(tmp_path / "other")
    command = "python study/run.py --out /home/me/runs --seeds 3 --shared=s3://mine --arms 'gru-*'"
    here.record_study("curve", {"corpus": "demo", "space": "s", "command": command}, [planned(0)])
    export_ledger(here, tmp_path / "file")
    import_ledger(other, tmp_path / "file")
    study = other.study("curve")
    assert study is not None
    assert study["command"] == "python study/run.py --seeds 3 --arms 'gru-*'"
    export_ledger(other, tmp_path / "again")
    import_ledger(other, tmp_path / "again")


def planned(seed: int) -> dict[str, object]:
    config = Config().override("training.seed", seed)
    return {"fingerprint": config.fingerprint("d"), "arm": "a", "config": config.flat()}


@pytest.mark.parametrize(("their_hour", "shown"), [("07", "ours"), ("09", "theirs")])
def test_a_plan_made_elsewhere_joins_the_one_made_here(tmp_path, their_hour, shown):
    """Of both, and under the command that was given last."""
    here, there = Ledger(tmp_path / "here"), Ledger(tmp_path / "there")
    ours, theirs = (
        {"corpus": "demo", "space": "s", "command": c, "updated": f"2026-01-01T{hour}:00:00+0000"}
        for c, hour in (("ours", "08"), ("theirs", their_hour))
    )
    here.record_study("curve", ours, [planned(0), planned(1)])
    there.record_study("curve", theirs, [planned(1), planned(2)])
    file = tmp_path / "there.jsonl"
    assert export_ledger(there, file) == {**NOTHING, "study": 1}
    assert export_ledger(there, tmp_path / "none", ["webnlg_star"]) == NOTHING
    assert import_ledger(here, file).added == ["curve"]
    study = here.study("curve")
    assert study is not None
    assert study["trials"] == [planned(0), planned(1), planned(2)]
    assert study["command"] == shown
    assert study["updated"] == max(ours["updated"], theirs["updated"])
    assert import_ledger(here, file).known == ["curve"]


def searched(number: int, f1: float) -> dict[str, object]:
    return dataclasses.asdict(
        SearchTrial(
            arm="a",
            number=number,
            parameters={"training.seed": number},
            fingerprint="f",
            config=Config().flat(),
            dev_f1=[f1],
        )
    )


def test_a_search_goes_over_whole_and_two_of_one_name_are_a_conflict(tmp_path):
    here, there = Ledger(tmp_path / "here"), Ledger(tmp_path / "there")
    content = {"experiment": "tune", "corpus": "demo", "identities": {}}
    there.record_search("tune", {**content, "trials": [searched(0, 0.5)]})
    file = tmp_path / "there.jsonl"
    assert export_ledger(there, file) == {**NOTHING, "search": 1}
    assert import_ledger(here, file).added == ["tune"]
    assert SearchRecord(here, "tune").trials == SearchRecord(there, "tune").trials
    assert import_ledger(here, file).known == ["tune"]
    here.record_search("tune", {**content, "trials": [searched(0, 0.5), searched(1, 0.6)]})
    merged = import_ledger(here, file)
    assert merged.conflicts == {"tune": "2 trials here and 1 there, not the same"}
    assert len(SearchRecord(here, "tune").trials) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"experiment": "../units/x", "trials": []}, "is no name of a search"),
        ({"experiment": "x", "trials": [{**searched(0, 0.5), "config": {"a.b": 1}}]}, "a.b"),
        ({"experiment": "x", "trials": [{"config": Config().flat()}]}, "missing"),
        ({"experiment": "x"}, "'trials' is missing"),
    ],
)
def test_a_search_that_could_not_be_read_back_is_refused(tmp_path, content, message):
    file = tmp_path / "bad.jsonl"
    file.write_text(json.dumps({"record": "search", "format": FORMAT, "content": content}))
    with pytest.raises(ValueError, match=rf"line 1: is no exported record \(.*{message}"):
        import_ledger(Ledger(tmp_path / "other"), file)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    "text", [b"{", b"[]", b"{}", b"\x00", b'{"format": 1}', b'{"\xff": 1}', b"[" * 100_000]
)
def test_malformed_lines(tmp_path, text):
    file = tmp_path / "bad.jsonl"
    file.write_bytes(text)
    with pytest.raises(ValueError, match=r"bad\.jsonl, line 1: is no exported record"):
        import_ledger(Ledger(tmp_path / "other"), file)


class TestCommands:
    def test_export_import_rerun(self, ledger, tmp_path):
        file, other = tmp_path / "units.jsonl", tmp_path / "other"
        assert "1 finished units" in python(
            "study/run.py", "export", str(file), f"--out={ledger.root}"
        )
        assert "1 records added" in python("study/run.py", "import", str(file), f"--out={other}")
        (unit,) = Ledger(other).units()
        shown = python("study/run.py", "rerun", unit.fingerprint[:6], f"--out={other}")
        assert "every number agrees to the bit" in shown

    def test_rerun_says_what_differs(self, ledger, exported, tmp_path):
        record = json.loads(exported.read_text())
        record["content"]["history"]["train_loss"][0] += 1.0
        record["content"]["provenance"]["hardware"] = "a slide rule"
        del record["content"]["provenance"]["arithmetic"]
        exported.write_text(json.dumps(record) + "\n")
        other = tmp_path / "other"
        import_ledger(Ledger(other), exported)
        name = record["content"]["fingerprint"]
        shown = python("study/run.py", "rerun", name, f"--out={other}", code=1)
        assert "first difference: epoch 1: train_loss is" in shown
        assert "hardware: a slide rule then," in shown
        assert "arithmetic: not recorded then," in shown
        assert "compare the scores as those of two seeds" in shown

    def test_a_conflict_fails_the_import(self, ledger, exported):
        record = json.loads(exported.read_text())
        record["content"]["history"]["train_loss"][0] += 1.0
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
