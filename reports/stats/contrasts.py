"""The five primary contrasts: what a study of the paper's arms is planned to decide.

A contrast is a sum of the arms' mean scores, each times a weight. It takes the arms that have runs.
A plan records its contrasts before the first run (:mod:`study.planning.decide`). Without a plan,
nothing says that the scores were not known when these contrasts were chosen. Holm's correction
covers these five; every other comparison of the reports is descriptive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from statistics import mean

#: Names of arms of :mod:`search_spaces.arms`, which a report cannot import: it imports Optuna.
#: RIN without interaction, K = 0.
NO_INTERACTION = "bilstm-s"
BASELINES = ("bilstm", NO_INTERACTION)
FULL_MODEL = "gru-1"
EQUAL_CAPACITY = "bilstm-s-wide"
PAPER_CELLS = ("gru", "rnn")
#: Arms with an interaction without one of its parts, each compared with RIN at K = 1.
ABLATIONS = ("no-relation-input", "no-entity-input", "no-shared-input", "linear")
#: The slope in K is stated as the gain over so many rounds: from K = 1 to K = 5, as in Table 1.
SPAN = 4
Weights = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimaryContrast:
    """One of the contrasts that share Holm's correction."""

    key: str
    text: str
    """The claim that the contrast is above 0."""
    weigh: Callable[[Collection[str]], Weights]
    """Returns the weight of each arm, given the arms that have runs; empty if they do not suffice.
    """


def difference_of_means(better: Iterable[str], worse: Iterable[str]) -> Weights:
    """Return the weights of one group's mean minus another's; empty if a group is empty.

    Examples:
        >>> difference_of_means(["gru-1"], ["bilstm", "bilstm-s"])
        {'gru-1': 1.0, 'bilstm': -0.5, 'bilstm-s': -0.5}
    """
    plus, minus = list(better), list(worse)
    if not plus or not minus:
        return {}
    return dict.fromkeys(plus, 1 / len(plus)) | dict.fromkeys(minus, -1 / len(minus))


def slope(rounds: Mapping[str, Mapping[str, int]], span: float = SPAN) -> Weights:
    """Return the weights of the least-squares slope in K, times a number of rounds.

    Each cell has its own level and all cells share the slope.

    Args:
        rounds: K by arm, for each cell.
        span: The number of rounds that the gain is stated for.

    Examples:
        >>> slope({"gru": {"gru-1": 1, "gru-3": 3, "gru-5": 5}})
        {'gru-1': -1.0, 'gru-3': 0.0, 'gru-5': 1.0}
    """
    centred = {arm: k - mean(own.values()) for own in rounds.values() for arm, k in own.items()}
    squares = sum(distance**2 for distance in centred.values())
    return {arm: span * distance / squares for arm, distance in centred.items()} if squares else {}


def rounds_by_cell(arms: Collection[str]) -> dict[str, dict[str, int]]:
    """Return K of the arms with interaction, for each cell."""
    found: dict[str, dict[str, int]] = {cell: {} for cell in PAPER_CELLS}
    for arm in arms:
        if match := re.fullmatch(rf"({'|'.join(PAPER_CELLS)})-([1-9]\d*)", arm):
            found[match[1]][arm] = int(match[2])
    return {cell: own for cell, own in found.items() if own}


def interaction(arms: Collection[str]) -> Weights:
    """Return the weights of interaction over none, given the arms that have runs."""
    interacting = [arm for own in rounds_by_cell(arms).values() for arm in own]
    return difference_of_means(interacting, [arm for arm in BASELINES if arm in arms])


def _rounds(arms: Collection[str]) -> Weights:
    several = {cell: own for cell, own in rounds_by_cell(arms).items() if len(own) > 1}
    return slope(several)


def _cell(arms: Collection[str]) -> Weights:
    gru, rnn = ({k: a for a, k in rounds_by_cell(arms).get(c, {}).items()} for c in PAPER_CELLS)
    both = sorted(gru.keys() & rnn.keys())
    return difference_of_means([gru[k] for k in both], [rnn[k] for k in both])


def _parts(arms: Collection[str]) -> Weights:
    full = [FULL_MODEL] if FULL_MODEL in arms else []
    return difference_of_means(full, [arm for arm in ABLATIONS if arm in arms])


def _capacity(arms: Collection[str]) -> Weights:
    control = [EQUAL_CAPACITY] if EQUAL_CAPACITY in arms else []
    return difference_of_means(rounds_by_cell(arms).get("gru", {}), control)


PRIMARY = (
    PrimaryContrast(
        key="interaction",
        text="Interaction (K ≥ 1) over none",
        weigh=interaction,
    ),
    PrimaryContrast(
        key="rounds",
        text=f"More rounds: the slope in K, as the gain over {SPAN} rounds",
        weigh=_rounds,
    ),
    PrimaryContrast(key="cell", text="GRU over RNN, mean over K", weigh=_cell),
    PrimaryContrast(
        key="parts",
        text="The full model (K = 1) over the mean of its ablations",
        weigh=_parts,
    ),
    PrimaryContrast(
        key="capacity",
        # The rounds share their parameters, so every K of the GRU has as many as K = 1.
        text="Interaction (GRU, K ≥ 1) over K = 0 with as many parameters",
        weigh=_capacity,
    ),
)
