"""The importance of parameters: computed from a recorded search, kept in its record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from study.ledger.files import CHECKSUM, LedgerError
from study.ledger.ledger import Ledger
from study.search.importance import FEWEST_TRIALS, importance, record_importance
from tests.tuned import PARAMETERS, RATE, searched


@pytest.fixture(autouse=True)
def few_shuffles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.search.importance.SHUFFLED", 40)


def test_the_parameter_that_decides_is_beyond_chance_and_the_others_are_not() -> None:
    found = importance(searched(60))["a"]
    assert (found.trials, found.best) == (60, 6)
    assert set(found.parameters) == set(PARAMETERS), "a conditional one is measured, too"
    assert sum(one.share for one in found.parameters.values()) == pytest.approx(1, abs=1e-3)
    assert next(iter(found.parameters)) == RATE
    assert found.parameters[RATE].share > 0.5
    assert found.beyond_chance == [RATE]


def test_few_trials_one_parameter_or_equal_scores_have_no_importance() -> None:
    assert importance(searched(FEWEST_TRIALS - 1)) == {}
    assert importance(searched(FEWEST_TRIALS)).keys() == {"a"}
    alone = searched(30)
    for trial in alone.trials:
        trial.parameters = {RATE: trial.parameters[RATE]}
    assert importance(alone) == {}
    equal = searched(30)
    for trial in equal.trials:
        trial.dev_f1 = [0.5]
    assert importance(equal) == {}


def test_each_arm_is_measured_on_its_own_trials() -> None:
    search = searched(60)
    for trial in search.trials[30:]:
        trial.arm = "b"
    both = search.model_copy(update={"identities": {"a": {}, "b": {}, "none": {}}})
    assert {arm: found.trials for arm, found in importance(both).items()} == {"a": 30, "b": 30}


def test_it_is_kept_in_the_record_and_the_same_each_time(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record_search(searched(20))
    record_importance(ledger, "tune")
    first = ledger.search("tune")
    assert first is not None
    assert first.importance == importance(searched(20))
    before = ledger.search_path("tune").read_bytes()
    record_importance(ledger, "tune")
    assert ledger.search_path("tune").read_bytes() == before
    record_importance(ledger, "no such search")
    assert ledger.search_names() == ["tune"]


def test_a_record_without_it_reads_as_before_and_an_unknown_name_is_refused(
    tmp_path: Path,
) -> None:
    ledger = Ledger(tmp_path)
    ledger.record_search(searched(20))
    path = ledger.search_path("tune")
    assert "importance" not in json.loads(path.read_bytes())
    record_importance(ledger, "tune")
    content = json.loads(path.read_bytes())
    del content[CHECKSUM]  # as in records of earlier versions, which are read by their form alone
    content["importance"]["b"] = content["importance"].pop("a")
    path.write_text(json.dumps(content))
    with pytest.raises(LedgerError, match=r"tune\.json.*importance\.b"):
        ledger.search("tune")
    content["importance"]["a"] = content["importance"].pop("b")
    content["importance"]["a"]["parameters"]["some"] = {"share": 0.5, "chance": 0.1}
    path.write_text(json.dumps(content))
    with pytest.raises(LedgerError, match=r"importance\.a\.some"):
        ledger.search("tune")
