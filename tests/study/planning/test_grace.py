"""When pruning may begin: curves that rank early, late or never, and what a begun search keeps."""

import dataclasses
import math
import random
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import FloatDistribution

from rin_core.config import Config
from search_spaces.search import Asha, Parameter, Search
from search_spaces.space import Arm
from study.ledger.ledger import Ledger
from study.ledger.schema import Result
from study.ledger.search_record import SearchRecord
from study.planning.grace import FEWEST, correlations, estimate_grace, settle_pruning
from tests.records import a_result, a_search, a_trial, an_epoch, write_result

EPOCHS = 20
BASE = Config().override("training.max_epochs", EPOCHS).flat()
FREE = {"training.learning_rate"}


def curve(final: float, settles: int, noise: random.Random) -> list[float]:
    """Scores that say nothing before an epoch, and from then on rise to the final one."""
    early = [0.2 * noise.random() for _ in range(settles - 1)]
    late = [final - 0.001 * (EPOCHS - epoch) for epoch in range(settles, EPOCHS + 1)]
    return early + late


def a_run(number: int, f1: list[float], corpus: str = "demo", **settings: Any) -> Result:
    config = {**BASE, "training.learning_rate": 1e-4 * (number + 1), **settings}
    return a_result(
        f"{number:016x}",
        config=config,
        corpus={"name": corpus, "digest": "d"},
        history=[an_epoch(k, value).to_json() for k, value in enumerate(f1, start=1)],
        selection_scores=an_epoch(1, max(f1)).selection_scores,
        best_epoch=1,
    )


def runs(settles: int, count: int = 16, first: int = 0, **changes: Any) -> list[Result]:
    noise = random.Random(settles)
    finals = [0.5 + 0.01 * k for k in range(count)]
    noise.shuffle(finals)
    return [
        a_run(first + k, curve(final, settles, noise), **changes) for k, final in enumerate(finals)
    ]


def test_the_first_rung_is_where_curves_begin_to_rank() -> None:
    found = estimate_grace(runs(settles=7), "demo", BASE, FREE)
    assert (found.epoch, found.basis, found.settings) == (7, "search", 16)
    assert [row.epoch for row in found.correlations] == list(range(1, EPOCHS + 1))
    before, at = found.correlations[5], found.correlations[6]
    assert before.spearman < found.threshold <= at.spearman == pytest.approx(1)
    assert before.low <= before.spearman <= before.high


def test_one_lucky_epoch_is_no_first_rung() -> None:
    """At epoch 3 all scores happen to be ranked as in the end, and at the next epochs not."""
    noise, found = random.Random(7), []
    for k, run in enumerate(runs(settles=9)):
        final = max(e.selection_f1 for e in run.history)
        rest = [final - 0.001 * (EPOCHS - epoch) for epoch in range(9, EPOCHS + 1)]
        middle = [0.3 + 0.1 * noise.random() for _ in range(5)]
        found.append(a_run(k, [0.0, 0.0, 0.1 * final, *middle, *rest]))
    estimate = estimate_grace(found, "demo", BASE, FREE)
    by_epoch = {row.epoch: row.spearman for row in estimate.correlations}
    assert by_epoch[3] == pytest.approx(1)
    assert by_epoch[4] < estimate.threshold
    assert estimate.epoch == 9


def test_without_a_rung_before_the_end_nothing_is_pruned() -> None:
    assert estimate_grace(runs(settles=EPOCHS), "demo", BASE, FREE).epoch is None


def test_the_correlation_is_spearmans_with_bonett_and_wrights_interval() -> None:
    # Ranks 1 to 12, with 1 and 2, and 11 and 12, exchanged: 1 - 6 * 4 / (12 * 143).
    early = [0.02, 0.01, *(0.01 * k for k in range(3, 11)), 0.12, 0.11]
    curves = [[first, 0.5 + 0.01 * k] for k, first in enumerate(early)]
    row = correlations(curves)[0]
    rho = 1 - 6 * 4 / (12 * 143)
    assert row.spearman == pytest.approx(rho)
    width = 1.96 * math.sqrt((1 + rho**2 / 2) / 9)
    assert row.low == pytest.approx(math.tanh(math.atanh(rho) - width))
    assert row.high == pytest.approx(math.tanh(math.atanh(rho) + width))


def test_an_epoch_that_few_runs_reached_or_at_which_all_are_equal_does_not_count() -> None:
    curves = [[0.0, 0.1 * k, 0.2 * k][: 3 if k < FEWEST - 1 else 2] for k in range(1, FEWEST + 1)]
    assert [row.epoch for row in correlations(curves)] == [2]
    assert correlations(curves[1:]) == []


def test_seeds_of_one_setting_count_once() -> None:
    again = [
        a_run(100 + k, [0.1 * k] * EPOCHS, "demo", **settings)
        for k in range(1, 9)
        for settings in [{"training.seed": k, "training.learning_rate": 1e-4}]
    ]
    found = estimate_grace([*runs(settles=7), *again], "demo", BASE, FREE)
    assert found == estimate_grace(runs(settles=7), "demo", BASE, FREE)


@pytest.mark.parametrize(
    "others",
    [
        # Ablations rank from the first epoch, but not the settings that are searched.
        runs(1, 40, 100, **{"model.entity_input": False}),
        runs(1, 40, 100, corpus="other"),
        # These say nothing about dev F1 by epoch of such a run.
        runs(1, 40, 100, **{"training.max_epochs": 99}),
    ],
    ids=["ablations", "other corpus", "other length"],
)
def test_runs_that_the_search_could_try_come_first(others: list[Result]) -> None:
    found = estimate_grace([*others, *runs(settles=7)], "demo", BASE, FREE)
    assert (found.basis, found.epoch, found.settings) == ("search", 7, 16)


def test_other_runs_of_the_corpus_come_next_and_then_one_other_corpus_by_name() -> None:
    few = runs(7, FEWEST - 1)
    ablations = runs(5, 14, 100, **{"model.entity_input": False})
    found = estimate_grace([*few, *ablations], "demo", BASE, FREE)
    assert (found.basis, found.settings) == ("corpus", FEWEST - 1 + 14)
    big, small = runs(9, 15, 200, corpus="big"), runs(2, 12, 300, corpus="small")
    found = estimate_grace([*few, *small, *big], "demo", BASE, FREE)
    assert (found.basis, found.corpus, found.epoch) == ("other", "big", 9)
    assert "on big" in str(found)


def test_too_few_runs_and_those_that_learned_nothing_prune_nothing() -> None:
    nothing = [a_run(50 + k, [0.0] * EPOCHS) for k in range(20)]
    found = estimate_grace([*runs(7, FEWEST - 1), *nothing], "demo", BASE, FREE)
    assert (found.epoch, found.settings, found.correlations) == (None, FEWEST - 1, [])
    assert "ASHA is off" in str(found)
    assert estimate_grace([], "demo", BASE, FREE).corpus == ""


def a_space(asha: Asha | None) -> Search:
    rate = Parameter(FloatDistribution(1e-5, 1e-1, log=True))
    return Search(
        name="some",
        title="?",
        arms=(Arm(name="a", label="A"),),
        parameters={"training.learning_rate": rate},
        asha=asha,
    )


def written(folder: Path, results: list[Result]) -> Ledger:
    ledger = Ledger(folder)
    for result in results:
        write_result(ledger.run(result.fingerprint).path, result)
    return ledger


def test_a_search_keeps_the_grace_period_with_which_it_began(tmp_path: Path) -> None:
    ledger, space = written(tmp_path, runs(settles=7)), a_space(Asha(reduction_factor=4))
    record = SearchRecord(ledger, "some")
    settled, estimate = settle_pruning(space, record, BASE, ledger, "demo")
    assert settled.asha == Asha(grace_period=7, reduction_factor=4)
    identity = settled.identity(settled.arms[0])
    assert estimate is not None
    record.open(a_search({"a": identity}, experiment="some", grace=estimate.to_json()))
    written(tmp_path, runs(3, 40, 100))
    again, newer = settle_pruning(space, SearchRecord(ledger, "some"), BASE, ledger, "demo")
    assert again.asha is not None
    assert newer is not None
    assert again.asha.grace_period == newer.epoch != 7, "no trial has begun"
    record.add(a_trial(0))
    kept = SearchRecord(ledger, "some")
    assert settle_pruning(space, kept, BASE, ledger, "demo") == (settled, estimate)
    given = a_space(Asha(grace_period=5))
    assert settle_pruning(given, kept, BASE, ledger, "demo")[0].asha == given.asha


@pytest.mark.parametrize("asha", [Asha(grace_period=8, reduction_factor=3), None])
def test_a_search_of_an_earlier_version_goes_on_as_it_began(
    tmp_path: Path, asha: Asha | None
) -> None:
    ledger = Ledger(tmp_path)
    old = dataclasses.replace(a_space(asha), design_points=0, exchange=False)
    record = SearchRecord(ledger, "some")
    record.open(a_search({"a": old.identity(old.arms[0])}, experiment="some"))
    record.add(a_trial(0))
    found, estimate = settle_pruning(a_space(Asha()), record, BASE, ledger, "demo")
    assert (found, estimate) == (old, None)
    assert record.check({"a": found.identity(found.arms[0])})


def test_a_search_that_does_not_prune_has_no_estimate(tmp_path: Path) -> None:
    ledger = written(tmp_path, runs(settles=7))
    record = SearchRecord(ledger, "some")
    for asha in (None, Asha(grace_period=4)):
        space = a_space(asha)
        assert settle_pruning(space, record, BASE, ledger, "demo") == (space, None)
