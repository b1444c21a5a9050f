"""Records of version 2, as the program wrote them before: small ones are kept in ``version2``."""

from __future__ import annotations

import json
import lzma
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from rin_core.config import Config
from rin_core.train.checkpoint import save_tensors
from study.ledger import upgrade
from study.ledger.command import from_text, render
from study.ledger.exported import read_exported
from study.ledger.layout import CHECKPOINT, HISTORY, OLD_PRUNED, OLD_USAGE, RESULT
from study.ledger.ledger import Ledger
from study.ledger.run import Run
from study.ledger.schema import VERSION, Search, Study
from study.ledger.state import TrialState
from study.ledger.store import Store
from tests.exports import ROOT
from tests.records import an_epoch

OLD = Path(__file__).with_name("version2")


def today(command: str) -> str:
    """Return a recorded command under the names that program and options have today."""
    return command.replace("python study/run.py", "rin-study").replace(" --out ", " --runs ")


def old(name: str) -> Any:
    return json.loads((OLD / name).read_text())


@pytest.fixture
def cut(tmp_path: Path) -> Run:
    """A run that was interrupted after its second epoch: all of its history is in a checkpoint."""
    run = Ledger(tmp_path).run("5794fbba96977702")
    tensors = {"w": torch.zeros(1)}
    save_tensors(run.path / CHECKPOINT, tensors, old("checkpoint-metadata.json"))
    shutil.copy(OLD / OLD_USAGE, run.path)
    return run


def test_a_result_is_read_with_its_new_names(tmp_path: Path) -> None:
    content = old("result.json")
    run = Ledger(tmp_path).run(content["fingerprint"])
    run.path.mkdir(parents=True)
    shutil.copy(OLD / RESULT, run.path)
    result = run.result()
    assert result is not None
    assert (result.version, result.selection_split, result.end_reason) == (
        VERSION,
        "dev",
        content["stopped"],
    )
    assert result.selection_scores == result.dev_scores == content["dev"]
    assert result.test_scores == content["test"]
    for row, before in zip(result.history, content["history"], strict=True):
        assert (row.epoch, row.train_loss) == (before["epoch"], before["train_loss"])
        assert {f"dev_{k}": v for k, v in row.selection_scores.items()} == {
            k: v for k, v in before.items() if k.startswith("dev_")
        }
    assert Config.from_flat(result.config).fingerprint(result.corpus.digest) == run.fingerprint


def test_scores_of_a_run_that_test_selected_are_not_called_devs(tmp_path: Path) -> None:
    content = old("result.json")
    content["config"]["training.selection"] = "test"
    run = Ledger(tmp_path).run(content["fingerprint"])
    run.path.mkdir(parents=True)
    (run.path / RESULT).write_text(json.dumps(content))
    result = run.result()
    assert result is not None
    assert (result.selection_split, result.dev_scores) == ("test", None)
    assert result.selection_scores == content["dev"]


def test_a_study_records_its_options(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    path = ledger.study_path("rounds_curve-demo")
    path.parent.mkdir()
    shutil.copy(OLD / "study.json", path)
    study = ledger.study("rounds_curve-demo")
    assert study is not None
    assert study.options == {"space": ["rounds_curve"], "out": "mine"}
    assert render(study.options) == today(old("study.json")["command"])
    ledger.record_study(study)
    assert ledger.study("rounds_curve-demo") == study
    assert "command" not in json.loads(path.read_text())


def test_a_stopped_trial_is_pruned(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    path = ledger.search_path("tune_rin-demo")
    path.parent.mkdir()
    shutil.copy(OLD / "search.json", path)
    search = ledger.search("tune_rin-demo")
    assert search is not None
    assert [trial.state for trial in search.trials] == [TrialState.PRUNED, TrialState.RUNNING]
    assert search.trials[0].dev_f1 == old("search.json")["trials"][0]["dev_f1"]
    assert search.options == {
        "space": ["tune_rin"],
        "trials": "6",
        "out": "mine",
        "set": ["model.scorer=separable"],
    }
    run = ledger.run("abc")
    run.path.mkdir(parents=True)
    shutil.copy(OLD / OLD_PRUNED, run.path)
    pruned = run.pruned()
    assert pruned is not None
    assert {"epoch": pruned.epoch, "reason": pruned.reason} == old(OLD_PRUNED)
    assert run.state() is TrialState.PRUNED
    run.claim()
    assert run.pruned() is None


def test_epochs_in_a_checkpoint_are_read_and_come_into_the_history(cut: Run) -> None:
    before = old("checkpoint-metadata.json")["history"]
    assert [row.selection_scores for row in cut.history()] == [row["dev"] for row in before]
    assert cut.state() is TrialState.RUNNING
    usage = cut.usage()
    assert sorted(usage) == [1, 2], "the third line is cut"
    cut.start_history(cut.history())
    cut.record_epoch(an_epoch(3))
    assert not (cut.path / OLD_USAGE).exists()
    assert (cut.path / HISTORY).read_bytes().count(b"\n") == 3
    assert [row.epoch for row in cut.history()] == [1, 2, 3]
    assert cut.usage() == usage


@pytest.mark.parametrize(
    "row",
    [
        "3",
        "null",
        "[1]",
        "{}",
        '{"epoch": null}',
        '{"epoch": 1e999}',
        '{"epoch": 2, "gpu": "?"}',
        '{"epoch": 2, "gpu": [1]}',
        '{"epoch": 2, "gpu": NaN}',
        f'{{"epoch": 2, "gpu": {10**400}}}',
        "[" * 100_000,
    ],
    ids=lambda row: row[:24],
)
def test_usage_that_is_no_usage_is_left_out(cut: Run, row: str) -> None:
    (cut.path / OLD_USAGE).write_text(f'{{"epoch": 1, "gpu": 0.5}}\n{row}\n')
    assert cut.usage() == {1: {"gpu": 0.5}}
    cut.start_history(cut.history())
    assert [row.usage for row in cut.history()] == [{"gpu": 0.5}, {}]


def test_a_store_of_version_2_has_its_epochs_in_the_checkpoint(cut: Run, tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path / 'bucket'}")
    store.send(cut.path / CHECKPOINT, f"{cut.fingerprint}/{CHECKPOINT}")
    driver = Ledger(tmp_path / "driver", store).run(cut.fingerprint)
    driver.refresh()
    assert [row.epoch for row in driver.history()] == [1, 2]


@pytest.mark.parametrize(
    "content", [{}, {"trials": 5}, {"command": 7}, {"command": "run 'x"}, {"history": [1]}]
)
def test_what_cannot_be_upgraded_is_left_to_the_schema(content: dict[str, Any]) -> None:
    for function in (upgrade.upgrade_result, upgrade.upgrade_study, upgrade.upgrade_search):
        assert function(content)["version"] == VERSION


@pytest.mark.parametrize(
    ("command", "options", "shown"),
    [
        (
            "rin-study --space x --data a b --seeds=3 --set a.b='c d' --set=e=1",
            {"space": ["x"], "data": ["a", "b"], "seeds": "3", "set": ["a.b=c d", "e=1"]},
            "rin-study --space x --data a b --seeds 3 --set 'a.b=c d' --set e=1",
        ),
        (
            "rin-study --arms 'gru-*' --data_root /c --max-concurrent 2",
            {"arms": ["gru-*"], "data_root": "/c", "max_concurrent": "2"},
            "rin-study --arms 'gru-*' --data-root /c --max-concurrent 2",
        ),
        ("scale", {}, ""),
        ("", {}, ""),
    ],
)
def test_commands(command: str, options: dict[str, Any], shown: str) -> None:
    assert from_text(command) == options
    assert render(options) == shown


@pytest.mark.slow
def test_every_published_command_is_shown_under_its_names_of_today() -> None:
    checked = 0
    for path in (ROOT / "results" / "ledger").glob("*.xz"):
        commands = {}
        for line in lzma.decompress(path.read_bytes()).splitlines():
            record = json.loads(line)
            if "command" in record["content"]:
                commands[record["content"]["experiment"]] = record["content"]["command"]
        for exported in read_exported(path):
            if isinstance(exported, Study | Search) and exported.experiment in commands:
                assert render(exported.options) == today(commands[exported.experiment])
                checked += 1
    assert checked or not commands
