"""The differences of arms from a baseline, as a data frame."""

from __future__ import annotations

import math

import pandas as pd

from reports.frames.scores import Endpoint, arm_scores, comparable
from reports.frames.select import arm_label, of_arm
from reports.frames.trials import SCHEMA, require_one_setting
from reports.stats.intervals import estimate
from reports.stats.verdicts import Rule
from reports.tables.comparison import judge_rows, over
from rin_core.suggestions import suggestion


def differences_frame(
    frame: pd.DataFrame,
    baseline: str,
    metric: str = "test_f1",
    everything: pd.DataFrame | None = None,
    margin: float = 0.5,
) -> pd.DataFrame:
    """Compare each arm with a baseline; the verdicts share Holm's correction.

    Args:
        frame: Trials of one study, see :func:`~reports.frames.trials.read_ledger`.
        baseline: Name of the arm to compare with.
        metric: Column of the score.
        everything: Trials to pool the variance from; the frame's own when ``None``.
        margin: Differences of at most so many points count as equal.

    Returns:
        A row for each arm, the baseline first, in points. A value that does not exist is NaN.

    Raises:
        ValueError: The frame mixes corpora or settings, or has no such arm or metric.
    """
    require_one_setting(frame)
    arms = [str(arm) for arm in dict.fromkeys(frame["arm"])]
    if baseline not in arms:
        raise ValueError(f"baseline {baseline!r}: no such arm; {suggestion(baseline, arms)}")
    metrics = [name for name, kind in SCHEMA.items() if name.endswith("f1") and kind == "float64"]
    metrics += ["test_precision", "test_recall"]
    if metric not in metrics:
        raise ValueError(f"metric {metric!r}: no such score; {suggestion(metric, metrics)}")
    pool = None if everything is None else comparable(everything, frame)
    scores = arm_scores(frame, Endpoint(metric, "", metric), pool, Rule(margin=margin))
    others = [arm for arm in arms if arm != baseline]
    compared = judge_rows(scores, [over(arm, baseline) for arm in others], family=True)
    judged = dict(zip(others, compared, strict=True))
    rows = []
    for arm in (baseline, *others):
        found = estimate(scores.by_arm[arm])
        row: dict[str, object] = {
            "arm": arm,
            "label": arm_label(of_arm(frame, arm)),
            "n": found.n,
            "mean": found.mean,
            "sd": found.sd,
        }
        values: dict[str, object] = dict.fromkeys(
            ("difference", "low", "high", "se", "df", "p", "p_holm"), math.nan
        )
        if (one := judged.get(arm)) is not None:
            difference = one.difference
            values["difference"] = difference.value
            if difference.n > 1:
                tested = ("low", "high", "se", "df", "p")
                values |= {name: getattr(difference, name) for name in tested}
                values["p_holm"] = one.p_holm
        verdict = "baseline" if one is None else str(one.verdict)
        rows.append({**row, **values, "verdict": verdict})
    return pd.DataFrame(rows).set_index("arm")
