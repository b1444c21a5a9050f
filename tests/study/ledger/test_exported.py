"""What a line of an exported ledger must be, whoever it comes from."""

from __future__ import annotations

import json
import lzma
import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from rin_core.config import Config
from study.ledger import exported as module
from study.ledger.exported import FORMAT, read_exported
from study.ledger.ledger import Ledger
from study.ledger.transfer import export_ledger, merge
from tests.exports import ONE_RUN, ROOT
from tests.records import PROVENANCE, a_planned_run, a_search, a_study, a_trial

SEARCH = a_search({"a": {"seed": 1}}, experiment="tune").to_json()
STUDY = a_study([]).to_json()


def planned(**changes: object) -> dict[str, object]:
    return {**a_planned_run(0).to_json(), **changes}


def searched(**changes: object) -> dict[str, object]:
    return {**a_trial(0).to_json(), **changes}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": {"model.rounds": 2}}, "its configuration and data have fingerprint"),
        ({"fingerprint": "../../../evil"}, r"fingerprint = '\.\./.*': must match pattern"),
        ({"fingerprint": "0" * 16}, "its configuration and data have fingerprint"),
        ({"config": {"model.size": 2}}, "model.size: no such setting"),
        ({"config": {"model.rounds": 10**400}}, "config.model.rounds: .*: must be less than"),
        ({"format": 99}, "format = 99: must be 2 to 3"),
        ({"format": 10**400}, r"format = 10+\.\.\.: must be 2 to 3"),
        ({"version": 99}, "version = 99: written by a newer program"),
        ({"selection_scores": None}, "selection_scores = None: must be a valid dict"),
        ({"selection_scores": {}}, "selection_scores: precision is missing"),
        ({"test_scores": {"precision": math.nan}}, "test_scores.precision = nan: must be a finite"),
        ({"test_scores": {"precision": "1"}}, "test_scores.precision = '1': must be a valid num"),
        ({"seconds": 10**400}, "seconds: .*: must be a finite number"),
        ({"history": {}}, "history = .*: .*at least 1 item"),
        ({"history": {"epoch": [2]}}, r"history\[0\]\.train_loss is missing"),
        ({"best_epoch": 99}, "best_epoch = 99: must be one of the 2 epochs"),
        ({"predictions": {"relations": []}}, "predictions: triples is missing"),
        ({"predictions": [1]}, r"predictions = \[1\]: must be an object"),
        ({"corpus": {"digest": "d"}}, "corpus.name is missing"),
        ({"corpus": {"name": "c", "digest": "../d"}}, "corpus.digest: .*: must be a name"),
        ({"corpus": {"name": "..", "digest": "d"}}, "corpus.name: '..': must be a name"),
        ({"vectors": {}}, "vectors.name is missing"),
        ({"vectors": {"name": "/etc/passwd"}}, "vectors.name: .*: must be a name"),
        ({"provenance": {}}, "provenance.code is missing"),
        ({"provenance": {"code": {}}}, "provenance.hardware is missing"),
        ({"provenance": {**PROVENANCE, "code": {"commit": 7}}}, "provenance.code.commit = 7: must"),
        ({"provenance": {**PROVENANCE, "started": 1e12}}, "provenance.started = 1000.*: must be"),
        ({"invented": 1}, "invented: no such field"),
    ],
)
def test_a_line_that_is_no_run_names_file_line_and_field(
    exported: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    record = json.loads(exported.read_text())
    (record if "format" in change else record["content"]).update(change)
    with exported.open("a") as file:
        file.write(json.dumps(record) + "\n")
    other = Ledger(tmp_path / "other")
    with pytest.raises(ValueError, match=rf"demo\.jsonl, line 2: .*{message}") as caught:
        merge(other, read_exported(exported))
    assert "\n" not in str(caught.value)
    assert other.runs() == []


@pytest.mark.parametrize("name", ["selection_scores", "test_scores"])
def test_one_changed_number_contradicts_others(exported: Path, tmp_path: Path, name: str) -> None:
    record = json.loads(exported.read_text())
    record["content"][name]["f1"] = 0.75
    exported.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=rf"line 1: .*{name}\.f1 = 0\.75: "):
        read_exported(exported)


def test_a_history_of_millions_is_refused_before_it_fills_the_memory(
    exported: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "MOST_EPOCHS", 1)
    with pytest.raises(ValueError, match=r"history\.epoch has 2 values: must be at most 1"):
        read_exported(exported)


def test_an_empty_file_is_no_export(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"empty\.jsonl: has no record"):
        read_exported(path)


def test_columns_of_other_lengths_are_no_history(exported: Path, tmp_path: Path) -> None:
    record = json.loads(exported.read_text())
    record["content"]["history"]["selection_f1"].pop()
    exported.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"history\.selection_f1 has 1 values: must be 2"):
        merge(Ledger(tmp_path / "other"), read_exported(exported))


@pytest.mark.slow
def test_the_ledger_that_is_kept_is_read(tmp_path: Path) -> None:
    kept = list((ROOT / "results" / "ledger").glob("*.jsonl.xz"))
    assert kept
    for path in kept:
        assert len(read_exported(path)) == lzma.decompress(path.read_bytes()).count(b"\n")


def test_a_packed_file_is_the_same_records(
    small_ledger: Ledger, exported: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "packed.jsonl.xz"
    assert export_ledger(small_ledger, packed) == ONE_RUN
    assert lzma.decompress(packed.read_bytes()) == exported.read_bytes()
    assert read_exported(packed) == read_exported(exported)
    whole = packed.read_bytes()
    for broken in (whole[:-9], b"not packed at all", whole[:40] + b"\x00" + whole[41:]):
        packed.write_bytes(broken)
        with pytest.raises(ValueError, match=r"packed\.jsonl\.xz: cannot be unpacked .*whole\?"):
            read_exported(packed)


def test_a_line_that_fits_in_no_memory_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "LONGEST_LINE", 1000)
    packed = tmp_path / "bomb.jsonl.xz"
    packed.write_bytes(lzma.compress(b" " * 10**6))
    with pytest.raises(ValueError, match=r"bomb\.jsonl\.xz, line 1: not an exported record"):
        read_exported(packed)


def test_a_file_that_unpacks_to_very_much_is_refused(
    exported: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    packed = tmp_path / "bomb.jsonl.xz"
    packed.write_bytes(lzma.compress(exported.read_bytes() * 3))
    assert len(read_exported(packed)) == 3
    monkeypatch.setattr(module, "LARGEST_FILE", 2 * exported.stat().st_size)
    with pytest.raises(ValueError, match=r"bomb\.jsonl\.xz: more than .* unpacked; .* --data"):
        read_exported(packed)


def test_valid_records_that_pack_too_well_are_refused_before_they_fill_the_memory(
    exported: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    packed = tmp_path / "bomb.jsonl.xz"
    packed.write_bytes(lzma.compress(exported.read_bytes() * 2000))
    monkeypatch.setattr(module, "ALWAYS_READ", 2 * exported.stat().st_size)
    read: list[object] = []
    monkeypatch.setattr(module, "_record", read.append)
    with pytest.raises(ValueError, match=r"bomb\.jsonl\.xz"):
        read_exported(packed)
    assert len(read) < 2000


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("search", {"experiment": "../units/x"}, "experiment: '../units/x': must be a name"),
        ("search", {"experiment": "x\0"}, "experiment: .* must be a name"),
        ("search", {"corpus": None}, "corpus = None: must be a valid string"),
        ("search", {"identities": []}, r"identities = \[\]: must be a valid dict"),
        ("search", {"identities": {}, "trials": [searched()]}, "no such arm in identities"),
        ("search", {"options": {"set": [1]}}, "options.set.*: must be a valid"),
        ("search", {"trials": [searched(config={"a.b": 1})]}, "a.b"),
        ("search", {"trials": [searched(extent=1)]}, r"trials\[0\]\.extent: no such"),
        ("search", {"trials": [searched(state="?")]}, r"state = '\?': must be 'planned', "),
        ("search", {"trials": [searched(seconds=[])]}, "seconds has 0 values"),
        ("search", {"trials": [searched()] * 2}, r"trials\[1\]\.number = 0: a has two"),
        ("search", {"trials": [{"config": Config().flat()}]}, r"trials\[0\]\.arm is missing"),
        ("search", {"trials": 5}, "trials = 5: must be a valid list"),
        ("search", {"trials": [searched(number=10**9)]}, r"number = 1000000000: must be less than"),
        ("search", {"labels": {"a": "x" * 10**6}}, "labels.a = .*: must have at most 1000"),
        ("search", {"labels": {"a": 1}}, "labels.a = 1: must be a valid string"),
        ("search", {"parameters": {"a": {"name": "?"}}}, r"parameters.a.name = '\?': must be 'Flo"),
        ("search", {"trials": [searched(parameters={"a": 1})]}, "parameters.a: no such parameter"),
        ("study", {"trials": [planned(settings=[])]}, r"settings = \[\]: must be a valid dict"),
        ("study", {"corpus": 5}, "corpus = 5: must be a valid string"),
        ("study", {"updated": 5}, "updated = 5: must be a valid string"),
        ("study", {"trials": [planned(arm=None)]}, r"trials\[0\]\.arm = None"),
        (
            "study",
            {"trials": [planned(fingerprint="../../../../tmp/x")]},
            r"trials\[0\]\.fingerprint = '\.\./.*': must match pattern",
        ),
    ],
)
def test_a_plan_that_the_ledger_could_not_use_is_refused(
    tmp_path: Path, kind: str, change: dict[str, object], message: str
) -> None:
    content = {**(SEARCH if kind == "search" else STUDY), **change}
    file = tmp_path / "bad.jsonl"
    lines = ({**STUDY, "trials": [planned()]}, "study"), (content, kind)
    records = ({"record": k, "format": FORMAT, "content": c} for c, k in lines)
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    with pytest.raises(ValueError, match=rf"line 2: not an exported record \(.*{message}"):
        merge(Ledger(tmp_path / "other"), read_exported(file))
    assert not (tmp_path / "other").exists()


RANGE = {"low": 0.0, "high": 1.0, "log": False, "step": None}


@pytest.mark.parametrize(
    ("name", "attributes", "value"),
    [
        ("FloatDistribution", RANGE, "0.5"),
        ("FloatDistribution", RANGE, [0.5]),
        ("FloatDistribution", RANGE, {"a": 1}),
        ("FloatDistribution", RANGE, None),
        ("FloatDistribution", RANGE, True),
        ("IntDistribution", {"low": 0, "high": 1}, "1"),
        ("CategoricalDistribution", {"choices": ["gru"]}, ["gru"]),
        ("FloatDistribution", RANGE, 1.5),
        ("IntDistribution", {"low": 0, "high": 1}, 0.5),
        ("IntDistribution", {"low": 0, "high": 1}, True),
        ("CategoricalDistribution", {"choices": ["gru"]}, "rnn"),
        ("FloatDistribution", {**RANGE, "high": -1.0}, 0.5),
        ("FloatDistribution", {**RANGE, "log": True}, 0.5),
        ("FloatDistribution", {**RANGE, "step": 0.0}, 0.5),
        ("CategoricalDistribution", {"choices": []}, "gru"),
        ("IntDistribution", {"choices": [1]}, 1),
        ("FloatDistribution", {**RANGE, "step": 1e-300}, 0.5),
        ("FloatDistribution", {**RANGE, "step": 5e-324}, 0.5),
        ("FloatDistribution", {**RANGE, "step": 1e300}, 0.0),
        ("FloatDistribution", {**RANGE, "step": 0.25}, 0.3),
        ("FloatDistribution", {**RANGE, "low": 0.5, "step": 0.25, "log": True}, 0.5),
        ("IntDistribution", {"low": 0, "high": 2**62}, 1),
    ],
)
def test_a_value_must_be_of_its_parameters_kind_and_range(
    tmp_path: Path, name: str, attributes: dict[str, object], value: object
) -> None:
    content = {**SEARCH, "parameters": {"p": {"name": name, "attributes": attributes}}}
    content["trials"] = [searched(parameters={"p": value})]
    file = tmp_path / "bad.jsonl"
    file.write_text(json.dumps({"record": "search", "format": FORMAT, "content": content}))
    with pytest.raises(ValueError, match=r"line 1: not an exported record \(.*parameters\.p"):
        read_exported(file)


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        ("study", {"experiment", "space", "corpus", "trials"}),
        ("search", {"experiment", "title", "corpus", "parameters", "identities", "trials"}),
    ],
)
def test_every_field_that_a_plan_needs_is_asked_for(
    tmp_path: Path, kind: str, needed: set[str]
) -> None:
    whole = SEARCH if kind == "search" else STUDY
    for name in needed:
        content = {k: v for k, v in whole.items() if k != name}
        file = tmp_path / "bad.jsonl"
        file.write_text(json.dumps({"record": kind, "format": FORMAT, "content": content}))
        with pytest.raises(ValueError, match=rf"line 1: .*\({name} is missing\)"):
            merge(Ledger(tmp_path / "other"), read_exported(file))


@pytest.mark.parametrize(
    "text", [b"{", b"[]", b"{}", b"\x00", b'{"format": 1}', b'{"\xff": 1}', b"[" * 100_000]
)
def test_malformed_lines(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_bytes(text)
    with pytest.raises(ValueError, match=r"bad\.jsonl, line 1: not an exported record"):
        merge(Ledger(tmp_path / "other"), read_exported(file))


def test_a_table_for_other_tools_is_refused_for_what_it_is(tmp_path: Path) -> None:
    """Whatever its name; any other file is refused for its first line."""
    table = tmp_path / "trials.parquet"
    pd.DataFrame({"arm": ["a"]}).to_parquet(table)
    renamed = Path(shutil.copy(table, tmp_path / "renamed.jsonl"))
    for file in (table, renamed):
        with pytest.raises(ValueError, match=f"{file.name}: is a Parquet table"):
            read_exported(file)
    (tmp_path / "other").write_bytes(b"PAR")
    with pytest.raises(ValueError, match="other, line 1: not an exported record"):
        read_exported(tmp_path / "other")
