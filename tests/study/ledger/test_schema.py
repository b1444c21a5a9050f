"""What a record says beyond its fields."""

from __future__ import annotations

from typing import Any

import pytest

from study.ledger.state import Caveat
from tests.records import a_result, an_epoch, scores


def test_the_mean_of_the_last_ten_epochs() -> None:
    rows = [an_epoch(number, number / 20).to_json() for number in range(1, 13)]
    assert a_result("0" * 16, 12, history=rows).late_f1 == pytest.approx(7.5 / 20)
    assert a_result("0" * 16, 2, history=rows[:2]).late_f1 == pytest.approx(1.5 / 20)


def test_a_record_without_an_average_is_written_as_before() -> None:
    plain = a_result("0" * 16).to_json()
    assert not [name for name in plain if name.startswith("averaged")]
    assert "continued" not in plain["provenance"]
    averaged = a_result("0" * 16, averaged_test_scores=scores(0.7))
    assert averaged.to_json()["averaged_test_scores"]["f1"] == 0.7


@pytest.mark.parametrize(
    ("epochs", "best", "changes", "caveat"),
    [
        (100, 91, {}, Caveat.STILL_IMPROVING),
        (100, 90, {}, None),
        (100, 91, {"end_reason": "patience"}, None),
        (5, 5, {}, Caveat.STILL_IMPROVING),
        (5, 4, {}, None),
        (5, 5, {"selection_scores": scores(1.0)}, None),
        (5, 5, {"selection_scores": scores(0.0)}, Caveat.NOTHING_LEARNED),
        (5, 1, {"selection_scores": scores(0.0), "end_reason": "patience"}, Caveat.NOTHING_LEARNED),
    ],
)
def test_caveat(epochs: int, best: int, changes: dict[str, Any], caveat: Caveat | None) -> None:
    assert a_result("0" * 16, epochs, best_epoch=best, **changes).caveat is caveat
