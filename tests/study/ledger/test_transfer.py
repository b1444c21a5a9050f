"""Ledgers that travel: what merges, what conflicts, and the commands that move and repeat units."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.frames.predictions import read_corpora
from rin_core.config import Config
from rin_core.data.loading import load_corpus, load_dataset
from study.ledger.corpora import record_if_here
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.ledger.schema import read_exported
from study.ledger.search_record import SearchRecord
from study.ledger.transfer import export_ledger, first_difference, merge
from tests.exports import (
    NOTHING,
    ONE_UNIT,
    SEARCH,
    planned,
    python,
    searched,
)


def test_another_ledger_gets_all_but_the_weights(small_ledger, exported, tmp_path):
    other = Ledger(tmp_path / "other")
    (name,) = merge(other, read_exported(exported)).added
    assert other.run(name).result() == small_ledger.run(name).result()
    assert other.run(name).predictions() == small_ledger.run(name).predictions()
    assert not other.run(name).weights.exists()
    again = tmp_path / "again.jsonl"
    export_ledger(other, again)
    assert again.read_bytes() == exported.read_bytes()


def test_what_is_known_is_left_alone_and_what_differs_is_reported(small_ledger, exported):
    merged = merge(small_ledger, read_exported(exported))
    assert (merged.added, merged.conflicts) == ([], {})
    (name,) = merged.known
    record = json.loads(exported.read_text())
    record["content"]["history"]["dev_f1"][1] += 1e-16 + 1e-9
    exported.write_text(json.dumps(record) + "\n")
    before = small_ledger.run(name).result()
    assert (
        merge(small_ledger, read_exported(exported))
        .conflicts[name]
        .startswith("epoch 2: dev_f1 is ")
    )
    assert small_ledger.run(name).result() == before


def test_only_the_corpora_asked_for(small_ledger, tmp_path):
    assert export_ledger(small_ledger, tmp_path / "a", ["demo"]) == ONE_UNIT


def test_where_nothing_can_be_exported_to_or_from_is_named(small_ledger, tmp_path):
    with pytest.raises(
        ValueError, match=r"is a folder; name a file in it, as in \S+/ledger\.jsonl"
    ):
        export_ledger(small_ledger, tmp_path)
    ledger = Ledger(tmp_path / "runs")
    ledger.record_search("cut", {"trials": [], "identities": {}})
    with pytest.raises(LedgerError, match=r"cut\.json: is no record of a study or a search; move"):
        export_ledger(ledger, tmp_path / "a.jsonl")


def test_an_export_of_nothing_leaves_the_file_as_it_was(small_ledger, exported, tmp_path):
    before = exported.read_bytes()
    for asked in (["webnlg"], ["demo", "webnlg"]):
        with pytest.raises(ValueError, match=r"runs\d+: nothing on webnlg to export; it has demo$"):
            export_ledger(small_ledger, exported, asked)
    empty = Ledger(tmp_path / "rusn")
    with pytest.raises(ValueError, match=r"rusn: no finished run, study .* check --out"):
        export_ledger(empty, exported)
    assert exported.read_bytes() == before
    assert not empty.root.exists()


def test_times_are_no_difference_but_everything_else_is(small_ledger):
    (unit,) = small_ledger.runs()
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


def test_where_a_pretrained_model_lies_stays_here(small_ledger, tmp_path):
    (unit,) = small_ledger.runs()
    result = unit.result()
    assert result is not None
    there = {**result["config"], "encoder.kind": "transformer", "encoder.model": "/home/me/model"}
    fingerprint = Config.from_flat(there).fingerprint("d")
    moved = {**result, "config": there, "fingerprint": fingerprint}
    moved |= {"pretrained": {"name": "me/model", "digest": "m"}}
    moved |= {"corpus": {**result["corpus"], "digest": "d"}}
    mine, other = Ledger(tmp_path / "mine"), Ledger(tmp_path / "other")
    mine.run(fingerprint).import_result(moved, None)
    export_ledger(mine, tmp_path / "file")
    assert "/home" not in (tmp_path / "file").read_text()
    assert merge(other, read_exported(tmp_path / "file")).added == [fingerprint]


def test_a_plans_command_names_no_place(tmp_path):
    here, other = Ledger(tmp_path / "here"), Ledger(tmp_path / "other")
    command = (
        "python study/run.py --out /home/me/runs --seeds 3 --shared=s3://mine --arms 'gru-*' "
        "--data_root /home/me/c --data /home/me/private --embeddings=/home/me/g.txt "
        "--set encoder.model=/home/me/bert --space mine/dropout.toml"
    )
    here.record_study("curve", {"corpus": "demo", "space": "s", "command": command}, [planned(0)])
    export_ledger(here, tmp_path / "file")
    merge(other, read_exported(tmp_path / "file"))
    study = other.study("curve")
    assert study is not None
    assert study["command"] == (
        "python study/run.py --seeds 3 --arms 'gru-*' --data private --embeddings=g.txt "
        "--set encoder.model=bert --space mine/dropout.toml"
    )
    export_ledger(other, tmp_path / "again")
    merge(other, read_exported(tmp_path / "again"))


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
    assert merge(here, read_exported(file)).added == ["curve"]
    study = here.study("curve")
    assert study is not None
    assert study["trials"] == [planned(0), planned(1), planned(2)]
    assert study["command"] == shown
    assert study["updated"] == max(ours["updated"], theirs["updated"])
    assert merge(here, read_exported(file)).known == ["curve"]


def test_an_older_plan_from_elsewhere_changes_no_arm(tmp_path):
    """What an arm was last is what reports take it for, and the last settings are reported."""
    here, there = Ledger(tmp_path / "here"), Ledger(tmp_path / "there")
    config = Config().override("encoder.dropout", 0.5)
    changed = {"config": config.flat(), "fingerprint": config.fingerprint("d")}
    old: list[dict[str, object]] = [{**planned(0), **changed}]
    old.append({**planned(5), "settings": {"training.patience": 3}})
    there.record_study(
        "curve", {"corpus": "demo", "space": "s", "updated": OLD_TIME}, [*old, planned(7)]
    )
    here.record_study("curve", {"corpus": "demo", "space": "s", "updated": NEW_TIME}, [planned(0)])
    file = tmp_path / "there.jsonl"
    export_ledger(there, file)
    merge(here, read_exported(file))
    study = here.study("curve")
    assert study is not None
    assert study["trials"] == [*old, planned(0), planned(7)]


#: An hour apart, in zones that sort the other way.
OLD_TIME, NEW_TIME = "2026-01-01T23:00:00+0200", "2026-01-01T22:00:00+0000"


def two_with_a_search(folder: Path) -> tuple[Ledger, Ledger, Path]:
    """Two ledgers that have the same search, and the second one's export."""
    here, there = Ledger(folder / "here"), Ledger(folder / "there")
    there.record_search("tune", {**SEARCH, "trials": [searched(0, 0.5)]})
    file = folder / "there.jsonl"
    assert export_ledger(there, file) == {**NOTHING, "search": 1}
    assert merge(here, read_exported(file)).added == ["tune"]
    return here, there, file


def test_a_search_goes_over_whole(tmp_path):
    here, there, file = two_with_a_search(tmp_path)
    assert SearchRecord(here, "tune").trials == SearchRecord(there, "tune").trials
    assert merge(here, read_exported(file)).known == ["tune"]


def test_a_search_that_went_on_elsewhere_comes_back(tmp_path):
    here, there, file = two_with_a_search(tmp_path)
    cut_off = {**searched(1, 0.4), "state": "running"}
    here.record_search("tune", {**SEARCH, "trials": [searched(0, 0.5), cut_off]})
    on = [searched(0, 0.5), searched(1, 0.6), searched(2, 0.7)]
    more = {"a": {"seed": 1}, "b": {"seed": 1}}
    there.record_search("tune", {**SEARCH, "identities": more, "trials": on})
    export_ledger(there, file)
    assert merge(here, read_exported(file)).added == ["tune"]
    record = SearchRecord(here, "tune")
    assert (record.trials, record.identities) == (SearchRecord(there, "tune").trials, more)
    export_ledger(two_with_a_search(tmp_path / "old")[1], file)
    assert merge(here, read_exported(file)).known == ["tune"], "all of the old one is here"


@pytest.mark.parametrize(
    "theirs",
    [
        {"trials": [searched(0, 0.5), searched(1, 0.7), searched(2, 0.7)]},
        {"trials": [searched(0, 0.5)], "identities": {"a": {"seed": 2}}},
    ],
)
def test_two_searches_of_one_name_are_a_conflict(tmp_path, theirs):
    here, there, file = two_with_a_search(tmp_path)
    here.record_search("tune", {**SEARCH, "trials": [searched(0, 0.5), searched(1, 0.6)]})
    there.record_search("tune", {**SEARCH, **theirs})
    export_ledger(there, file)
    counts = f"2 trials here and {len(theirs['trials'])} there"
    assert merge(here, read_exported(file)).conflicts["tune"].startswith(counts)
    assert len(SearchRecord(here, "tune").trials) == 2


class TestCommands:
    def test_export_import_rerun(self, small_ledger, tmp_path):
        file, other = tmp_path / "units.jsonl", tmp_path / "other"
        assert "1 run," in python("study/run.py", "export", str(file), f"--out={small_ledger.root}")
        assert "1 record added" in python("study/run.py", "import", str(file), f"--out={other}")
        assert [record.name for record in read_corpora(other).values()] == ["demo"]
        (unit,) = Ledger(other).runs()
        assert not unit.weights.exists()
        shown = python("study/run.py", "rerun", unit.fingerprint[:6], f"--out={other}")
        assert "every number is bit-identical" in shown
        assert "the ledger now has the weights" in shown
        trained = small_ledger.run(unit.fingerprint).weights
        assert unit.weights.read_bytes() == trained.read_bytes()

    def test_rerun_says_what_differs(self, small_ledger, exported, tmp_path):
        record = json.loads(exported.read_text())
        record["content"]["history"]["train_loss"][0] += 1.0
        record["content"]["provenance"]["hardware"] = "a slide rule"
        del record["content"]["provenance"]["arithmetic"]
        exported.write_text(json.dumps(record) + "\n")
        other = tmp_path / "other"
        merge(Ledger(other), read_exported(exported))
        name = record["content"]["fingerprint"]
        shown = python("study/run.py", "rerun", name, f"--out={other}", code=1)
        assert "first difference: epoch 1: train_loss is" in shown
        assert "hardware: recorded a slide rule," in shown
        assert "arithmetic: recorded unknown," in shown

    def test_a_corpus_that_is_not_at_hand_is_named(self, exported, tmp_path):
        record = json.loads(exported.read_text())
        for name, message in (
            ("elsewhere", "corpus 'elsewhere': no such folder"),
            ("demo", "corpus 'demo': the one here is another"),
        ):
            record["content"]["corpus"] |= {"name": name, "content": "0" * 16}
            exported.write_text(json.dumps(record) + "\n")
            other = tmp_path / name
            shown = python("study/run.py", "import", str(exported), f"--out={other}")
            assert message in shown
            assert "reports leave out scores by class" in shown
            assert not (other / "corpora").exists()

    def test_a_corpus_is_known_by_the_tags_that_trials_have_it_with(self, tmp_path):
        """Tags on a part of the sentences are dropped or made whole, and the digest is of that."""
        folder, record = tmp_path / "mine", {"text": "Ann met Bob .", "pos": "NNP VBD NNP ."}
        record["triple_list"] = [["Ann", "met", "Bob"]]
        folder.mkdir()
        for split in ("train", "dev", "test"):
            rows = (record, {**record, "pos": None})
            (folder / f"{split}.json").write_text("\n".join(map(json.dumps, rows)))
        config, ledger = Config(), Ledger(tmp_path / "runs")
        content = load_dataset("mine", config, data_root=tmp_path).content
        assert content != load_corpus("mine", tmp_path).digest()
        assert record_if_here(ledger, content, "mine", tmp_path, config) == ""
        assert set(read_corpora(ledger.root)) == {content}

    def test_a_conflict_fails_the_import(self, small_ledger, exported):
        record = json.loads(exported.read_text())
        record["content"]["history"]["train_loss"][0] += 1.0
        exported.write_text(json.dumps(record) + "\n")
        shown = python(
            "study/run.py", "import", str(exported), f"--out={small_ledger.root}", code=1
        )
        assert "conflict" in shown

    def test_nothing_is_added_if_one_file_of_several_is_bad(self, exported, tmp_path):
        bad, other = tmp_path / "bad.jsonl", tmp_path / "other"
        bad.write_text("{}")
        files = str(exported), str(bad)
        shown = python("study/run.py", "import", *files, f"--out={other}", code=2)
        assert "bad.jsonl, line 1: is no exported record (record is missing)" in shown
        assert not other.exists()

    def test_misuse(self, tmp_path):
        Ledger(tmp_path).run(Config().fingerprint("d")).record_failure("for the folder")
        for prefix, message in (("zz", "no such run"), ("", "not finished")):
            shown = python("study/run.py", "rerun", prefix, f"--out={tmp_path}", code=2)
            assert message in shown
        file = tmp_path / "none.jsonl"
        shown = python("study/run.py", "export", str(file), f"--out={tmp_path}", code=2)
        assert "no finished run, study or search to export; check --out" in shown
        assert not file.exists()
        missing = python("study/run.py", "import", "/nowhere.jsonl", f"--out={tmp_path}", code=2)
        assert "import /nowhere.jsonl: no such file" in missing
