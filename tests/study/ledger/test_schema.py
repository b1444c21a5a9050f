"""What a record says beyond its fields."""

from __future__ import annotations

from typing import Any

import pytest

from study.ledger.state import Caveat
from tests.records import a_result, scores


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
