"""What a line of an exported ledger must be, whoever it comes from."""

from __future__ import annotations

import json
import lzma
import math

import pytest

from rin_core.config import Config
from study.ledger import schema
from study.ledger.ledger import Ledger
from study.ledger.schema import FORMAT, read_exported
from study.ledger.transfer import export_ledger, merge
from tests.exports import ONE_UNIT, ROOT, SEARCH, STUDY, planned, searched

RAN = {"threads": 1, "hardware": "a slide rule"}


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
    assert other.runs() == []


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


def test_a_packed_file_is_the_same_records(small_ledger, exported, tmp_path):
    packed = tmp_path / "packed.jsonl.xz"
    assert export_ledger(small_ledger, packed) == ONE_UNIT
    assert lzma.decompress(packed.read_bytes()) == exported.read_bytes()
    assert read_exported(packed) == read_exported(exported)
    whole = packed.read_bytes()
    for broken in (whole[:-9], b"not packed at all", whole[:40] + b"\x00" + whole[41:]):
        packed.write_bytes(broken)
        with pytest.raises(ValueError, match=r"packed\.jsonl\.xz: cannot be unpacked .*whole\?"):
            read_exported(packed)


def test_a_line_that_fits_in_no_memory_is_not_read_to_its_end(monkeypatch, tmp_path):
    monkeypatch.setattr(schema, "LONGEST_LINE", 1000)
    packed = tmp_path / "bomb.jsonl.xz"
    packed.write_bytes(lzma.compress(b" " * 10**6))
    with pytest.raises(ValueError, match=r"bomb\.jsonl\.xz, line 1: is no exported record"):
        read_exported(packed)


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
        ("search", {"parameters": {"a": {"name": "?"}}}, "parameters.a: is no distribution of Op"),
        ("study", {"trials": [{**planned(0), "settings": []}]}, r"settings = \[\]: must be an obj"),
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
