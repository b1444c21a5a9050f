"""What a search's settings come to on fresh seeds: against the paper's, and arm against arm."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from reports.document.formatting import mean_sd
from reports.document.table import Cell, Row, Table
from reports.frames.searches import SearchData, ranked
from reports.frames.select import by_seed, fingerprints, of_arm
from reports.frames.trials import no_trials
from reports.stats.intervals import Estimate
from reports.stats.tests import Difference, holm, paired_difference
from reports.stats.verdicts import order
from reports.tables.cells import interval_cell, p_cell, score, score_cell, seeds_cell
from search_spaces.space import START, TUNED


def confirmation(data: SearchData) -> Table:
    """Return each arm's tuned and paper settings with their scores over fresh seeds."""
    confirmed = no_trials() if data.confirmed is None else data.confirmed
    rows = []
    for arm in dict.fromkeys(confirmed["arm"]):
        trials = of_arm(confirmed, arm)
        label = str(trials["label"].iloc[0])
        cells = (
            seeds_cell(trials),
            score_cell(trials, "dev_f1"),
            score_cell(trials, "test_f1"),
            interval_cell(score(trials, "test_f1"), fingerprints(trials)),
        )
        rows.append(Row(key=label, label=label, cells=cells))
    return Table(
        name="confirmation",
        title="Tuned against the paper's settings, on fresh seeds",
        head="Settings",
        columns=("seeds", "dev F1", "test F1", "95 % of test F1"),
        rows=tuple(rows),
    )


def confirmation_rows(data: SearchData) -> list[dict[str, str]]:
    """Return :func:`confirmation` as texts."""
    return _texts(confirmation(data))


def comparison(data: SearchData) -> Table:
    """Return how far each two arms are apart, tuned alike and with the paper's settings.

    It has no rows where there is one arm, or nothing confirmed.
    """
    confirmed = no_trials() if data.confirmed is None else data.confirmed
    labels = {arm: label for arm, label in data.arms.items() if len(_tuned(confirmed, arm))}
    pairs = [(later, earlier) for earlier, later in combinations(labels, 2)]
    tuned = [tuple(_tuned(confirmed, arm) for arm in pair) for pair in pairs]
    starts = [tuple(of_arm(confirmed, f"{arm}{START}") for arm in pair) for pair in pairs]
    found = [_difference(*both) for both in tuned]
    corrected = holm([difference.p for difference in found])
    return Table(
        name="comparison",
        title=f"Arm against arm, each tuned with {budgets(data)}, on fresh seeds",
        head="Arms",
        columns=(
            *("Verdict", "Δ F1, each tuned", "Common seeds", "95 % over seeds"),
            *("p over seeds (Holm)", "Δ F1, untuned", "95 %, untuned"),
        ),
        rows=tuple(
            Row(
                key="/".join(pair),
                label=" over ".join(labels[arm] for arm in pair),
                cells=(
                    *_compared(both, difference, p, _incomparable(data, pair)),
                    *_untuned(other),
                ),
            )
            for pair, both, other, difference, p in zip(
                pairs, tuned, starts, found, corrected, strict=True
            )
        ),
        notes=(
            "Δ is of test F1, taken seed by seed over the fresh seeds that both arms have "
            "finished; ± is its standard deviation, the interval Student's, p that of the exact "
            "sign-flip test.",
            "Verdict: *supported* where the interval lies above 0, *contradicted* where it lies "
            "below, else *undecided*; none where one arm had more trials, while trials run, or "
            "where what was run on fresh seeds is the best no more. The intervals are not widened "
            "for the number of pairs. Untuned: with the paper's settings, where each search began.",
            "Each arm was searched once. The intervals say what other seeds would do to the "
            "settings found, not what another search would have found.",
        ),
    )


def budgets(data: SearchData) -> str:
    """Return how many trials the arms had: ``16 trials``, or ``5 to 16 trials``."""
    counts = data.trials.groupby("arm").size()
    if counts.empty:
        return f"{data.budget} trials"
    low, high = int(counts.min()), int(counts.max())
    return f"{high} trials" if low == high else f"{low} to {high} trials"


def _incomparable(data: SearchData, pair: tuple[str, str]) -> str:
    """Return why two arms cannot be compared as tuned alike, or nothing."""
    arms = [data.trials[data.trials["arm"] == arm] for arm in pair]
    if any((trials["state"] == "running").any() for trials in arms):
        return "search under way"
    if len({len(trials) for trials in arms}) > 1:
        return "not tuned alike"
    for arm, trials in zip(pair, arms, strict=True):
        best = ranked(trials)["variant"].head(1)
        if data.confirmed is None or set(_tuned(data.confirmed, arm)["variant"]) != set(best):
            return "a better trial since"
    return ""


def comparison_rows(data: SearchData) -> list[dict[str, str]]:
    """Return :func:`comparison` as texts."""
    return _texts(comparison(data))


def _tuned(confirmed: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Return an arm's trials as tuned: those of its start where tuning found no better."""
    tuned = of_arm(confirmed, f"{arm}{TUNED}")
    return tuned if len(tuned) else of_arm(confirmed, f"{arm}{START}")


def _difference(arm: pd.DataFrame, base: pd.DataFrame) -> Difference:
    return paired_difference(by_seed(arm, "test_f1"), by_seed(base, "test_f1"))


def _compared(
    trials: tuple[pd.DataFrame, ...], difference: Difference, corrected: float, incomparable: str
) -> tuple[Cell, ...]:
    found, behind = difference.estimate, _behind(trials)
    delta, interval = _difference_cells(found, behind)
    return (
        Cell(
            text=(incomparable if found.n else "") or order([found]),
            estimate=found,
            fingerprints=behind,
        ),
        delta,
        Cell(text=str(found.n), fingerprints=behind),
        interval,
        p_cell(difference.p, corrected, behind),
    )


def _untuned(trials: tuple[pd.DataFrame, ...]) -> tuple[Cell, Cell]:
    return _difference_cells(_difference(*trials).estimate, _behind(trials))


def _difference_cells(found: Estimate, behind: tuple[str, ...]) -> tuple[Cell, Cell]:
    """Return the difference of two arms and its interval."""
    delta = Cell(text=mean_sd(found, sign="+"), estimate=found, fingerprints=behind)
    return delta, interval_cell(found, behind)


def _behind(trials: tuple[pd.DataFrame, ...]) -> tuple[str, ...]:
    return tuple(name for arm in trials for name in fingerprints(arm))


def _texts(table: Table) -> list[dict[str, str]]:
    """Return a table's rows as texts by column, the label under the head's name."""
    return [
        {table.head.lower(): row.label}
        | {name: cell.text for name, cell in zip(table.columns, row.cells, strict=True)}
        for row in table.rows
    ]
