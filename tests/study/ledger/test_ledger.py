import json

import pytest
import torch

from rin_core.train.checkpoint import save_tensors
from rin_core.train.loop import CHECKPOINT
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.ledger.unit import Superseded

EPOCH = {
    "epoch": 1,
    "train_loss": 2.0,
    "dev": {"f1": 0.5},
    "seconds": 1.0,
    "tokens_per_second": 9.0,
}


def test_a_unit_is_done_when_its_result_is_there(tmp_path):
    unit = Ledger(tmp_path).unit("abc")
    assert unit.result() is None
    token = unit.claim()
    save_tensors(unit.path / CHECKPOINT, {"w": torch.zeros(1)}, {"history": [EPOCH]})
    assert [row["dev_f1"] for row in unit.history()] == [0.5]
    unit.fail("worker died")
    unit.finish({"history": [{"epoch": 1}, {"epoch": 2}]}, {"triples": []}, token)
    assert unit.predictions() == {"triples": []}
    assert unit.result() == {"history": [{"epoch": 1}, {"epoch": 2}]}
    assert len(unit.history()) == 2
    assert not (unit.path / CHECKPOINT).exists()
    assert unit.failure() is None


def test_a_result_from_elsewhere_keeps_no_weights_of_an_attempt_here(tmp_path):
    unit = Ledger(tmp_path).unit("abc")
    unit.claim()
    save_tensors(unit.path / CHECKPOINT, {"w": torch.zeros(1)}, {"history": [EPOCH]})
    save_tensors(unit.weights, {"w": torch.zeros(1)}, {"epoch": 1})
    unit.use(1, {"cpu": 1.0})
    unit.adopt({"history": [{"epoch": 1}]}, None)
    assert unit.result() == {"history": [{"epoch": 1}]}
    assert not unit.weights.exists()
    assert unit.usage() == {}


def test_only_the_latest_claim_may_write(tmp_path):
    unit = Ledger(tmp_path).unit("abc")
    first = unit.claim()
    second = unit.claim()
    with pytest.raises(Superseded, match="abc: taken over by process"):
        unit.finish({"history": []}, {}, first)
    assert unit.result() is None
    unit.finish({"history": []}, {}, second)


def test_a_damaged_record_names_the_file(tmp_path):
    unit = Ledger(tmp_path).unit("abc")
    unit.path.mkdir(parents=True)
    (unit.path / "result.json").write_text('{"history": [')
    with pytest.raises(LedgerError, match=r"result\.json: is damaged .* delete it to go on"):
        unit.result()


def test_a_damaged_checkpoint_has_no_history(tmp_path):
    unit = Ledger(tmp_path).unit("abc")
    unit.path.mkdir(parents=True)
    (unit.path / CHECKPOINT).write_bytes(b"\x10\x00")
    assert unit.history() == []


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
    unit = Ledger(tmp_path).unit("abc")
    save_tensors(unit.path / CHECKPOINT, {"w": torch.zeros(1)}, {"history": [EPOCH]})
    unit.stop(1, "ASHA")
    assert unit.stopped() == {"epoch": 1, "reason": "ASHA"}
    assert len(unit.history()) == 1
    token = unit.claim()
    assert unit.stopped() is None
    assert (unit.path / CHECKPOINT).exists()
    unit.stop(1, "ASHA")
    unit.finish({"history": [{"epoch": 1}]}, {}, token)
    assert unit.stopped() is None


def test_a_new_attempt_forgets_why_the_last_one_failed(tmp_path):
    unit = Ledger(tmp_path).unit("abc")
    unit.fail("the loss is nan")
    unit.claim()
    assert unit.failure() is None
