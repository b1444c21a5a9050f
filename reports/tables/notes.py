"""Notes below a table of trials: how the trials were made, and which are missing."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import pandas as pd

from reports.document.formatting import settings_text
from reports.frames.trials import complete_command, settings_of
from reports.stats.verdicts import VERDICT_RULE
from study.ledger.state import TrialState

#: States of trials that started and have no result.
INCOMPLETE = (TrialState.FAILED, TrialState.UNREADABLE, TrialState.RUNNING)
#: What ± means in a table of scores.
SD_NOTE = "± is one standard deviation over seeds (n − 1)."


def trial_notes(frame: pd.DataFrame, others: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what a reader must know about the trials behind a table.

    Args:
        frame: Trials under one settings value.
        others: Settings that were also run and are not in the table.
    """
    done = frame[frame["status"] == TrialState.FINISHED]
    notes = ["The epoch was chosen on dev F1. Test was scored once, with that epoch's weights."]
    if (frame["selection"] == "test").any():
        notes = [
            "**Models marked so chose their epoch on the test split**, which inflates their scores."
        ]
    notes += [
        "Precision, recall and F1 are of triples with both entity words right. Exact F1 requires "
        "both whole spans. Entity F1 is of spans alone.",
        f"{SD_NOTE} The 95 % CI of the mean is Student's t interval. One seed has neither.",
        VERDICT_RULE,
        f"Settings of these trials: {settings_text(settings_of(frame)[0])}.",
    ]
    if others:
        listed = "; ".join(settings_text(settings) for settings in others)
        notes.append(f"Not included: trials with other settings ({listed}).")
    # Arms may differ in vectors, which the digest covers, but never in the corpus.
    contents = done.loc[done["content"] != "", "content"].nunique()
    if contents > 1 or (done.groupby("arm")["digest"].nunique() > 1).any():
        notes.append(
            "**The corpus changed between runs.** Run the study again to make its rows comparable."
        )
    notes += _epoch_limit_note(done)
    notes += _processor_note(done)
    notes += _missing_notes(frame)
    commands = dict.fromkeys(
        complete_command(trials) for given, trials in frame.groupby("command", sort=False) if given
    )
    return (*notes, *(f"Made by `{command}`, which runs missing trials." for command in commands))


def _epoch_limit_note(done: pd.DataFrame) -> list[str]:
    """Count the runs that ended at the epoch limit and not because patience ran out."""
    limited = done[done["end_reason"] == "max_epochs"]
    if limited.empty:
        return []
    by_arm = limited.groupby("arm", sort=False)["label"].agg(["first", "size"])
    listed = ", ".join(f"{row['first']} {row['size']}" for _, row in by_arm.iterrows())
    return [
        f"{len(limited)} of {len(done)} runs reached the epoch limit before patience ran out, and "
        f"might have scored higher with more epochs: {listed}."
    ]


def _processor_note(done: pd.DataFrame) -> list[str]:
    """Count the runs by processor, if there are several."""
    counts = done["processor"].replace("", "not recorded").value_counts().to_dict()
    if len(counts) < 2:
        return []
    listed = "; ".join(f"{name}: {count}" for name, count in counts.items())
    return [
        f"Runs by processor: {listed}. Processors round differently, with an effect like that of "
        "another seed."
    ]


def _missing_notes(frame: pd.DataFrame) -> list[str]:
    """Name each trial that started and has no result; count those that did not start."""
    notes = []
    for _, trial in frame[frame["status"].isin(INCOMPLETE)].iterrows():
        word = str(trial["status"]).capitalize()
        note = f"{word}: {trial['label']}, seed {trial['seed']} (`{trial['fingerprint']}`)"
        reason = textwrap.shorten(str(trial["problem"]), 240, placeholder=" …")
        notes.append(f"{note}: {reason}" if reason else note)
    if waiting := int((frame["status"] == TrialState.PLANNED).sum()):
        notes.append(f"Not run yet: {waiting} of {len(frame)} planned trials.")
    return notes
