"""``import study``: cheap to import, data frames in and out, the numbers of the reports."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import psutil
import pytest
import ray

import study
from reports.frames.studies import study_data
from reports.frames.trials import read_ledger, select_settings
from reports.tables.experiment import differences_table
from rin_core.errors import CheckpointError
from study.api import _options
from study.commands import start
from study.commands.context import Ended
from study.ledger.fields import SCORES
from study.ledger.layout import HISTORY
from tests.conftest import Trained
from tests.exports import TINY, run_command
from tests.ledgers import EXPERIMENT, Ledger, a_full_ledger, write_search
from tests.records import an_epoch

mpl.use("agg")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path)
    for seed, f1 in enumerate((0.84, 0.86, 0.88)):
        made.finish(made.plan("gru-1", seed), f1)
        made.finish(made.plan("bilstm-s", seed), f1 - 0.04)
    made.finish(made.plan("gru-2", 0), 0.85)
    made.plan("gru-2", 1)
    made.save()
    return made


def test_the_import_loads_no_slow_library() -> None:
    code = "import study, sys; print(*{'torch', 'ray', 'mlflow', 'pandas'} & {*sys.modules})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
    assert {"run", "trials", "curve", "differences"} <= set(dir(study))


def test_a_row_is_a_trial_and_scores_are_in_points(ledger: Ledger) -> None:
    df = study.trials(ledger.runs)
    assert df["study"].unique().tolist() == [EXPERIMENT]
    assert df.columns[:4].tolist() == ["study", "corpus", "arm", "label"]
    means = df.groupby(["cell", "rounds"])["test_f1"].mean()
    assert means.to_dict() == pytest.approx({("gru", 1): 86, ("gru", 2): 85, ("none", 0): 82})
    assert df["status"].value_counts().to_dict() == {"finished": 7, "planned": 1}
    pd.testing.assert_frame_equal(df, study.trials(ledger.runs, EXPERIMENT))


def test_each_setting_that_varies_within_a_study_is_a_column(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    for arm, config in (
        ("gru-1", {"encoder.dropout": 0.3, "encoder.freeze": False}),
        ("gru-2", {"encoder.freeze": True}),
    ):
        for seed in (0, 1):
            made.plan(arm, seed, config=config)
    made.save()
    made.trials = []
    made.plan("rnn-1", 0, config={"encoder.hidden_size": 50})
    made.plan("rnn-1", 1, config={"encoder.hidden_size": 50})
    made.save("other-webnlg_star")
    df = study.trials(tmp_path, EXPERIMENT)
    assert [name for name in df if "." in str(name)] == ["encoder.dropout", "encoder.freeze"]
    assert df["encoder.dropout"].tolist() == [0.3, 0.3, 0.1, 0.1]  # the default is 0.1
    assert df["encoder.freeze"].dtype == bool
    every = study.trials(tmp_path)
    assert "encoder.hidden_size" not in every, "it varies between studies only"
    assert every.loc[every["arm"] == "rnn-1", "encoder.dropout"].tolist() == [0.1, 0.1]


def test_the_epochs_of_trials_are_rows(ledger: Ledger) -> None:
    fingerprint = ledger.plan("rnn-1", 0, config={"training.selection": "test"})
    ledger.finish(fingerprint, 0.5)
    ledger.write(ledger.plan("rnn-1", 1), HISTORY, json.dumps(an_epoch(1).to_json()))
    ledger.save()
    df = study.trials(ledger.runs)
    epochs = study.epochs(df, ledger.runs)
    wanted = ["study", "fingerprint", "arm", "seed", "epoch", "train_loss", "dev_f1", "seconds"]
    assert list(epochs) == wanted
    finished = df[df["status"] == "finished"]
    assert epochs.groupby("fingerprint").size().to_dict() == {
        **dict.fromkeys(finished["fingerprint"], 3),
        df["fingerprint"].iloc[-1]: 1,  # it has begun
    }
    first = an_epoch(1)
    row = epochs.iloc[0]
    assert (row["arm"], row["seed"], row["epoch"]) == ("gru-1", 0, 1)
    assert row["train_loss"] == first.train_loss
    assert row["dev_f1"] == pytest.approx(100 * first.selection_f1)
    assert row["seconds"] == first.seconds
    assert epochs.loc[epochs["fingerprint"] == fingerprint, "dev_f1"].isna().all()
    assert study.epochs(df[df["status"] == "planned"], ledger.runs).empty


def test_a_search_has_epochs_too(tmp_path: Path) -> None:
    write_search(tmp_path)
    epochs = study.epochs(study.trials(tmp_path, "some"), tmp_path)
    assert epochs.groupby("fingerprint").size().to_dict() == {"f0": 4, "f4": 6}
    assert epochs["dev_f1"].notna().all()


def test_a_search_has_a_column_for_each_parameter(tmp_path: Path) -> None:
    write_search(tmp_path)
    df = study.trials(tmp_path, "some")
    assert {"study", "arm", "status", "dev_f1", "training.learning_rate"} <= set(df)
    assert df["dev_f1"].max() > 1


def test_differences_are_those_of_the_report(ledger: Ledger) -> None:
    found = study.differences(study.trials(ledger.runs), "gru-1")
    frame = select_settings(read_ledger(ledger.runs))
    table = differences_table(study_data(ledger.runs, frame))
    assert table is not None
    for row in table.rows:
        judged = row.cells["Verdict"].judged
        assert judged is not None
        own = found.loc[row.key]
        assert own["difference"] == pytest.approx(judged.difference.value)
        assert own["verdict"] == str(judged.verdict)
        assert own["p_holm"] == pytest.approx(judged.p_holm, nan_ok=True)
    assert found.loc["gru-1", "verdict"] == "baseline"
    assert found["n"].to_dict() == {"gru-1": 3, "bilstm-s": 3, "gru-2": 1}


def test_rows_can_be_chosen_before_they_are_compared(ledger: Ledger) -> None:
    df = study.trials(ledger.runs)
    found = study.differences(df[df["seed"] > 0], "bilstm-s", metric="dev_f1", pool=df)
    assert found.loc["gru-1", "difference"] == pytest.approx(4)
    assert found.loc["gru-1", "df"] == 4  # of all three seeds


def test_a_curve_goes_on_axes_that_a_person_has(ledger: Ledger) -> None:
    df = study.trials(ledger.runs)
    axes = study.curve(df)
    assert axes.get_xlabel()
    axes.set_ylim(0, 100)
    figure = mpl.figure.Figure()
    own = figure.subplots()
    assert study.curve(df, "test_recall", ax=own) is own
    assert "Recall" in own.get_title(loc="left")


def test_the_models_of_an_arm_vote(ledger: Ledger, trained: Trained) -> None:
    df = study.trials(ledger.runs)
    arm = df[df["arm"] == "gru-1"]
    for name in arm["fingerprint"]:
        weights = ledger.runs / "units" / name / trained.weights.name
        weights.write_bytes(trained.weights.read_bytes())
    models = study.ensemble(arm, ledger.runs)
    assert len(models.members) == 3
    text = " ".join(trained.corpus.train[0].words)
    (found,) = models.predict(models.split(text))
    assert found.entities
    assert {entity.votes for entity in found.entities} == {3}


def test_runs_that_are_judged_by_averaged_weights_vote_with_them(
    tmp_path: Path, trained: Trained
) -> None:
    made = Ledger(tmp_path)
    averaged = {"averaged_test_scores": dict.fromkeys(SCORES, 0.8)}
    for seed in (0, 1):
        made.finish(made.plan("gru-1", seed), 0.8, averaged)
    made.finish(made.plan("gru-2", 0), 0.8)
    made.save()
    df = study.trials(tmp_path)
    for name in df["fingerprint"]:
        unit = tmp_path / "units" / name
        (unit / "weights.safetensors").write_text("of the selected epoch")
        (unit / "averaged.safetensors").write_bytes(trained.weights.read_bytes())
    arm = df[df["arm"] == "gru-1"]
    models = study.ensemble(arm, tmp_path, device="cpu", threshold=0.2)
    assert {member.least_logit < 0 for member in models.members} == {True}
    assert len(models.members) == 2
    with pytest.raises(RuntimeError, match="no-device"):
        study.ensemble(arm, tmp_path, device="no-device")
    with pytest.raises(CheckpointError, match=r"weights.safetensors: cannot be read"):
        study.ensemble(df[df["seed"] == 0], tmp_path)  # not all runs have averaged weights


def test_the_models_of_a_search_vote(ledger: Ledger, trained: Trained) -> None:
    df = study.trials(ledger.runs)
    of_search = df.loc[df["arm"] == "gru-1", ["study", "arm", "status", "fingerprint"]]
    for name in of_search["fingerprint"]:
        weights = ledger.runs / "units" / name / trained.weights.name
        weights.write_bytes(trained.weights.read_bytes())
    assert len(study.ensemble(of_search, ledger.runs).members) == 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda df: study.differences(df, "gru1"), r"no such arm; did you mean gru-1"),
        (lambda df: study.differences(df, "gru-1", metric="f1"), r"no such score"),
        (lambda df: study.differences(df[["arm", "test_f1"]], "gru-1"), r"column \w+ is missing"),
        (lambda df: study.curve(df, "test_f2"), r"no such curve; there are f1"),
        (lambda df: study.ensemble(df[df["status"] == "planned"]), r"no trial is finished"),
        (lambda df: study.ensemble(df, "/nowhere"), r"no such run in /nowhere; .* runs=…"),
        (lambda df: study.epochs(df, "/nowhere"), r"0{16}: no such run in /nowhere"),
        (lambda df: study.epochs(df[["arm"]]), r"column \w+ is missing"),
        (lambda df: study.trials("/nowhere"), r"no experiments there"),
        (lambda df: study.run(epochs=3), r"no option epochs; did you mean max_epochs"),
        (lambda df: study.run(max_epochs=-1), r"--max-epochs -1: must be positive"),
    ],
)
def test_a_mistake_is_named(
    ledger: Ledger, call: Callable[[pd.DataFrame], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        call(study.trials(ledger.runs))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_epochs": "ten"}, r"max_epochs = 'ten': must be a valid integer"),
        ({"cpus_per_trial": None}, r"cpus_per_trial = None: must be a valid number"),
        ({"notify": 5}, r"notify = 5: must be a valid string"),
        ({"data": ["demo", 5]}, r"data\[1\] = 5: must be a valid string"),
        ({"space": 5}, r"space = 5: must be a valid tuple"),
        ({"arms": 5}, r"arms = 5: must be a valid tuple"),
        ({"seeds": 1.5}, r"--seeds 1.5: must be a count"),
        ({"runs": 5}, r"runs = 5: "),
        ({"settings": ["a=1"]}, r"settings = \['a=1'\]: must be a mapping"),
    ],
)
def test_an_option_of_a_wrong_type_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        study.run(**options)


def test_a_study_that_is_not_there_is_suggested(tmp_path: Path) -> None:
    runs = a_full_ledger(tmp_path / "runs").runs
    with pytest.raises(ValueError, match=f"did you mean {EXPERIMENT}"):
        study.trials(runs, "rounds_curve-webnlg")
    with pytest.raises(ValueError, match="some: is a search; name it alone"):
        study.trials(runs, [EXPERIMENT, "some"])


def test_a_call_returns_the_trials_that_it_asks_for(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The study may have others."""
    asked = [str(trial["fingerprint"]) for trial in ledger.trials if trial["arm"] == "bilstm-s"]
    ended = Ended(0, (EXPERIMENT,), frozenset(asked))
    monkeypatch.setattr(start, "run_study", lambda options, console: ended)
    df = study.run("rounds_curve", "webnlg_star", arms=["bilstm-s"], runs=ledger.runs)
    assert df["fingerprint"].tolist() == asked
    assert df.index.tolist() == [0, 1, 2]
    assert len(study.trials(ledger.runs, EXPERIMENT)) > len(df)


@pytest.mark.ray
@pytest.mark.timeout(600)
def test_a_call_may_come_from_another_thread(tmp_path: Path) -> None:
    """A web application calls from threads, in which Python sets no signal handlers."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(
            study.run,
            arms=["bilstm-s"],
            seeds=1,
            settings=TINY,
            runs=tmp_path,
            tracking_uri="none",
        )
        df = call.result()
    assert df["status"].tolist() == ["finished"]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    time.sleep(1)  # Ray's processes would end now, and 60 s later Ray would end this one
    children = psutil.Process().children(recursive=True)
    living = {child.name() for child in children if child.status() != psutil.STATUS_ZOMBIE}
    ray.shutdown()
    assert "gcs_server" in living


def test_the_options_of_a_call_are_those_of_the_command() -> None:
    given = {"training.learning_rate": 1e-3}
    options = _options("main", Path("x"), "gru-*", [0, 3], given, "r", {"embeddings": "glove"})
    assert (options.space, options.data, options.arms) == (("main",), ("x",), ("gru-*",))
    assert (options.seeds, options.runs, options.embeddings) == ("0,3,", Path("r"), Path("glove"))
    assert options.overrides() == {"training.learning_rate": "0.001"}


def test_an_option_that_takes_several_values_takes_a_list() -> None:
    given = {"max_epochs": "10", "hours": 2, "trials": np.int64(3)}
    spaces: list[str | Path] = ["rounds_curve", Path("own.toml")]
    seeds: Any = np.int64(3)
    options = _options(spaces, ("demo", Path("x")), ["gru-1", "rnn-*"], seeds, None, "r", given)
    assert options.space == ("rounds_curve", "own.toml")
    assert options.data == ("demo", "x")
    assert options.arms == ("gru-1", "rnn-*")
    assert (options.max_epochs, options.hours, options.trials) == (10, 2.0, 3)
    assert options.seeds == "3"


def test_the_export_as_a_table_is_what_trials_returns(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "trials.parquet"
    shown = run_command("export", str(file), f"--runs={ledger.runs}")
    assert "8 trials" in shown
    expected = study.trials(ledger.runs)
    pd.testing.assert_frame_equal(
        pd.read_parquet(file)[["arm", "seed", "status", "test_f1"]],
        expected[["arm", "seed", "status", "test_f1"]].astype({"status": "str"}),
        check_dtype=False,
    )
    other = ("export", str(tmp_path / "x.parquet"), f"--runs={ledger.runs}", "--data", "nosuch")
    assert "no trial on nosuch" in run_command(*other, code=2)
    assert not [*tmp_path.glob("x.parquet*")]
