"""What a study comes to, as a tracker gets it: from the ledger, in points."""

from __future__ import annotations

from pathlib import Path

import pytest

from study.tracking.base import Summary
from study.tracking.summary import BASELINE, summarize_recorded
from tests.ledgers import EXPERIMENT, Ledger
from tests.records import scores


def values(summary: Summary) -> dict[tuple[str, int], float]:
    return {(one.name, one.step): one.value for one in summary.values}


def test_the_curve_has_k_as_step_and_the_best_arm_is_compared_with_no_interaction(
    tmp_path: Path,
) -> None:
    made = Ledger(tmp_path)
    for seed, f1 in enumerate((0.84, 0.86, 0.88)):
        made.finish(made.plan("gru-1", seed), f1)
        made.finish(made.plan("bilstm-s", seed), f1 - 0.2)
        made.finish(made.plan("gru-2", seed), f1 + 0.01)
    made.plan("gru-3", 0)
    made.save()
    found = summarize_recorded(tmp_path, [EXPERIMENT])[EXPERIMENT]
    numbers = values(found)
    curve = {step: value for (name, step), value in numbers.items() if name.endswith("GRU")}
    assert curve == pytest.approx({0: 66.0, 1: 86.0, 2: 87.0})
    assert numbers["Best arm/test F1", 0] == pytest.approx(87.0)
    difference = "Difference from baseline"
    assert numbers[f"{difference}/test F1", 0] == pytest.approx(21.0)
    assert numbers[f"{difference}/CI low", 0] < 21.0 < numbers[f"{difference}/CI high", 0]
    assert found.tags[BASELINE] == "BiLSTM_s"


def test_averaged_weights_are_summed_up_by_their_own_scores(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    for seed, f1 in enumerate((0.70, 0.71, 0.72)):
        for arm, averaged in (("gru-1", f1 + 0.10), ("bilstm-s", f1 + 0.12)):
            both = {
                "averaged_selection_scores": scores(averaged),
                "averaged_test_scores": scores(averaged),
            }
            made.finish(made.plan(arm, seed), f1, both)
    made.save()
    numbers = values(summarize_recorded(tmp_path, [EXPERIMENT])[EXPERIMENT])
    assert numbers["Best arm/test F1", 0] == pytest.approx(83.0)
    assert numbers["Difference from baseline/test F1", 0] == pytest.approx(-2.0)


def test_a_study_without_a_result_comes_to_nothing(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    made.plan("gru-1", 0)
    made.save()
    assert summarize_recorded(tmp_path, [EXPERIMENT])[EXPERIMENT] == Summary(values=[])


def test_no_arm_is_the_best_if_none_learned_anything(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    nothing = {"selection_scores": scores(0.0), "test_scores": scores(0.0)}
    for arm in ("gru-1", "bilstm-s"):
        made.finish(made.plan(arm, 0), 0.1, nothing)
    made.save()
    found = summarize_recorded(tmp_path, [EXPERIMENT])[EXPERIMENT]
    assert found.tags == {}
    assert not [one.name for one in found.values if one.name.startswith("Best arm")]
