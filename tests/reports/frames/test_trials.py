"""The ledger as a frame: every fate of a trial, and settings that are kept apart."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reports.frames.select import of_arm
from reports.frames.studies import StudyData
from reports.frames.trials import (
    SCHEMA,
    UnknownExperiment,
    newest_content,
    pool,
    read_contents,
    read_ledger,
    select_settings,
    settings_of,
)
from reports.tables.notes import content_notes
from rin_core.config import canonical_settings
from study.ledger.fields import SCORES
from study.ledger.files import LedgerError, read_record
from study.ledger.layout import RESULT
from study.ledger.ledger import Ledger as StudyLedger
from tests.ledgers import NEW, Ledger


def test_one_row_for_each_planned_trial(ledger: Ledger) -> None:
    everything = read_ledger(ledger.runs)
    assert list(everything.columns) == list(SCHEMA)
    assert len(everything) == len(ledger.trials)
    row = everything.iloc[3]
    assert (row["arm"], row["seed"], row["rounds"], row["cell"]) == ("gru-1", 0, 1, "gru")
    assert (row["status"], row["epochs"], row["best_epoch"], row["seconds"]) == (
        "finished",
        3,
        2,
        12.5,
    )
    assert (row["test_f1"], row["dev_f1"]) == pytest.approx((0.84, 0.86))
    assert everything.iloc[1]["cell"] == "none"


def test_a_finished_run_is_read_again_only_if_it_changes(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = read_ledger(ledger.runs).query("status == 'finished'")
    read: list[str] = []

    def counted(path: Path, *given: Any, **named: Any) -> object:
        if path.name == "result.json":
            read.append(path.parent.name)
        return read_record(path, *given, **named)

    monkeypatch.setattr("study.ledger.run.read_record", counted)
    read_ledger(ledger.runs)
    assert not set(read) & set(finished["fingerprint"])
    run = StudyLedger(ledger.runs).run(str(finished["fingerprint"].iloc[0]))
    assert [run.is_finished for _ in range(3)] == [True] * 3
    assert read.count(run.fingerprint) == 1
    (run.path / RESULT).write_text("{}")
    assert read_ledger(ledger.runs)["status"].value_counts()["finished"] == len(finished) - 1
    with pytest.raises(LedgerError, match="damaged record"):
        _ = run.is_finished
    (run.path / RESULT).unlink()
    assert not run.is_finished


def test_every_fate_is_told(frame: pd.DataFrame) -> None:
    rnn = frame[frame["arm"] == "rnn-1"].set_index("seed")
    fates = ["finished", "failed", "running", "unreadable", "finished"]
    assert list(rnn["status"]) == fates
    assert rnn.loc[1, "problem"] == "out of | memory"
    assert f"units/{10:016x}/result.json: damaged record" in str(rnn.loc[3, "problem"])
    assert list(frame[frame["arm"] == "gru-2"]["status"]) == ["planned"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_scores": {"f1": 0.5}}, "test_scores: precision is missing"),
        ({"selection_scores": dict.fromkeys(SCORES, 86.3)}, "selection_scores.precision = 86.3: m"),
        ({"test_scores": dict.fromkeys(SCORES, math.nan)}, "test_scores.precision = nan: must be"),
        ({"fingerprint": "abc"}, "is the record of abc"),
        ({"corpus": None}, "result.json"),
        ({"history": None}, "result.json"),
    ],
)
def test_a_result_that_cannot_be_is_corrupt(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    ledger = Ledger(tmp_path)
    ledger.finish(ledger.plan("gru-1", 0), 0.8, change)
    ledger.save()
    row = read_ledger(tmp_path).iloc[0]
    assert row["status"] == "unreadable"
    assert message in row["problem"]


def test_an_unreadable_failure_is_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.write(ledger.plan("gru-1", 0), "failure.json", "[]")
    ledger.save()
    row = read_ledger(tmp_path).iloc[0]
    assert row["status"] == "unreadable"
    assert "failure.json: damaged record (not a JSON object)" in row["problem"]


def test_runs_on_an_earlier_content_of_the_corpus_are_apart(tmp_path: Path) -> None:
    """In a record that is older than the digests of its plan, the results have them."""
    ledger = Ledger(tmp_path)
    before = {"corpus": {"name": "webnlg_star", "digest": "before"}}
    for seed in range(2):
        ledger.finish(ledger.plan("gru-1", seed), 0.2, before)
    ledger.finish(ledger.plan("gru-1", 0), 0.8)
    ledger.save()
    frame, others = read_contents(tmp_path)
    assert list(frame["test_f1"]) == [0.8]
    assert list(others["fingerprint"]) == [f"{n:016x}" for n in range(2)]
    with pytest.raises(ValueError, match=f"content: {0:016x}, {1:016x}: are versions"):
        StudyData(corpus="webnlg_star", frame=pd.concat([others, frame]))
    (note,) = content_notes(StudyData(corpus="webnlg_star", frame=frame, other_contents=others))
    assert f"seed 0 (`{0:016x}`), seed 1 (`{1:016x}`)" in note


def test_the_newest_plan_decides_on_the_content_before_it_has_results(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for content, arms in (("old", ("gru-1", "gru-2")), ("new", ("gru-1",))):
        for arm in arms:
            ledger.plan(arm, 0)
            ledger.trials[-1] |= {"content": content, "digest": f"{content}-{arm}"}
    ledger.finish(str(ledger.trials[0]["fingerprint"]), 0.2)
    ledger.save()
    frame, others = read_contents(tmp_path)
    assert [(row["arm"], row["as_read"]) for _, row in frame.iterrows()] == [("gru-1", "new")]
    assert list(others["arm"]) == ["gru-1"], "only what is finished could have been averaged in"


def test_all_studies_on_a_corpus_show_one_content(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for n, (content, arm) in enumerate((("old", "gru-1"), ("new", "gru-2")), start=1):
        ledger.trials = []
        ledger.finish(name := ledger.plan(arm, n), 0.1 * n)
        ledger.trials[-1] |= {"content": content, "fingerprint": (name := f"{n:016x}")}
        ledger.finish(name, 0.1 * n)
        ledger.save(f"{content}-webnlg_star", updated=f"202{n}-01-01")
    current, others = newest_content(read_ledger(tmp_path), "webnlg_star")
    assert (list(current["arm"]), list(others["arm"])) == (["gru-2"], ["gru-1"])
    assert list(pool(read_ledger(tmp_path), "webnlg_star", canonical_settings(NEW))["arm"]) == [
        "gru-2"
    ]


def test_tags_from_a_tagger_are_no_other_content(tmp_path: Path) -> None:
    """A transformer reads a corpus without the tags that a tagger adds for the BiLSTM."""
    ledger = Ledger(tmp_path)
    for arm, config, content in (
        ("gru-1", {}, "with-tags"),
        ("bert-1", {"encoder.kind": "transformer"}, "without-tags"),
    ):
        corpus = {"name": "webnlg_star", "digest": arm, "content": content}
        ledger.finish(ledger.plan(arm, 0, config=config), 0.8, {"corpus": corpus})
    ledger.save()
    assert len(read_ledger(tmp_path)) == 2


def test_an_arm_that_became_another_model_is_that_alone(tmp_path: Path) -> None:
    """As when the file of one's own space says something else of it."""
    ledger = Ledger(tmp_path)
    for dropout, seeds in ((0.3, 3), (0.5, 2)):
        for seed in range(seeds):
            config = {"encoder.dropout": dropout}
            ledger.finish(ledger.plan("mine", seed, config=config), dropout)
            ledger.finish(ledger.plan("other", seed), 0.9)
    ledger.save()
    frame = read_ledger(tmp_path)
    assert list(of_arm(frame, "mine")["test_f1"]) == [0.5, 0.5]
    assert len(of_arm(frame, "other")) == 3


def test_arms_may_differ_in_vectors_but_not_in_the_corpus(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for digest, content in (("one", "c"), ("two", "c"), ("three", "other")):
        corpus = {"name": "webnlg_star", "digest": digest, "content": content}
        ledger.finish(ledger.plan(f"gru-{len(ledger.trials)}", 0), 0.8, {"corpus": corpus})
    ledger.save()
    frame, others = read_contents(tmp_path)
    assert (list(frame["digest"]), list(others["digest"])) == (["three"], ["one", "two"])
    ledger.trials.pop()
    ledger.save()
    assert list(read_ledger(tmp_path)["digest"]) == ["one", "two"]


def test_settings_as_text() -> None:
    assert canonical_settings(NEW) == "training.max_epochs=15, vectors=glove.6B.100d"
    assert canonical_settings({"vectors": None}) == canonical_settings({}) == ""
    assert canonical_settings({"b": True, "a": 0.5}) == "a=0.5, b=true"


def test_the_last_settings_are_reported_unless_asked(ledger: Ledger) -> None:
    everything = read_ledger(ledger.runs)
    old, new = settings_of(everything)
    assert set(select_settings(everything)["settings"]) == {new}
    assert set(select_settings(everything, 1)["settings"]) == {old}
    with pytest.raises(UnknownExperiment, match=r"--settings 3: .* has settings 1 to 2"):
        select_settings(everything, 3)


def test_settings_are_never_averaged_together(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match=r"settings: .* select one.* arms of a TOML file"):
        StudyData(corpus="webnlg_star", frame=read_ledger(ledger.runs))
