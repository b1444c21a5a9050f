import json

import pytest
import torch

from rin_core.train.checkpoint import save_tensors
from rin_core.train.loop import CHECKPOINT
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.ledger.run import Superseded

EPOCH = {
    "epoch": 1,
    "train_loss": 2.0,
    "dev": {"f1": 0.5},
    "seconds": 1.0,
    "tokens_per_second": 9.0,
}


def test_a_unit_is_done_when_its_result_is_there(tmp_path):
    run = Ledger(tmp_path).run("abc")
    assert run.result() is None
    token = run.claim()
    save_tensors(run.path / CHECKPOINT, {"w": torch.zeros(1)}, {"history": [EPOCH]})
    assert [row["dev_f1"] for row in run.history()] == [0.5]
    run.record_failure("worker died")
    run.finish({"history": [{"epoch": 1}, {"epoch": 2}]}, {"triples": []}, token)
    assert run.predictions() == {"triples": []}
    assert run.result() == {"history": [{"epoch": 1}, {"epoch": 2}]}
    assert len(run.history()) == 2
    assert not (run.path / CHECKPOINT).exists()
    assert run.failure() is None


def test_a_result_from_elsewhere_keeps_no_weights_of_an_attempt_here(tmp_path):
    run = Ledger(tmp_path).run("abc")
    run.claim()
    save_tensors(run.path / CHECKPOINT, {"w": torch.zeros(1)}, {"history": [EPOCH]})
    save_tensors(run.weights, {"w": torch.zeros(1)}, {"epoch": 1})
    run.record_usage(1, {"cpu": 1.0})
    run.import_result({"history": [{"epoch": 1}]}, None)
    assert run.result() == {"history": [{"epoch": 1}]}
    assert not run.weights.exists()
    assert run.usage() == {}


def test_only_the_latest_claim_may_write(tmp_path):
    run = Ledger(tmp_path).run("abc")
    first = run.claim()
    second = run.claim()
    with pytest.raises(Superseded, match="abc: taken over by process"):
        run.finish({"history": []}, {}, first)
    assert run.result() is None
    run.finish({"history": []}, {}, second)


def test_a_damaged_record_names_the_file(tmp_path):
    run = Ledger(tmp_path).run("abc")
    run.path.mkdir(parents=True)
    (run.path / "result.json").write_text('{"history": [')
    with pytest.raises(LedgerError, match=r"result\.json: is damaged .* delete it to continue"):
        run.result()


def test_a_damaged_checkpoint_has_no_history(tmp_path):
    run = Ledger(tmp_path).run("abc")
    run.path.mkdir(parents=True)
    (run.path / CHECKPOINT).write_bytes(b"\x10\x00")
    assert run.history() == []


def test_a_study_keeps_earlier_trials_and_lists_the_new_ones_last(tmp_path):
    ledger = Ledger(tmp_path)
    one, two, three = ({"fingerprint": f, "arm": f"k{f}"} for f in "123")
    ledger.record_study("s", {"space": "x"}, [one, two])
    ledger.record_study("s", {"space": "x"}, [one, three])
    content = json.loads(ledger.study_path("s").read_text())
    assert [t["fingerprint"] for t in content["trials"]] == ["2", "1", "3"]


def test_one_driver_at_a_time(tmp_path):
    with (
        Ledger(tmp_path).exclusive(),
        pytest.raises(LedgerError, match="another study is writing here"),
        Ledger(tmp_path).exclusive(),
    ):
        pass
    with Ledger(tmp_path).exclusive():
        pass


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(LedgerError, match=r"cannot be written .* choose --out"),
        Ledger(tmp_path / "file").exclusive(),
    ):
        pass


def test_a_stopped_unit_keeps_its_checkpoint_until_someone_goes_on(tmp_path):
    run = Ledger(tmp_path).run("abc")
    save_tensors(run.path / CHECKPOINT, {"w": torch.zeros(1)}, {"history": [EPOCH]})
    run.record_pruned(1, "ASHA")
    assert run.pruned() == {"epoch": 1, "reason": "ASHA"}
    assert len(run.history()) == 1
    token = run.claim()
    assert run.pruned() is None
    assert (run.path / CHECKPOINT).exists()
    run.record_pruned(1, "ASHA")
    run.finish({"history": [{"epoch": 1}]}, {}, token)
    assert run.pruned() is None


def test_a_new_attempt_forgets_why_the_last_one_failed(tmp_path):
    run = Ledger(tmp_path).run("abc")
    run.record_failure("the loss is nan")
    run.claim()
    assert run.failure() is None
