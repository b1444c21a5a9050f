"""Errors, power and seeds of the verdicts in simulated studies with a known truth.

    python -m benchmarks.decide

It draws synthetic studies of 13 arms with the variance components of the published ledger. Four
rules judge the five primary contrasts:

- *paired, 5 seeds*: a t interval over pairs of runs with one seed, without correction.
- *sign flip, 5 seeds*: the sign-flip test of the same pairs, with Holm's correction.
- *pooled, 5 seeds*: one residual variance for all arms and Holm's correction, with equality.
- *sequential*: the same, looked at after 5, 7, 10, 14 and 20 seeds (``reports.stats.sequential``).

The reports use the last two; the first two are baselines. Pooled and sequential use each arm's own
variance if a test finds that the arms' variances differ. Some studies have one arm with twice the
standard deviation of the others: they show how many errors remain if the tests do not notice it.

The results are written to benchmarks/results/decide.csv.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import stats

from benchmarks.command import RESULTS, Results, run
from benchmarks.sign_flip import all_signs, sign_flip_p
from reports.stats.contrasts import ABLATIONS, PRIMARY
from reports.stats.model import UNEQUAL, residual
from reports.stats.sequential import Plan, State, States
from reports.stats.verdicts import RULE
from rin_core.config import nondefault_settings
from study.ledger.exported import ExportedRun, read_exported
from study.ledger.schema import Result

ROOT = Path(__file__).parents[1]
ARMS = (
    *("bilstm", "bilstm-s", "gru-1", "gru-3", "gru-5", "rnn-1", "rnn-3", "rnn-5"),
    *(*ABLATIONS, "bilstm-s-wide"),
)
WEIGHTS = np.array([[c.weigh(ARMS).get(arm, 0.0) for arm in ARMS] for c in PRIMARY])
"""Of the arms in each contrast [C, arms]."""
KEYS = tuple(contrast.key for contrast in PRIMARY)
SEEDS = 5
PLAN = Plan()
#: True values of all five contrasts, in points.
TRUE = (0.0, 0.25, 0.5, 0.8)
#: Arms that in turn have twice the standard deviation of the others. Each is alone on its side of
#: a contrast.
UNEQUAL_ARMS = ("bilstm-s-wide", "gru-1")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Count errors, power and seeds of the verdicts in simulated studies with a known truth."""

    studies: Annotated[int, tyro.conf.arg(metavar="N")] = 2000
    """Number of simulated studies of each scenario."""
    ledgers: Annotated[
        tuple[Path, ...],
        tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: the published one)"),
    ] = (ROOT / "results" / "ledger" / "webnlg_star.jsonl.xz",)
    """Exported ledgers: the simulated runs have the variance of their runs."""
    out: Results = RESULTS


@dataclass(frozen=True, slots=True)
class Components:
    """Standard deviations of test F1, in points."""

    run: float
    """Of a run around the mean of its arm, at the selected epoch."""
    seed: float
    """Of what runs with one seed have in common, in all arms."""
    late: float
    """Of a run by its mean of the last ten epochs on test."""
    averaged: float
    """Of a run by its averaged weights; NaN without such runs."""
    averaged_selected: float
    """Of the same runs, at the selected epoch."""


def components(results: Sequence[Result]) -> Components:
    """Estimate the variance components of a ledger's runs.

    Args:
        results: Runs on one corpus; those over pretrained encoders are left out. Runs that chose
            their epoch on test have test F1 by epoch, from which the late scores come.
    """
    selected: dict[str, dict[int, float]] = {}
    late: dict[str, list[float]] = {}
    averaged: dict[str, list[float]] = {}
    beside: dict[str, list[float]] = {}
    for result in results:
        if result.config["encoder.kind"] != "bilstm":
            continue
        arm = nondefault_settings(result.config)
        seed = int(result.config["training.seed"])
        if result.averaged_test_scores is not None:
            averaged.setdefault(arm, []).append(100 * result.averaged_test_scores["f1"])
            beside.setdefault(arm, []).append(100 * result.test_scores["f1"])
        elif result.selection_split == "dev":
            selected.setdefault(arm, {})[seed] = 100 * result.test_scores["f1"]
        else:
            last = [100 * epoch.selection_f1 for epoch in result.history[-10:]]
            late.setdefault(arm, []).append(sum(last) / len(last))
    whole = [own for own in selected.values() if set(range(SEEDS)) <= set(own)]
    scores = np.array([[own[seed] for seed in range(SEEDS)] for own in whole])  # [arms, seeds]
    seeds = scores.mean(axis=0) - scores.mean()
    rest = scores - scores.mean(axis=1, keepdims=True) - seeds
    arms = len(scores)
    of_rest = float((rest**2).sum()) / ((arms - 1) * (SEEDS - 1))
    of_seeds = float((seeds**2).sum()) / (SEEDS - 1) - of_rest / arms
    return Components(
        run=residual([list(own.values()) for own in selected.values()]).sd,
        seed=math.sqrt(max(of_seeds, 0.0)),
        late=residual(list(late.values())).sd,
        averaged=residual(list(averaged.values())).sd if averaged else math.nan,
        averaged_selected=residual(list(beside.values())).sd if averaged else math.nan,
    )


def true_means(values: Floats) -> Floats:
    """Return the means of the arms that give the contrasts these values [C]: the smallest ones."""
    return np.asarray(np.linalg.pinv(WEIGHTS) @ values)


def draw(means: Floats, sd: float | Floats, seed_sd: float, studies: int, number: int) -> Floats:
    """Return the scores of synthetic studies [studies, arms, seeds].

    Args:
        means: Of the arms.
        sd: Of a run around the mean of its arm; one for all arms, or one for each.
        seed_sd: The part of it that all runs of a seed share.
        studies: How many.
        number: Of the random generator.
    """
    rng, most = np.random.default_rng(number), PLAN.looks[-1]
    own = np.sqrt(np.maximum(np.broadcast_to(sd, len(ARMS)) ** 2 - seed_sd**2, 0.0))
    runs = own[:, None] * rng.standard_normal((studies, len(ARMS), most))
    shared = rng.normal(0.0, seed_sd, size=(studies, 1, most))
    return np.asarray(means[:, None] + runs + shared)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a rule says about studies."""

    states: States
    """[studies, C]."""
    seeds: NDArray[np.int64]
    """Of each arm [studies, arms]."""


def paired_interval(scores: Floats) -> Judged:
    """Judge by a paired t interval over five seeds, without correction."""
    by_seed = np.einsum("ca,san->scn", WEIGHTS, scores[:, :, :SEEDS])
    p = stats.ttest_1samp(by_seed, 0.0, axis=2).pvalue
    return _fixed(by_seed.mean(axis=2), p < RULE.level)


def sign_flip(scores: Floats) -> Judged:
    """Judge by the exact sign-flip test over five seeds, with Holm's correction."""
    by_seed = np.einsum("ca,san->scn", WEIGHTS, scores[:, :, :SEEDS])
    p = sign_flip_p(by_seed, all_signs(SEEDS))
    return _fixed(by_seed.mean(axis=2), _holm(p) < RULE.level)


def pooled(scores: Floats) -> Judged:
    """Judge five seeds by the pooled variance, with Holm's correction."""
    seeds = np.full(scores.shape[:2], SEEDS)
    value, se, df = _estimates(scores, seeds)
    differs = _holm(2 * stats.t.sf(np.abs(value) / se, df)) < RULE.level
    equal = _holm(stats.t.sf((RULE.margin - np.abs(value)) / se, df)) < RULE.level
    judged = _fixed(value, differs)
    judged.states[equal] = State.EQUAL
    return judged


def sequential(scores: Floats) -> Judged:
    """Judge by the group-sequential plan; an arm stops with its last contrast."""
    states = np.zeros((len(scores), len(WEIGHTS)), dtype=np.int8)
    seeds = np.zeros(scores.shape[:2], dtype=np.int64)
    for number, look in enumerate(PLAN.looks):
        running = ((states == State.OPEN)[:, :, None] & (WEIGHTS != 0)).any(axis=1)
        seeds[running] = look
        states = PLAN.look(number, *_estimates(scores, seeds), states)
    return Judged(states, seeds)


def _fixed(value: Floats, found: NDArray[np.bool_]) -> Judged:
    states = np.where(found, np.where(value > 0, State.BETTER, State.WORSE), State.OPEN)
    return Judged(states.astype(np.int8), np.full((len(value), len(ARMS)), SEEDS))


def _holm(p: Floats) -> Floats:
    """Return Holm-corrected p values of each study [studies, C]."""
    order = np.argsort(p, axis=1)
    factors = np.arange(p.shape[1], 0, -1)
    sorted_p = np.minimum(np.take_along_axis(p, order, axis=1) * factors, 1)
    corrected = np.empty_like(p)
    np.put_along_axis(corrected, order, np.maximum.accumulate(sorted_p, axis=1), axis=1)
    return corrected


def _estimates(scores: Floats, seeds: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Return the contrasts, their standard errors [studies, C] and degrees of freedom."""
    used = np.arange(scores.shape[2]) < seeds[:, :, None]
    means = _mean(scores, used)
    squares = np.where(used, (scores - means[:, :, None]) ** 2, 0).sum(axis=2)
    dfs = seeds - 1.0
    df, own = dfs.sum(axis=1, keepdims=True), squares / dfs
    pooled_variance = squares.sum(axis=1, keepdims=True) / df
    # What each arm adds to the variance of each contrast [studies, C, arms].
    parts = WEIGHTS**2 * (own / seeds)[:, None, :]
    welch = parts.sum(axis=2) ** 2 / (parts**2 / dfs[:, None, :]).sum(axis=2)
    others = (squares.sum(axis=1, keepdims=True) - squares) / (df - dfs)
    largest = len(ARMS) * stats.f.sf(own / others, dfs, df - dfs).min(axis=1)
    pooled_se = np.sqrt(pooled_variance * ((1 / seeds) @ (WEIGHTS**2).T))
    is_pooled = (np.minimum(largest, _brown_forsythe(scores, used)) >= UNEQUAL)[:, None]
    se = np.where(is_pooled, pooled_se, np.sqrt(parts.sum(axis=2)))
    return means @ WEIGHTS.T, se, np.where(is_pooled, df, welch)


def _mean(values: Floats, used: NDArray[np.bool_]) -> Floats:
    """Return the mean over the used seeds [studies, arms]."""
    return np.asarray(np.where(used, values, 0).sum(axis=2) / used.sum(axis=2))


def _brown_forsythe(scores: Floats, used: NDArray[np.bool_]) -> Floats:
    """Return p of the test that the arms have one variance [studies]."""
    medians = np.nanmedian(np.where(used, scores, np.nan), axis=2, keepdims=True)
    distances = np.abs(scores - medians)
    count, means = used.sum(axis=2), _mean(distances, used)
    runs, arms = count.sum(axis=1), scores.shape[1]
    center = (count * means).sum(axis=1, keepdims=True) / runs[:, None]
    between = (count * (means - center) ** 2).sum(axis=1) / (arms - 1)
    rest = np.where(used, (distances - means[:, :, None]) ** 2, 0).sum(axis=(1, 2))
    return np.asarray(stats.f.sf(between / (rest / (runs - arms)), arms - 1, runs - arms))


RULES: dict[str, Callable[[Floats], Judged]] = {
    "paired, 5 seeds": paired_interval,
    "sign flip, 5 seeds": sign_flip,
    "pooled, 5 seeds": pooled,
    "sequential": sequential,
}


def rates(judged: Judged, true: float) -> dict[str, float]:
    """Return what a rule did in studies whose contrasts all have one true value.

    ``error`` is the share of studies with at least one wrong verdict: a difference where there is
    none or of the wrong sign, or *equal* at a difference of the margin or more.
    """
    states = judged.states
    wrong = states == State.WORSE
    if not true:
        wrong |= states == State.BETTER
    if true >= RULE.margin:
        wrong |= states == State.EQUAL
    found = {"error": float(wrong.any(axis=1).mean())}
    for state in (State.BETTER, State.EQUAL):
        own = (states == state).mean(axis=0)
        name = state.name.lower()
        found[name] = float(own.mean())
        found |= {f"{name}, {key}": float(v) for key, v in zip(KEYS, own, strict=True)}
    return found | {"seeds an arm": float(judged.seeds.mean())}


def simulate(found: Components, studies: int) -> list[dict[str, object]]:
    """Return a row for each endpoint, true value and rule, and those of unequal variances."""
    rows: list[dict[str, object]] = []
    endpoints = {
        "selected epoch": found.run,
        "last ten epochs": found.late,
        "averaged weights": found.averaged,
    }
    for endpoint, sd in endpoints.items():
        if math.isnan(sd):
            continue
        for number, true in enumerate(TRUE):
            means = true_means(np.full(len(WEIGHTS), true))
            scores = draw(means, sd, found.seed, studies, number)
            rows += _judged(scores, endpoint, sd, true)
        for arm in UNEQUAL_ARMS:
            each = np.where(np.array(ARMS) == arm, 2 * sd, sd)
            scores = draw(np.zeros(len(ARMS)), each, found.seed, studies, len(TRUE))
            rows += _judged(scores, f"{endpoint}, 2 sd in {arm}", sd, 0.0)
    return rows


def _judged(scores: Floats, endpoint: str, sd: float, true: float) -> list[dict[str, object]]:
    head = {"endpoint": endpoint, "sd": sd, "true value": true}
    return [{**head, "rule": name, **rates(rule(scores), true)} for name, rule in RULES.items()]


def main(options: Options) -> None:
    """Simulate, print a table and write all rates."""
    console = Console()
    found = components(
        [
            record.result
            for ledger in options.ledgers
            for record in read_exported(ledger)
            if isinstance(record, ExportedRun)
        ]
    )
    console.print(
        f"sd of a run {found.run:.3f}, of a seed in all arms {found.seed:.3f}, of the last ten "
        f"epochs {found.late:.3f}; {options.studies:,} studies each"
    )
    console.print(
        f"averaged weights {found.averaged:.3f}, the same runs at the selected epoch "
        f"{found.averaged_selected:.3f}: {(found.averaged / found.averaged_selected) ** 2:.2f} "
        "of the variance"
    )
    rows = simulate(found, options.studies)
    shown = ("endpoint", "true value", "rule", "error", "better", "equal", "seeds an arm")
    table = Table(*shown, box=None)
    for row in rows:
        values = (row[name] for name in shown)
        table.add_row(*(f"{v:.3g}" if isinstance(v, float) else str(v) for v in values))
    console.print(table)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "decide.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()})
    console.print(f"written to {path}", markup=False)


if __name__ == "__main__":
    run(Options, main, "decide")
