"""The race of a search: as many candidates for every arm, and the same decisions after a kill."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from search_spaces.fair_rounds import SPACE
from search_spaces.search import Asha
from search_spaces.space import Grid
from study.commands.options import Options
from study.commands.search import race_best
from study.ledger.arms import CANDIDATES
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.ledger.schema import SearchTrial
from study.ledger.search_record import SearchRecord
from study.ledger.state import TrialState
from study.planning.grid import Plan
from study.planning.race import FINALISTS, candidates, race_size, stages
from study.planning.search import SearchPlan, make_search_plans
from tests.records import a_result, scores, write_result

RATE = "training.learning_rate"


def search_with(
    folder: Path,
    out: Path,
    f1_of: Mapping[str, Sequence[float]],
    seeds: tuple[int, ...] = (0, 1, 2, 3),
    seconds: Sequence[float] | None = None,
) -> tuple[SearchPlan, SearchRecord]:
    """A search of two arms whose trials have given dev F1 by number; -1 is a pruned one.

    With seconds by number it minimises them, too.
    """
    space = dataclasses.replace(
        SPACE,
        preset="paper",
        confirm_seeds=seeds,
        asha=Asha(grace_period=8) if seconds is None else None,
        objectives=SPACE.objectives if seconds is None else ("dev_f1", "seconds"),
    )
    (plan,) = make_search_plans(space, Ledger(out), [str(folder)], arms=["k-0", "k-1"])
    record = SearchRecord(plan.ledger, plan.experiment)
    record.open(plan.record({}))
    for arm, found in f1_of.items():
        for number, f1 in enumerate(found):
            start = plan.search.start(plan.base(arm))
            parameters = start if number == 0 else {**start, RATE: 1e-3 + 1e-5 * number}
            config, run = plan.run(arm, parameters)
            record.trials.append(
                SearchTrial(
                    arm=arm,
                    number=number,
                    parameters=parameters,
                    fingerprint=run.fingerprint,
                    config=config.flat(),
                    state=TrialState.PRUNED if f1 < 0 else TrialState.FINISHED,
                    dev_f1=[abs(f1)],
                    seconds=[1.0 if seconds is None else seconds[number]],
                )
            )
    record.save()
    return plan, record


def numbers(plan: SearchPlan, record: SearchRecord) -> dict[str, list[int]]:
    return {arm: [t.number for t in trials] for arm, trials in candidates(plan, record).items()}


def finish(
    plan: SearchPlan,
    grid: Grid,
    dev_f1: Callable[[int, int], float],
    averaged: Callable[[int], float | None] = lambda number: None,
) -> None:
    """Give every run of a stage a result; dev F1 by trial number and seed, -1 for the start."""
    for arm in grid.arms:
        name, _, number = arm.name.partition("-trial")
        for seed in grid.seeds:
            parameters = {p: v for p, v in arm.overrides.items() if p != "model.rounds"}
            base = name.removesuffix("-paper")
            _, run = plan.run(base, {**parameters, "training.seed": seed})
            f1 = dev_f1(int(number) if number else -1, seed)
            result = a_result(run.fingerprint, selection_scores=scores(f1))
            if (score := averaged(int(number) if number else -1)) is not None:
                result.averaged_selection_scores = scores(score)
            write_result(run.path, result)


F1 = {"k-0": (0.9, 0.1, 0.5, 0.3, -0.99, 0.2, 0.6), "k-1": (0.1, 0.4, 0.5, 0.3, 0.2, 0.0, 0.45)}


def test_the_best_of_each_arm_race_against_its_start(spert_folder: Path, tmp_path: Path) -> None:
    plan, record = search_with(spert_folder, tmp_path, F1)
    assert numbers(plan, record) == {"k-0": [6, 2, 3, 5], "k-1": [2, 6, 1, 3]}
    first = next(stages(plan, record))
    assert first.seeds == (0, 1)
    names = [arm.name for arm in first.arms]
    assert names[:3] == ["k-0-paper", "k-0-trial6", "k-0-trial2"]
    assert len(names) == 2 * (1 + CANDIDATES)
    by_name = {arm.name: arm for arm in first.arms}
    assert by_name["k-1-trial2"].overrides.items() >= {"model.rounds": 1, RATE: 1.02e-3}.items()
    assert by_name["k-1-paper"].overrides == {"model.rounds": 1}
    assert plan.search.seed not in first.seeds


@pytest.mark.parametrize(
    ("k_1", "expected"),
    [
        ((0.1, 0.4, -0.9), {"k-0": [6], "k-1": [1]}),
        ((0.1, -0.4), {"k-0": [6, 2, 3, 5], "k-1": []}),
        ((0.0, -0.4), {"k-0": [6, 2, 3, 5]}),
    ],
    ids=["fewer finished", "only the start", "nothing learned"],
)
def test_every_arm_has_as_many_candidates(
    spert_folder: Path, tmp_path: Path, k_1: tuple[float, ...], expected: dict[str, object]
) -> None:
    plan, record = search_with(spert_folder, tmp_path, {**F1, "k-1": k_1})
    assert numbers(plan, record) == expected


def test_equal_runs_race_once_and_the_earliest_number_names_them(
    spert_folder: Path, tmp_path: Path
) -> None:
    plan, record = search_with(spert_folder, tmp_path, F1)
    second = record.find("k-0", 2)
    assert second is not None
    record.trials.append(second.model_copy(update={"number": 9}))
    assert numbers(plan, record)["k-0"] == [6, 2, 3, 5]


def test_the_second_stage_has_those_that_were_best_on_the_first_seeds(
    spert_folder: Path, tmp_path: Path
) -> None:
    plan, record = search_with(spert_folder, tmp_path, F1)
    # Trial 3 has the highest mean; 2 and 6 are equal, and 2 was earlier.
    dev_f1 = {(3, 0): 0.2, (3, 1): 0.9, (2, 0): 0.5, (2, 1): 0.5, (6, 0): 0.4, (6, 1): 0.6}
    race = stages(plan, record)
    finish(plan, next(race), lambda number, seed: dev_f1.get((number, seed), 0.1))
    second = next(race)
    assert second.seeds == (2, 3)
    wanted = [f"{arm}-{kind}" for arm in ("k-0", "k-1") for kind in ("paper", "trial3", "trial2")]
    assert [arm.name for arm in second.arms] == wanted
    assert len(wanted) == 2 * (1 + FINALISTS)
    assert next(race, None) is None
    again, reopened = search_with(spert_folder, tmp_path, {})
    assert list(stages(again, reopened))[1] == second, "a race that was killed goes on alike"


@pytest.mark.parametrize(("without", "expected"), [(None, {2, 5}), (6, {3, 6})])
def test_averaged_weights_choose_the_finalists_if_all_runs_have_them(
    spert_folder: Path, tmp_path: Path, without: int | None, expected: set[int]
) -> None:
    """The winner is chosen by them, too, and judged by them."""
    plan, record = search_with(spert_folder, tmp_path, F1)
    selected = {6: 0.8, 3: 0.9, 2: 0.4, 5: 0.3, 1: 0.2}
    averaged = {6: 0.3, 3: 0.4, 2: 0.9, 5: 0.8, 1: 0.2}
    race = stages(plan, record)
    finish(
        plan,
        next(race),
        lambda number, seed: selected.get(number, 0.1),
        lambda number: None if number == without else averaged.get(number, 0.1),
    )
    second = {arm.name for arm in next(race).arms if arm.name.startswith("k-0-trial")}
    assert second == {f"k-0-trial{number}" for number in expected}


def test_with_two_objectives_the_candidates_are_spread_over_the_front(
    spert_folder: Path, tmp_path: Path
) -> None:
    """As many for every arm, on all seeds at once: the cheap ones would lose a race by dev F1."""
    found = {
        # Seconds grow with the number: k-0's front has 1 to 6, and k-1's has 1 to 3.
        "k-0": (0.3, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8),
        "k-1": (0.3, 0.4, 0.5, 0.9, 0.2, 0.6, 0.7),
    }
    plan, record = search_with(spert_folder, tmp_path, found, seconds=(9, 2, 3, 4, 5, 6, 7))
    assert numbers(plan, record) == {"k-0": [6, 4, 3, 1], "k-1": [3, 2, 1, 6]}
    (only,) = stages(plan, record)
    assert only.seeds == (0, 1, 2, 3)
    names = [arm.name for arm in only.arms if arm.name.startswith("k-1")]
    assert names == ["k-1-paper", "k-1-trial3", "k-1-trial2", "k-1-trial1", "k-1-trial6"]
    assert race_size(4, "seconds") == 4 * (1 + CANDIDATES)


def test_a_race_does_not_go_on_without_a_result(spert_folder: Path, tmp_path: Path) -> None:
    race = stages(*search_with(spert_folder, tmp_path, F1))
    next(race)
    with pytest.raises(LedgerError, match=r"k-0 #\d with seed 0 has no result; run it again"):
        next(race)


@pytest.mark.parametrize(("seeds", "count"), [((), 0), ((7,), 1), ((0, 1), 1), ((0, 1, 2), 2)])
def test_few_seeds_have_one_stage_or_none(
    spert_folder: Path, tmp_path: Path, seeds: tuple[int, ...], count: int
) -> None:
    race = stages(*(found := search_with(spert_folder, tmp_path, F1, seeds)))
    made = 0
    for grid in race:
        finish(found[0], grid, lambda number, seed: 0.5)
        made += 1
    assert made == count


def test_the_number_of_runs_is_known_before() -> None:
    assert [race_size(seeds) for seeds in (0, 1, 2, 6)] == [0, 5, 10, 22]


def test_a_stage_runs_what_the_next_one_reads(spert_folder: Path, tmp_path: Path) -> None:
    """As the command makes the plan of a stage."""
    plan, record = search_with(spert_folder, tmp_path, F1)
    decided: list[set[str]] = []
    given = Options(data=(str(spert_folder),), runs=tmp_path)

    def confirm(stage: Plan, experiment: str) -> int:
        assert experiment == plan.confirmed
        decided.append({trial.trial.arm for trial in stage.trials})
        for trial in stage.trials:
            number = trial.trial.arm.rpartition("-trial")[2]
            f1 = 0.8 if number in ("3", "5") else 0.1
            result = a_result(trial.run.fingerprint, selection_scores=scores(f1))
            write_result(trial.run.path, result)
        return 0

    assert race_best(plan, record, given, confirm) == 0
    assert decided[1] == {
        *("k-0-paper", "k-0-trial3", "k-0-trial5"),
        *("k-1-paper", "k-1-trial3", "k-1-trial1"),
    }
    assert race_best(plan, record, given, lambda stage, experiment: 1) == 1
