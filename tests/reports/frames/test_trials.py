"""The ledger as a frame: every fate of a trial, and settings that are kept apart."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from reports.frames.select import of_arm
from reports.frames.studies import StudyData
from reports.frames.trials import (
    SCHEMA,
    UnknownExperiment,
    read_ledger,
    select_settings,
    settings_of,
)
from reports.tables.notes import trial_notes
from rin_core.config import canonical_settings
from study.ledger.fields import SCORES
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
        ({"fingerprint": "abc"}, "is the result of run abc"),
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


def test_a_trial_planned_again_replaces_the_old_one(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    before = {"corpus": {"name": "webnlg_star", "digest": "before"}}
    ledger.finish(ledger.plan("gru-1", 0), 0.2, before)
    ledger.finish(ledger.plan("gru-1", 0), 0.8)
    ledger.finish(ledger.plan("gru-1", 1), 0.8, before)
    ledger.save()
    frame = read_ledger(tmp_path)
    assert list(frame["test_f1"]) == [0.8, 0.8]
    assert any("The corpus changed between runs" in note for note in trial_notes(frame))


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
    frame = read_ledger(tmp_path)
    changed = [any("corpus changed" in n for n in trial_notes(f)) for f in (frame[:2], frame)]
    assert changed == [False, True]


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
    with pytest.raises(ValueError, match=r"settings: .* must not be averaged together"):
        StudyData(corpus="webnlg_star", frame=read_ledger(ledger.runs))
