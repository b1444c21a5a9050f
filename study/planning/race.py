"""The end of a search: its best settings race on fresh seeds, with the same number for every arm.

The first stage trains each arm's best settings and its start on two seeds. The second stage trains
the best of them and the start on the other seeds. The winner has the highest mean dev F1 of the
settings with all seeds. Dev F1 is that of the averaged weights if all runs have them, because the
comparisons are about these. Each stage depends on the record of the search and on finished runs
only, so a race that was killed makes the same decisions again.

A search with two objectives has no winner but a front. Its candidates are spread over the front of
each arm, and all of them train on all seeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from search_spaces.space import Arm, Grid
from study.ledger.arms import CANDIDATE, CANDIDATES, START
from study.ledger.files import LedgerError
from study.ledger.pareto import nondominated_fronts, spread
from study.ledger.schema import Result, SearchTrial
from study.ledger.search_record import SearchRecord, ranked_trials
from study.planning.search import SearchPlan

#: Seeds of the first stage.
FIRST_SEEDS = 2
#: Settings of each arm in the second stage, beside its start.
FINALISTS = 2


def race_size(seeds: int, cost: str | None = None) -> int:
    """Return the most runs that an arm needs in a race with so many seeds.

    Args:
        seeds: The fresh seeds.
        cost: What the search minimises beside dev F1.
    """
    first = min(seeds, FIRST_SEEDS) if cost is None else seeds
    return (CANDIDATES + 1) * first + (FINALISTS + 1) * (seeds - first)


def stages(plan: SearchPlan, record: SearchRecord) -> Iterator[Grid]:
    """Yield the runs of each stage; ask for the second one when the first has finished.

    Raises:
        LedgerError: A run of the first stage has no result.
    """
    seeds, raced = plan.search.confirm_seeds, candidates(plan, record)
    if not raced or not seeds:
        return
    if plan.search.cost is not None:
        yield _grid(plan, raced, seeds)
        return
    first = seeds[:FIRST_SEEDS]
    yield _grid(plan, raced, first)
    if len(seeds) > len(first):
        yield _grid(plan, finalists(plan, raced, first), seeds[len(first) :])


def candidates(plan: SearchPlan, record: SearchRecord) -> dict[str, list[SearchTrial]]:
    """Return each arm's best trials beside its start, the same number for every arm.

    Arms that learned nothing are left out. An arm of which only the start has finished has no
    candidate, and the other arms have theirs. With two objectives the best trials are those on the
    arm's front, then those on the front of the others, as :func:`front_candidates` chooses them.
    """
    found = {}
    for arm, start in plan.starts.items():
        if ranked := ranked_trials(record.of(arm)):
            by_run = {trial.fingerprint: trial for trial in reversed(ranked)}
            by_run.pop(start.run.fingerprint, None)
            found[arm] = list(reversed(by_run.values()))
    count = min([CANDIDATES, *(len(trials) for trials in found.values() if trials)])
    if (cost := plan.search.cost) is not None:
        return {arm: front_candidates(trials, cost, count) for arm, trials in found.items()}
    return {arm: trials[:count] for arm, trials in found.items()}


def front_candidates(trials: Sequence[SearchTrial], cost: str, count: int) -> list[SearchTrial]:
    """Return trials of one arm: those of its front, evenly if it has more, then the next front.

    Args:
        trials: Finished trials, without the start.
        cost: What the search minimises.
        count: How many trials; the same for every arm.
    """
    chosen: list[SearchTrial] = []
    for layer in nondominated_fronts(trials, cost):
        chosen += spread(layer, count - len(chosen))
    return chosen


def finalists(
    plan: SearchPlan, raced: Mapping[str, Sequence[SearchTrial]], seeds: Sequence[int]
) -> dict[str, list[SearchTrial]]:
    """Return each arm's trials whose settings have the highest mean dev F1 on some seeds.

    Args:
        plan: The search.
        raced: The trials of each arm.
        seeds: Those of the first stage.

    Raises:
        LedgerError: A run has no result.
    """
    results = {
        trial.name: [_result(plan, trial, seed) for seed in seeds]
        for trials in raced.values()
        for trial in trials
    }
    averaged = all(one.averaged_dev_scores for found in results.values() for one in found)

    def place(trial: SearchTrial) -> tuple[float, int]:
        scores = (
            (averaged and result.averaged_dev_scores) or result.selection_scores
            for result in results[trial.name]
        )
        return -fmean(found["f1"] for found in scores), trial.number

    return {arm: sorted(trials, key=place)[:FINALISTS] for arm, trials in raced.items()}


def _result(plan: SearchPlan, trial: SearchTrial, seed: int) -> Result:
    _, run = plan.run(trial.arm, {**trial.parameters, "training.seed": seed})
    result = run.result()
    if result is None:
        raise LedgerError(f"{run.path}: {trial.name} with seed {seed} has no result; run it again")
    return result


def _grid(
    plan: SearchPlan, raced: Mapping[str, Sequence[SearchTrial]], seeds: tuple[int, ...]
) -> Grid:
    untuned = "paper's" if plan.preset.name == "paper" else f"preset {plan.preset.name}"
    arms = []
    for arm in plan.search.every_arm():
        if arm.name not in raced:
            continue
        label = f"{arm.label}, {untuned}"
        arms.append(Arm(name=f"{arm.name}{START}", label=label, overrides=arm.overrides))
        arms += [
            Arm(
                name=f"{arm.name}{CANDIDATE}{trial.number}",
                label=f"{arm.label}, trial {trial.number}",
                overrides={**arm.overrides, **trial.parameters},
            )
            for trial in raced[arm.name]
        ]
    return Grid(
        name=plan.confirmed,
        title=f"Do the best settings of {plan.experiment} hold on fresh seeds?",
        arms=tuple(arms),
        seeds=seeds,
        preset=plan.preset.name,
    )
