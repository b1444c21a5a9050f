"""The confusion matrix of relations: gold relation and predicted relation of the same words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reports.document.style import INK, STYLE
from reports.errors.changes import runs_with_predictions
from reports.errors.figures import make_panels, set_title
from reports.frames.predictions import SentenceCounts
from reports.frames.select import arm_label, of_arm

#: Most relations on an axis.
MOST_RELATIONS = 12
# These colours are not in a page's theme: white on full blue is legible on light and dark pages.
_HEAT, _ON_HEAT = "#0072B3", "#FEFEFE"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixInfo:
    """Predictions of one arm for the words of gold triples, as shares of each gold relation."""

    label: str
    relations: tuple[str, ...]
    """The relations with most gold triples, a row for each."""
    shares: tuple[tuple[float, ...], ...]
    """A row for each relation: a column for each of them, then any other relation, then none."""
    gold: tuple[int, ...]


def matrix_info(frame: pd.DataFrame, counts: SentenceCounts, arm: str) -> MatrixInfo:
    """Describe the matrix of an arm.

    A pair of words with several gold relations counts once for each. A prediction that is correct
    for one of them is no confusion with another.
    """
    trials = of_arm(frame, arm)
    runs = [counts.answers[name] for name in runs_with_predictions(trials, counts)]
    gold_counts = Counter(fact[1] for answer in runs[0] for fact in answer.gold)
    most = sorted(gold_counts, key=lambda relation: (-gold_counts[relation], relation))
    relations = most[:MOST_RELATIONS]
    columns = {relation: k for k, relation in enumerate(relations)}
    other, none = len(columns), len(columns) + 1
    sums = np.zeros((len(relations), len(relations) + 2))
    for gold, predicted in (answer for run in runs for answer in run):
        # Sorted, because sums of fractions depend on the order, and that of a set on the process.
        wrong = sorted(predicted - gold)
        for fact in sorted(gold):
            subject, relation, object_ = fact
            if relation not in columns:
                continue
            row = sums[columns[relation]]
            instead = [r for s, r, o in wrong if (s, o) == (subject, object_)]
            if fact in predicted:
                row[columns[relation]] += 1
            elif instead:
                for name in instead:
                    row[columns.get(name, other)] += 1 / len(instead)
            else:
                row[none] += 1
    shares = sums / np.maximum(sums.sum(axis=1, keepdims=True), 1)
    return MatrixInfo(
        label=arm_label(trials),
        relations=tuple(relations),
        shares=tuple(tuple(map(float, row)) for row in shares),
        gold=tuple(gold_counts[relation] for relation in relations),
    )


def draw_matrix(info: MatrixInfo) -> Figure:
    """Draw the matrix with its shares in per cent."""
    rows = [f"{name} ({n})" for name, n in zip(info.relations, info.gold, strict=True)]
    columns = [*info.relations, "other", "none"]
    figure, (axes,) = make_panels(9.6, 1.9 + 0.33 * len(rows), 1)
    with mpl.rc_context(STYLE):
        for (row, column), share in np.ndenumerate(np.array(info.shares)):
            if share < 0.005:
                continue
            # Transparent instead of mixed with white, so that a dark page can show it.
            area = Rectangle((column - 0.5, row - 0.5), 1, 1, color=_HEAT, alpha=share, lw=0)
            axes.add_patch(area)
            ink = _ON_HEAT if share > 0.55 else INK
            text = f"{100 * share:.0f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)
        axes.set_xticks(range(len(columns)), columns, rotation=35, ha="right")
        axes.set_yticks(range(len(rows)), rows)
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
        axes.grid(visible=False)
        axes.set(ylabel="gold relation (triples)", xlabel="predicted relation")
        set_title(axes, f"Confusion matrix of {info.label}, % of gold triples")
    return figure
