"""Ledgers that travel: what merges, what conflicts, and the commands that move and repeat runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.frames.predictions import read_corpora
from rin_core.config import Config
from rin_core.data.loading import load_corpus, load_dataset
from study.ledger.exported import read_exported
from study.ledger.files import LedgerError
from study.ledger.layout import PREDICTIONS
from study.ledger.ledger import Ledger
from study.ledger.schema import Result, Search, SearchTrial
from study.ledger.search_record import SearchRecord
from study.ledger.state import TrialState
from study.ledger.transfer import export_ledger, first_difference, merge
from study.planning.corpora import record_if_available
from tests.exports import NOTHING, ONE_RUN, SETTINGS, run_command
from tests.records import a_planned_run, a_result, a_search, a_study, a_trial, an_epoch, scores


def test_another_ledger_gets_all_but_the_weights(
    small_ledger: Ledger, exported: Path, tmp_path: Path
) -> None:
    other = Ledger(tmp_path / "other")
    (name,) = merge(other, read_exported(exported)).added
    ours, theirs = small_ledger.run(name).result(), other.run(name).result()
    assert ours is not None
    rows = [row.model_copy(update={"usage": {}}) for row in ours.history]
    assert theirs == ours.model_copy(update={"history": rows})
    assert other.run(name).predictions() == small_ledger.run(name).predictions()
    assert not other.run(name).weights.exists()
    again = tmp_path / "again.jsonl"
    export_ledger(other, again)
    assert again.read_bytes() == exported.read_bytes()


def test_what_is_known_is_left_alone_and_what_differs_is_reported(
    small_ledger: Ledger, exported: Path
) -> None:
    merged = merge(small_ledger, read_exported(exported))
    assert (merged.added, merged.conflicts) == ([], {})
    (name,) = merged.known
    record = json.loads(exported.read_text())
    record["content"]["history"]["train_loss"][1] += 1e-9
    exported.write_text(json.dumps(record) + "\n")
    before = small_ledger.run(name).result()
    conflict = merge(small_ledger, read_exported(exported)).conflicts[name]
    assert conflict.startswith("epoch 2: train_loss is ")
    assert small_ledger.run(name).result() == before


def test_only_the_corpora_asked_for(small_ledger: Ledger, tmp_path: Path) -> None:
    assert export_ledger(small_ledger, tmp_path / "a", ["demo"]) == ONE_RUN


def test_where_nothing_can_be_exported_to_or_from_is_named(
    small_ledger: Ledger, tmp_path: Path
) -> None:
    with pytest.raises(
        ValueError, match=r"is a folder; name a file in it, as in \S+/ledger\.jsonl"
    ):
        export_ledger(small_ledger, tmp_path)
    ledger = Ledger(tmp_path / "runs")
    path = ledger.search_path("cut")
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(LedgerError, match=r"cut\.json: damaged record .*; move"):
        export_ledger(ledger, tmp_path / "a.jsonl")


def test_an_export_of_nothing_leaves_the_file_as_it_was(
    small_ledger: Ledger, exported: Path, tmp_path: Path
) -> None:
    before = exported.read_bytes()
    for asked in (["webnlg"], ["demo", "webnlg"]):
        with pytest.raises(ValueError, match=r"runs\d+: nothing on webnlg to export; it has demo$"):
            export_ledger(small_ledger, exported, asked)
    empty = Ledger(tmp_path / "rusn")
    with pytest.raises(ValueError, match=r"rusn: no finished run, study .* check --runs"):
        export_ledger(empty, exported)
    assert exported.read_bytes() == before
    assert not empty.root.exists()


def test_times_are_no_difference_but_everything_else_is() -> None:
    ours = a_result("abc", epochs=2)

    def changed(**changes: object) -> Result:
        return ours.model_copy(update=changes)

    slower = [an_epoch(n, seconds=9.0, usage={"cpu": 1.0}) for n in (1, 2)]
    assert first_difference(ours, changed(history=slower, seconds=1e9)) is None
    assert (
        first_difference(ours, changed(best_epoch=99))
        == "best_epoch is 2 in the ledger and 99 in the file"
    )
    longer = [*ours.history, an_epoch(3)]
    assert (
        first_difference(ours, changed(history=longer))
        == "2 epochs in the ledger and 3 in the file"
    )
    other = first_difference(ours, changed(test_scores=scores(0.9)))
    assert other == "test_scores is F1 0.4 in the ledger and F1 0.9 in the file"
    other = first_difference(ours, changed(history=[an_epoch(1), an_epoch(2, f1=0.6)]))
    assert other is not None
    assert other.startswith("epoch 2: ")


def test_the_folder_of_a_pretrained_model_is_not_exported(tmp_path: Path) -> None:
    config = {"encoder.kind": "transformer", "encoder.model": "/home/me/model"}
    fingerprint = Config.from_flat(config).fingerprint("d")
    name = {"name": "me/model", "digest": "m"}
    mine, other = Ledger(tmp_path / "mine"), Ledger(tmp_path / "other")
    moved = a_result(fingerprint, config=config, pretrained=name)
    mine.run(fingerprint).import_result(moved, None)
    export_ledger(mine, tmp_path / "file")
    assert "/home" not in (tmp_path / "file").read_text()
    assert merge(other, read_exported(tmp_path / "file")).added == [fingerprint]


def test_exported_options_name_no_place(tmp_path: Path) -> None:
    here, other = Ledger(tmp_path / "here"), Ledger(tmp_path / "other")
    options = {
        "space": ["mine/dropout.toml"],
        "data": ["/home/me/private"],
        "data_root": "/home/me/c",
        "embeddings": "/home/me/g.txt",
        "set": ["encoder.model=/home/me/bert"],
        "out": "/home/me/runs",
        "shared": "s3://mine",
    }
    here.record_study(a_study([a_planned_run(0)], options=options))
    export_ledger(here, tmp_path / "file")
    merge(other, read_exported(tmp_path / "file"))
    study = other.study("curve")
    assert study is not None
    assert study.options == {
        "space": ["mine/dropout.toml"],
        "data": ["private"],
        "embeddings": "g.txt",
        "set": ["encoder.model=bert"],
    }
    export_ledger(other, tmp_path / "again")
    merge(other, read_exported(tmp_path / "again"))


@pytest.mark.parametrize(("their_hour", "shown"), [("07", "ours"), ("09", "theirs")])
def test_a_plan_made_elsewhere_joins_the_one_made_here(
    tmp_path: Path, their_hour: str, shown: str
) -> None:
    """Of both, and under the command that was given last."""
    here, there = Ledger(tmp_path / "here"), Ledger(tmp_path / "there")
    plans = [a_planned_run(seed) for seed in range(3)]
    for ledger, own, name, hour in (
        (here, plans[:2], "ours", "08"),
        (there, plans[1:], "theirs", their_hour),
    ):
        updated = f"2026-01-01T{hour}:00:00+0000"
        ledger.record_study(a_study(own, options={"space": [name]}, updated=updated))
    file = tmp_path / "there.jsonl"
    assert export_ledger(there, file) == {**NOTHING, "study": 1}
    assert merge(here, read_exported(file)).added == ["curve"]
    study = here.study("curve")
    assert study is not None
    assert study.trials == plans
    assert study.options == {"space": [shown]}
    assert study.updated == f"2026-01-01T{max('08', their_hour)}:00:00+0000"
    assert merge(here, read_exported(file)).known == ["curve"]


def test_an_older_plan_from_elsewhere_changes_no_arm(tmp_path: Path) -> None:
    """Reports take an arm for its last model, and show the last settings."""
    here, there = Ledger(tmp_path / "here"), Ledger(tmp_path / "there")
    config = Config().override("encoder.dropout", 0.5)
    changed = a_planned_run(0, config=config.flat(), fingerprint=config.fingerprint("d"))
    old = [changed, a_planned_run(5, settings={"training.patience": 3})]
    there.record_study(a_study([*old, a_planned_run(7)], updated=OLD_TIME))
    here.record_study(a_study([a_planned_run(0)], updated=NEW_TIME))
    file = tmp_path / "there.jsonl"
    export_ledger(there, file)
    merge(here, read_exported(file))
    study = here.study("curve")
    assert study is not None
    assert study.trials == [*old, a_planned_run(0), a_planned_run(7)]


#: An hour apart, in zones that sort the other way.
OLD_TIME, NEW_TIME = "2026-01-01T23:00:00+0200", "2026-01-01T22:00:00+0000"


def tune(*trials: SearchTrial, **identities: dict[str, int]) -> Search:
    return a_search(identities or {"a": {"seed": 1}}, list(trials), "tune")


def two_with_a_search(folder: Path) -> tuple[Ledger, Ledger, Path]:
    """Two ledgers that have the same search, and the second one's export."""
    here, there = Ledger(folder / "here"), Ledger(folder / "there")
    there.record_search(tune(a_trial(0)))
    file = folder / "there.jsonl"
    assert export_ledger(there, file) == {**NOTHING, "search": 1}
    assert merge(here, read_exported(file)).added == ["tune"]
    return here, there, file


def test_a_search_goes_over_whole(tmp_path: Path) -> None:
    here, there, file = two_with_a_search(tmp_path)
    assert SearchRecord(here, "tune").trials == SearchRecord(there, "tune").trials
    assert merge(here, read_exported(file)).known == ["tune"]


def test_a_search_that_was_continued_elsewhere_comes_back(tmp_path: Path) -> None:
    here, there, file = two_with_a_search(tmp_path)
    cut_off = a_trial(1, 0.4, state=TrialState.RUNNING)
    here.record_search(tune(a_trial(0), cut_off))
    more = {"a": {"seed": 1}, "b": {"seed": 1}}
    there.record_search(tune(a_trial(0), a_trial(1, 0.6), a_trial(2, 0.7), **more))
    export_ledger(there, file)
    assert merge(here, read_exported(file)).added == ["tune"]
    record = SearchRecord(here, "tune")
    assert (record.trials, record.identities) == (SearchRecord(there, "tune").trials, more)
    export_ledger(two_with_a_search(tmp_path / "old")[1], file)
    assert merge(here, read_exported(file)).known == ["tune"], "all of the old one is here"


@pytest.mark.parametrize(
    "theirs",
    [tune(a_trial(0), a_trial(1, 0.7), a_trial(2, 0.7)), tune(a_trial(0), a={"seed": 2})],
)
def test_two_searches_of_one_name_are_a_conflict(tmp_path: Path, theirs: Search) -> None:
    here, there, file = two_with_a_search(tmp_path)
    here.record_search(tune(a_trial(0), a_trial(1, 0.6)))
    there.record_search(theirs)
    export_ledger(there, file)
    counts = f"2 trials in the ledger and {len(theirs.trials)} in the file"
    assert merge(here, read_exported(file)).conflicts["tune"].startswith(counts)
    assert len(SearchRecord(here, "tune").trials) == 2


def test_a_study_and_a_search_of_one_name_are_a_conflict(tmp_path: Path) -> None:
    """Both have their reports in the folder of this name."""
    study, search = a_study([a_planned_run(0)], "tune"), a_search({"a": {}}, experiment="tune")
    ledger = Ledger(tmp_path)
    assert merge(ledger, [study, search]).conflicts == {
        "tune": "a study in the ledger and a search in the file"
    }
    ledger.study_path("tune").unlink()
    assert merge(ledger, [search, study]).conflicts == {
        "tune": "a search in the ledger and a study in the file"
    }


class TestCommands:
    def test_export_import_rerun(self, small_ledger: Ledger, tmp_path: Path) -> None:
        file, other = tmp_path / "runs.jsonl", tmp_path / "other"
        assert "1 run," in run_command("export", str(file), f"--runs={small_ledger.root}")
        assert "1 record added" in run_command("import", str(file), f"--runs={other}")
        assert [record.name for record in read_corpora(other).values()] == ["demo"]
        (run,) = Ledger(other).runs()
        assert not run.weights.exists()
        predictions = run.path / PREDICTIONS
        whole = predictions.read_bytes()
        predictions.unlink()
        shown = run_command("rerun", run.fingerprint[:6], f"--runs={other}")
        assert "every number is bit-identical" in shown
        assert "the ledger now has the weights" in shown
        trained = small_ledger.run(run.fingerprint).weights
        assert run.weights.read_bytes() == trained.read_bytes()
        assert predictions.read_bytes() == whole

    def test_rerun_of_several_runs(
        self, small_ledger: Ledger, exported: Path, tmp_path: Path
    ) -> None:
        """All are trained, though one differs; one that is not finished is refused before that."""
        out = f"--runs={tmp_path / 'other'}"
        record = json.loads(exported.read_text())
        record["content"]["history"]["train_loss"][0] += 1.0
        exported.write_text(json.dumps(record) + "\n")
        run_command("import", str(exported), out)
        run_command("train", "--set=training.seed=1", out, *SETTINGS)
        names = [run.fingerprint for run in Ledger(tmp_path / "other").runs()]
        shown = run_command("rerun", *names, out, code=1)
        assert [shown.count(f"{name}: training again") for name in names] == [1, 1]
        assert shown.endswith("1 of 2 runs are bit-identical\n")
        unfinished = Config.from_flat({"training.seed": 2}).fingerprint("d")
        Ledger(tmp_path / "other").run(unfinished).record_failure("for the folder")
        refused = run_command("rerun", *names, unfinished, out, code=2)
        assert "training again" not in refused
        assert f"{unfinished}: not finished" in refused
        assert "give the fingerprint of a run" in run_command("rerun", out, code=2)

    def test_rerun_says_what_differs(
        self, small_ledger: Ledger, exported: Path, tmp_path: Path
    ) -> None:
        record = json.loads(exported.read_text())
        record["content"]["history"]["train_loss"][0] += 1.0
        record["content"]["provenance"]["hardware"] = "a slide rule"
        del record["content"]["provenance"]["arithmetic"]
        exported.write_text(json.dumps(record) + "\n")
        other = tmp_path / "other"
        merge(Ledger(other), read_exported(exported))
        name = record["content"]["fingerprint"]
        shown = run_command("rerun", name, f"--runs={other}", code=1)
        assert "first difference: epoch 1: train_loss is" in shown
        assert "hardware: recorded a slide rule," in shown
        assert "arithmetic: recorded unknown," in shown

    def test_a_corpus_that_is_not_at_hand_is_named(self, exported: Path, tmp_path: Path) -> None:
        record = json.loads(exported.read_text())
        for name, message in (
            ("elsewhere", "corpus 'elsewhere': no such folder"),
            ("demo", "corpus 'demo': the local copy has digest"),
        ):
            record["content"]["corpus"] |= {"name": name, "content": "0" * 16}
            exported.write_text(json.dumps(record) + "\n")
            other = tmp_path / name
            shown = run_command("import", str(exported), f"--runs={other}")
            assert message in shown
            assert "reports leave out scores by class" in shown
            assert not (other / "corpora").exists()

    def test_a_corpus_is_known_by_the_tags_that_trials_have_it_with(self, tmp_path: Path) -> None:
        """Tags on a part of the sentences are dropped or made whole, and the digest is of that."""
        folder = tmp_path / "mine"
        record: dict[str, object] = {"text": "Ann met Bob .", "pos": "NNP VBD NNP ."}
        record["triple_list"] = [["Ann", "met", "Bob"]]
        folder.mkdir()
        for split in ("train", "dev", "test"):
            rows = (record, {**record, "pos": None})
            (folder / f"{split}.json").write_text("\n".join(map(json.dumps, rows)))
        config, ledger = Config(), Ledger(tmp_path / "runs")
        content = load_dataset("mine", config, data_root=tmp_path).content
        assert content != load_corpus("mine", tmp_path).digest()
        assert record_if_available(ledger, content, "mine", tmp_path, config) == ""
        assert set(read_corpora(ledger.root)) == {content}

    def test_a_conflict_fails_the_import(self, small_ledger: Ledger, exported: Path) -> None:
        record = json.loads(exported.read_text())
        record["content"]["history"]["train_loss"][0] += 1.0
        exported.write_text(json.dumps(record) + "\n")
        shown = run_command("import", str(exported), f"--runs={small_ledger.root}", code=1)
        assert "conflict" in shown

    def test_nothing_is_added_if_one_file_of_several_is_bad(
        self, exported: Path, tmp_path: Path
    ) -> None:
        bad, other = tmp_path / "bad.jsonl", tmp_path / "other"
        bad.write_text("{}")
        files = str(exported), str(bad)
        shown = run_command("import", *files, f"--runs={other}", code=2)
        assert "bad.jsonl, line 1: not an exported record (record is missing)" in shown
        assert not other.exists()

    def test_misuse(self, tmp_path: Path) -> None:
        Ledger(tmp_path).run(Config().fingerprint("d")).record_failure("for the folder")
        for prefix, message in (("zz", "no such run"), ("", "not finished")):
            shown = run_command("rerun", prefix, f"--runs={tmp_path}", code=2)
            assert message in shown
        file = tmp_path / "none.jsonl"
        shown = run_command("export", str(file), f"--runs={tmp_path}", code=2)
        assert "no finished run, study or search to export; check --runs" in shown
        assert not file.exists()
        missing = run_command("import", "/nowhere.jsonl", f"--runs={tmp_path}", code=2)
        assert "import /nowhere.jsonl: no such file" in missing
