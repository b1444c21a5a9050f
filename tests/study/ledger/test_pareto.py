"""Fronts of dev F1 and a cost, by hand and against the definition."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import objectives
from study.ledger import schema
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.ledger.pareto import front, nondominated_fronts, spread, trial_cost
from study.ledger.schema import SearchTrial
from tests.records import a_search, a_trial

TWO = {"a": {"objectives": ["dev_f1", "parameters"]}}


def made(values: list[tuple[float, int]]) -> list[SearchTrial]:
    return [a_trial(n, f1, size=size) for n, (f1, size) in enumerate(values)]


def test_by_hand() -> None:
    trials = made([(0.8, 50), (0.9, 90), (0.8, 40), (0.7, 60), (0.9, 90), (0.5, 10), (0.0, 1)])
    trials += [a_trial(7, 0.99, size=1, state="pruned"), a_trial(8, 0.99, size=1, state="failed")]
    found = [
        [trial.number for trial in layer] for layer in nondominated_fronts(trials, "parameters")
    ]
    assert found == [[1, 2, 5], [4, 0], [3]]
    assert front([], "seconds") == []


def test_seconds_are_those_of_all_epochs() -> None:
    slow = a_trial(0, dev_f1=[0.5, 0.6], seconds=[2.0, 3.0])
    fast = a_trial(1, dev_f1=[0.55], seconds=[1.0])
    assert [trial_cost(trial, "seconds") for trial in (slow, fast)] == [5.0, 1.0]
    assert front([slow, fast], "seconds") == [slow, fast]


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3, 0.4]), st.integers(1, 4)), max_size=9))
def test_no_other_trial_dominates_one_of_the_front(values: list[tuple[float, int]]) -> None:
    trials = made(values)

    def dominates(one: SearchTrial, other: SearchTrial) -> bool:
        ours, theirs = (one.best, -(one.size or 0)), (other.best, -(other.size or 0))
        return (ours >= theirs and ours[1] >= theirs[1] and ours != theirs) or (
            ours == theirs and one.number < other.number
        )

    expected = {t.number for t in trials if not any(dominates(other, t) for other in trials)}
    found = nondominated_fronts(trials, "parameters")
    assert {t.number for t in next(iter(found), [])} == expected
    assert sorted(t.number for layer in found for t in layer) == list(range(len(trials)))


@pytest.mark.parametrize(
    ("count", "most", "places"),
    [(5, 3, [0, 2, 4]), (5, 2, [0, 4]), (2, 4, [0, 1]), (7, 4, [0, 2, 4, 6]), (3, 1, [0])],
)
def test_a_spread_has_both_ends(count: int, most: int, places: list[int]) -> None:
    layer = made([(0.9 - n / 100, 90 - n) for n in range(count)])
    assert [trial.number for trial in spread(layer, most)] == places
    assert all(a < b for a, b in pairwise(places))
    assert spread(layer, 0) == []


def test_the_costs_of_a_record_are_those_of_a_space() -> None:
    """Reading a record imports no module of spaces: they need Optuna."""
    assert set(schema.COSTS) == set(objectives.COSTS)


def test_a_record_knows_its_cost_and_a_missing_size_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record_search(a_search(TWO, made([(0.5, 7)]), "two"))
    ledger.record_search(a_search({"a": {"objectives": ["dev_f1"]}}, [a_trial(0)], "one"))
    ledger.record_search(a_search({"a": {}}, [a_trial(0)], "old"))
    older = {"a": {"objectives": ["dev_f1", "epochs"]}}
    ledger.record_search(a_search(older, [a_trial(0)], "older"))
    costs = {search.experiment: search.cost for search in ledger.searches()}
    assert costs == {"two": "parameters", "one": None, "old": None, "older": None}
    assert b'"size"' not in ledger.search_path("one").read_bytes()
    ledger.record_search(a_search(TWO, [a_trial(0)], "two"))
    with pytest.raises(LedgerError, match=r"two\.json.*trials\[0\]\.size"):
        ledger.search("two")
