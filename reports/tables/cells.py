"""From the trials of one arm to the cells of a table."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import pandas as pd

from reports.document.formatting import interval, mean_sd, p_value, settings_text
from reports.document.table import NO_CELL, Cell, number
from reports.frames.select import by_seed, fingerprints
from reports.frames.trials import STATUS_WORDS, complete_command, settings_of
from reports.published.numbers import Published, published
from reports.stats.intervals import Estimate, estimate, estimate_score
from reports.stats.verdicts import VERDICT_RULE, verdict


def score(trials: pd.DataFrame, column: str) -> Estimate:
    """Return a score over the finished seeds, in points."""
    return estimate_score(by_seed(trials, column).values())


def seeds_cell(trials: pd.DataFrame) -> Cell:
    """Say how many seeds are finished, and what became of the others."""
    statuses = trials["status"].value_counts().to_dict()
    done = statuses.pop("done", 0)
    others = [f"{statuses[s]} {word}" for s, word in STATUS_WORDS.items() if s in statuses]
    text = f"{done}/{len(trials)}" + (f" ({', '.join(others)})" if others else "")
    return Cell(
        text=text if len(trials) else "–",
        estimate=number(done, "").estimate,
        fingerprints=tuple(trials["fingerprint"]),
    )


def score_cell(trials: pd.DataFrame, column: str) -> Cell:
    """Return a score over seeds, or why there is none."""
    found = score(trials, column)
    if not found.n and (trials["status"] == "done").any():
        return NO_CELL  # test chose the epoch, and nothing was scored on dev
    text = mean_sd(found) if found.n else without_result(trials)
    return Cell(text=text, estimate=found, fingerprints=fingerprints(trials))


def without_result(trials: pd.DataFrame) -> str:
    """Tell what was never begun from what gave no result."""
    return "not run" if (trials["status"] == "planned").all() else "no result"


def interval_cell(found: Estimate, names: tuple[str, ...] = ()) -> Cell:
    """Return the 95 % interval and the runs behind it; a dash where there is none."""
    if math.isnan(found.low):
        return NO_CELL
    return Cell(text=interval(found), estimate=found, fingerprints=names)


def published_cell(printed: Published | None) -> Cell:
    """Return a printed number with its source."""
    if printed is None:
        return NO_CELL
    plus_minus = "" if printed.sd is None else f" ± {printed.sd:.1f}"
    return number(printed.value, f"{printed.value:.1f}{plus_minus}", printed.source)


def published_difference(corpus: str, arm: str, base: str, metric: str = "f1") -> float | None:
    """Return how far the paper's score of one arm is from another's, if it printed both."""
    ours, theirs = published(corpus, arm, metric), published(corpus, base, metric)
    if ours is None or theirs is None:
        return None
    # One decimal, as printed: 78.4 − 81.5 is −3.1 and not −3.0999.
    return round(ours.value - theirs.value, 1)


def published_difference_cell(corpus: str, arm: str, base: str) -> Cell:
    """Return :func:`published_difference` with where both scores were printed."""
    value = published_difference(corpus, arm, base)
    if value is None:
        return NO_CELL
    sources = (printed.source for a in (arm, base) if (printed := published(corpus, a, "f1")))
    return number(value, mean_sd(estimate([value]), sign="+"), "; ".join(sources))


def p_cell(p: float, corrected: float, names: tuple[str, ...] = ()) -> Cell:
    """Return the p of a test, and as corrected for the tests of its column."""
    if math.isnan(p):
        return NO_CELL
    text = f"{p_value(p)} ({p_value(corrected)})"
    return Cell(text=text, p=p, p_holm=corrected, fingerprints=names)


def verdict_cell(found: Estimate, printed: Published | None, names: tuple[str, ...] = ()) -> Cell:
    """Judge a printed number by :data:`~reports.stats.verdicts.VERDICT_RULE`."""
    judged = verdict(found, printed.value if printed else None)
    return Cell(text=str(judged), fingerprints=names if printed else ())


def source_cell(corpus: str, arm: str) -> Cell:
    """Name where an arm's F1 was printed."""
    printed = published(corpus, arm, "f1")
    return Cell(text=printed.source) if printed else NO_CELL


def trial_notes(frame: pd.DataFrame, others: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what a reader must know of the trials behind a table, a sentence or two each.

    Args:
        frame: Trials under one settings value.
        others: Settings that were also run and are not in the table.
    """
    found = [
        _selection_note(frame),
        "Precision, Recall and F1 are of triples with both entity words right; Exact F1 wants "
        "both whole spans, and Entity F1 is of the spans alone.",
        "± is one standard deviation over finished seeds (n − 1), the interval Student's 95 % "
        "for their mean. A single seed has neither.",
        VERDICT_RULE,
        f"Settings given for these trials: {settings_text(settings_of(frame)[0])}.",
    ]
    if others:
        listed = "; ".join(settings_text(settings) for settings in others)
        found.append(f"Also run, and not averaged in, with these settings: {listed}.")
    if _data_changed(frame):
        found.append(
            "**The corpus changed between runs**: "
            "these rows are not comparable until the study is run again."
        )
    commands = dict.fromkeys(
        complete_command(trials) for given, trials in frame.groupby("command", sort=False) if given
    )
    made = [f"Made by `{command}`; run again, it adds what is missing." for command in commands]
    return (*found, *_capped(frame), *_processors(frame), *_missing(frame), *made)


def _selection_note(frame: pd.DataFrame) -> str:
    if (frame["selection"] == "test").any():
        return (
            "**The epoch was chosen on the test split** where the model says so, "
            "which flatters its scores."
        )
    return "The epoch was chosen on dev F1 alone; test was scored once, with that epoch's weights."


def _data_changed(frame: pd.DataFrame) -> bool:
    """Tell whether trials saw different data; arms may differ in vectors, never in content."""
    done = frame[frame["status"] == "done"]
    contents = done.loc[done["content"] != "", "content"].nunique()
    return contents > 1 or bool((done.groupby("arm")["digest"].nunique() > 1).any())


def _capped(frame: pd.DataFrame) -> list[str]:
    """Say how many trainings the largest number of epochs ended, rather than patience."""
    done = frame[frame["status"] == "done"]
    capped = done[done["stopped"] == "max_epochs"]
    if capped.empty:
        return []
    by_arm = capped.groupby("arm", sort=False)["label"].agg(["first", "size"])
    listed = ", ".join(f"{row['first']} {row['size']}" for _, row in by_arm.iterrows())
    return [
        f"Still within patience at the last epoch allowed: {len(capped)} of {len(done)} "
        f"trainings ({listed}); with more epochs they might have scored higher."
    ]


def _processors(frame: pd.DataFrame) -> list[str]:
    """Say what the trials were trained on, where that is not one and the same."""
    done = frame[frame["status"] == "done"]
    counts = done["processor"].replace("", "not recorded").value_counts().to_dict()
    if len(counts) < 2:
        return []
    listed = "; ".join(f"{name}: {count}" for name, count in counts.items())
    return [f"Trained on ({listed}). Rounding differs between them as seeds do."]


def _missing(frame: pd.DataFrame) -> list[str]:
    """Name each trial that began and gave no result; those not begun are only counted."""
    named = frame[frame["status"].isin(["failed", "corrupt", "unfinished"])]
    found = [_missing_trial(trial) for _, trial in named.iterrows()]
    waiting = int((frame["status"] == "planned").sum())
    return found + ([f"Not run yet: {waiting} of {len(frame)} planned trials."] if waiting else [])


def _missing_trial(trial: pd.Series) -> str:
    reason = textwrap.shorten(str(trial["problem"]), 240, placeholder=" …")
    word = STATUS_WORDS[str(trial["status"])].capitalize()
    where = f"{trial['label']}, seed {trial['seed']} (`{trial['fingerprint']}`)"
    return f"{word}: {where}" + (f": {reason}" if reason else "")
