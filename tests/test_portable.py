"""Finished units as JSON lines, and the commands that move and repeat them."""

from __future__ import annotations

import dataclasses
import json
import lzma
import math
import subprocess
import sys
from pathlib import Path

import pytest

import study.exported
from reports.predictions import read_corpora
from rin_core.config import Config
from rin_core.dataset import load_corpus, load_dataset
from study.corpora import record_if_here
from study.exported import FORMAT, read_exported
from study.ledger import Ledger
from study.portable import export_ledger, first_difference, merge
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
    (name,) = merge(other, read_exported(exported)).added
    assert other.unit(name).result() == ledger.unit(name).result()
    assert other.unit(name).predictions() == ledger.unit(name).predictions()
    assert not other.unit(name).weights.exists()
    again = tmp_path / "again.jsonl"
    export_ledger(other, again)
    assert again.read_bytes() == exported.read_bytes()


def test_what_is_known_is_left_alone_and_what_differs_is_reported(ledger, exported):
    merged = merge(ledger, read_exported(exported))
    assert (merged.added, merged.conflicts) == ([], {})
    (name,) = merged.known
    record = json.loads(exported.read_text())
    record["content"]["history"]["dev_f1"][1] += 1e-16 + 1e-9
    exported.write_text(json.dumps(record) + "\n")
    before = ledger.unit(name).result()
    assert merge(ledger, read_exported(exported)).conflicts[name].startswith("epoch 2: dev_f1 is ")
    assert ledger.unit(name).result() == before


def test_only_the_corpora_asked_for(ledger, tmp_path):
    assert export_ledger(ledger, tmp_path / "a", ["demo"]) == ONE_UNIT


def test_an_export_of_nothing_leaves_the_file_as_it_was(ledger, exported, tmp_path):
    before = exported.read_bytes()
    for asked in (["webnlg"], ["demo", "webnlg"]):
        with pytest.raises(ValueError, match=r"runs\d+: nothing on webnlg to export; it has demo$"):
            export_ledger(ledger, exported, asked)
    empty = Ledger(tmp_path / "rusn")
    with pytest.raises(ValueError, match=r"rusn: no finished unit, study .* check --out"):
        export_ledger(empty, exported)
    assert exported.read_bytes() == before
    assert not empty.root.exists()


RAN = {"threads": 1, "hardware": "a slide rule"}


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
        ({"fingerprint": "../../../evil"}, "fingerprint = .*: must be 16 hexadecimal digits"),
        ({"fingerprint": "0" * 16}, "its configuration and data have fingerprint"),
        ({"config": {"model.size": 2}}, "model.size: no such field"),
        ({"format": 99}, "another format"),
        ({"dev": None}, "dev = None: must be an object"),
        ({"dev": {}}, "dev.precision is missing"),
        ({"test": {"precision": math.nan}}, "test.precision = nan: must be a finite number"),
        ({"seconds": 10**400}, "seconds = 1000.*: must be a finite number"),
        ({"history": {}}, "history.epoch is missing"),
        ({"history": {"epoch": [2]}}, "history.train_loss is missing"),
        ({"best_epoch": 99}, "best_epoch = 99: must be one of the 2 epochs"),
        ({"predictions": {"relations": []}}, "predictions.triples is missing"),
        ({"corpus": {"digest": "d"}}, "corpus.name is missing"),
        ({"corpus": {"name": "c", "digest": "../d"}}, "corpus.digest = .*: must be a name"),
        ({"corpus": {"name": "..", "digest": "d"}}, "corpus.name = '..': must be a name"),
        ({"vectors": {}}, "vectors.name is missing"),
        ({"vectors": {"name": "/etc/passwd"}}, "vectors.name = .*: must be a name"),
        ({"provenance": {}}, "provenance.threads is missing"),
        ({"provenance": RAN}, "provenance.code is missing"),
        (
            {"provenance": {**RAN, "code": {"commit": 7}}},
            "provenance.code.commit = 7: must be text",
        ),
        (
            {"provenance": {**RAN, "code": {}, "started": 1e12}},
            "provenance.started = 1000.*: must be seconds since 1970",
        ),
    ],
)
def test_a_line_that_is_no_unit_names_file_and_line(exported, tmp_path, change, message):
    record = json.loads(exported.read_text())
    (record if "format" in change else record["content"]).update(change)
    with exported.open("a") as file:
        file.write(json.dumps(record) + "\n")
    other = Ledger(tmp_path / "other")
    with pytest.raises(ValueError, match=rf"demo\.jsonl, line 2: .*{message}"):
        merge(other, read_exported(exported))
    assert other.units() == []


def test_columns_of_other_lengths_are_no_history(exported, tmp_path):
    record = json.loads(exported.read_text())
    record["content"]["history"]["dev_f1"].pop()
    exported.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"line 1: .*history\.dev_f1 has 1 values: must be 2"):
        merge(Ledger(tmp_path / "other"), read_exported(exported))


def test_the_ledger_that_is_kept_is_read(tmp_path):
    kept = list((ROOT / "results" / "ledger").glob("*.jsonl.xz"))
    assert kept
    for path in kept:
        assert len(read_exported(path)) == lzma.decompress(path.read_bytes()).count(b"\n")


def test_a_packed_file_is_the_same_records(ledger, exported, tmp_path):
    packed = tmp_path / "packed.jsonl.xz"
    assert export_ledger(ledger, packed) == ONE_UNIT
    assert lzma.decompress(packed.read_bytes()) == exported.read_bytes()
    assert read_exported(packed) == read_exported(exported)
    whole = packed.read_bytes()
    for broken in (whole[:-9], b"not packed at all", whole[:40] + b"\x00" + whole[41:]):
        packed.write_bytes(broken)
        with pytest.raises(ValueError, match=r"packed\.jsonl\.xz: cannot be unpacked .*whole\?"):
            read_exported(packed)


def test_a_line_that_fits_in_no_memory_is_not_read_to_its_end(monkeypatch, tmp_path):
    monkeypatch.setattr(study.exported, "LONGEST_LINE", 1000)
    packed = tmp_path / "bomb.jsonl.xz"
    packed.write_bytes(lzma.compress(b" " * 10**6))
    with pytest.raises(ValueError, match=r"bomb\.jsonl\.xz, line 1: is no exported record"):
        read_exported(packed)


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
    assert merge(other, read_exported(tmp_path / "file")).added == [fingerprint]


def test_a_plans_command_names_no_place(tmp_path):
    here, other = Ledger(tmp_path / "here"), Ledger(tmp_path / "other")
    command = "python study/run.py --out /home/me/runs --seeds 3 --shared=s3://mine --arms 'gru-*'"
    here.record_study("curve", {"corpus": "demo", "space": "s", "command": command}, [planned(0)])
    export_ledger(here, tmp_path / "file")
    merge(other, read_exported(tmp_path / "file"))
    study = other.study("curve")
    assert study is not None
    assert study["command"] == "python study/run.py --seeds 3 --arms 'gru-*'"
    export_ledger(other, tmp_path / "again")
    merge(other, read_exported(tmp_path / "again"))


def planned(seed: int) -> dict[str, object]:
    config = Config().override("training.seed", seed)
    names = {"arm": "a", "label": "A", "seed": seed}
    return {"fingerprint": config.fingerprint("d"), **names, "config": config.flat()}


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


def searched(number: int, f1: float) -> dict[str, object]:
    return dataclasses.asdict(
        SearchTrial(
            arm="a",
            number=number,
            parameters={"training.seed": number},
            fingerprint=f"{number:016x}",
            config=Config().flat(),
            state="finished",
            dev_f1=[f1],
            seconds=[1.0],
        )
    )


SEARCH = {
    **{"experiment": "tune", "title": "?", "corpus": "demo", "command": "run", "budget": 4},
    **{"settings": {}, "labels": {}, "parameters": {}, "confirmed": "tune-confirmed"},
    **{"identities": {"a": {"seed": 1}}, "trials": []},
}
STUDY = {"experiment": "curve", "corpus": "demo", "space": "s", "trials": []}


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


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("search", {"experiment": "../units/x"}, "experiment = '../units/x': must be a name"),
        ("search", {"experiment": "x\0"}, "experiment = .* must be a name"),
        ("search", {"corpus": None}, "corpus = None: must be a name"),
        ("search", {"identities": []}, r"identities = \[\]: must be an object of objects"),
        ("search", {"identities": {}, "trials": [searched(0, 0.5)]}, "identities knows no such"),
        ("search", {"command": "run 'x"}, "command = .* must be a command line"),
        ("search", {"trials": [{**searched(0, 0.5), "config": {"a.b": 1}}]}, "a.b"),
        ("search", {"trials": [{**searched(0, 0.5), "size": 1}]}, r"trials\[0\]\.size: no such"),
        ("search", {"trials": [{**searched(0, 0.5), "state": "?"}]}, r"state = '\?': must be one"),
        ("search", {"trials": [{**searched(0, 0.5), "seconds": []}]}, "seconds has 0 values"),
        ("search", {"trials": [searched(0, 0.5)] * 2}, r"trials\[1\]\.number = 0: a has two"),
        ("search", {"trials": [{"config": Config().flat()}]}, r"trials\[0\]\.arm is missing"),
        ("search", {"trials": 5}, "trials = 5: must be a list of objects"),
        ("study", {"corpus": 5}, "corpus = 5: must be a name"),
        ("study", {"updated": 5}, "updated = 5: must be text"),
        ("study", {"trials": [{**planned(0), "arm": None}]}, r"trials\[0\]\.arm = None"),
        (
            "study",
            {"trials": [{**planned(0), "fingerprint": "../../../../tmp/x"}]},
            r"trials\[0\]\.fingerprint = '\.\./.*': must be 16 hexadecimal digits",
        ),
    ],
)
def test_a_plan_that_the_ledger_could_not_use_is_refused(tmp_path, kind, change, message):
    content = {**(SEARCH if kind == "search" else STUDY), **change}
    file = tmp_path / "bad.jsonl"
    lines = ({**STUDY, "trials": [planned(0)]}, "study"), (content, kind)
    records = ({"record": k, "format": FORMAT, "content": c} for c, k in lines)
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    with pytest.raises(ValueError, match=rf"line 2: is no exported record \(.*{message}"):
        merge(Ledger(tmp_path / "other"), read_exported(file))
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("kind", ["study", "search"])
def test_every_field_that_a_plan_needs_is_asked_for(tmp_path, kind):
    whole = SEARCH if kind == "search" else STUDY
    for name in whole:
        content = {k: v for k, v in whole.items() if k != name}
        file = tmp_path / "bad.jsonl"
        file.write_text(json.dumps({"record": kind, "format": FORMAT, "content": content}))
        with pytest.raises(ValueError, match=rf"line 1: .*\({name} is missing\)"):
            merge(Ledger(tmp_path / "other"), read_exported(file))


@pytest.mark.parametrize(
    "text", [b"{", b"[]", b"{}", b"\x00", b'{"format": 1}', b'{"\xff": 1}', b"[" * 100_000]
)
def test_malformed_lines(tmp_path, text):
    file = tmp_path / "bad.jsonl"
    file.write_bytes(text)
    with pytest.raises(ValueError, match=r"bad\.jsonl, line 1: is no exported record"):
        merge(Ledger(tmp_path / "other"), read_exported(file))


class TestCommands:
    def test_export_import_rerun(self, ledger, tmp_path):
        file, other = tmp_path / "units.jsonl", tmp_path / "other"
        assert "1 finished units" in python(
            "study/run.py", "export", str(file), f"--out={ledger.root}"
        )
        assert "1 records added" in python("study/run.py", "import", str(file), f"--out={other}")
        assert [record.name for record in read_corpora(other).values()] == ["demo"]
        (unit,) = Ledger(other).units()
        assert not unit.weights.exists()
        shown = python("study/run.py", "rerun", unit.fingerprint[:6], f"--out={other}")
        assert "every number agrees to the bit" in shown
        assert "its weights are in the ledger now" in shown
        trained = ledger.unit(unit.fingerprint).weights
        assert unit.weights.read_bytes() == trained.read_bytes()

    def test_rerun_says_what_differs(self, ledger, exported, tmp_path):
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
        assert "hardware: a slide rule then," in shown
        assert "arithmetic: not recorded then," in shown
        assert "compare the scores as those of two seeds" in shown

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
            assert "reports lack scores by class" in shown
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

    def test_a_conflict_fails_the_import(self, ledger, exported):
        record = json.loads(exported.read_text())
        record["content"]["history"]["train_loss"][0] += 1.0
        exported.write_text(json.dumps(record) + "\n")
        shown = python("study/run.py", "import", str(exported), f"--out={ledger.root}", code=1)
        assert "conflict" in shown

    def test_nothing_is_added_if_one_file_of_several_is_bad(self, exported, tmp_path):
        bad, other = tmp_path / "bad.jsonl", tmp_path / "other"
        bad.write_text("{}")
        files = str(exported), str(bad)
        shown = python("study/run.py", "import", *files, f"--out={other}", code=2)
        assert "bad.jsonl, line 1: is no exported record (record is missing)" in shown
        assert not other.exists()

    def test_misuse(self, tmp_path):
        Ledger(tmp_path).unit(Config().fingerprint("d")).fail("for the folder")
        for prefix, message in (("zz", "no such unit"), ("", "is not finished")):
            shown = python("study/run.py", "rerun", prefix, f"--out={tmp_path}", code=2)
            assert message in shown
        file = tmp_path / "none.jsonl"
        shown = python("study/run.py", "export", str(file), f"--out={tmp_path}", code=2)
        assert "no finished unit, study or search to export; check --out" in shown
        assert not file.exists()
        missing = python("study/run.py", "import", "/nowhere.jsonl", f"--out={tmp_path}", code=1)
        assert "/nowhere.jsonl" in missing
