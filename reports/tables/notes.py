"""Notes below a table of trials: how the trials were made, and which are missing."""

from __future__ import annotations

import textwrap

import pandas as pd

from reports.document.formatting import settings_text
from reports.frames.select import arm_label
from reports.frames.studies import StudyData
from reports.frames.trials import complete_commands, settings_of
from rin_core.plural import plural
from study.ledger.command import for_runs, render, without_machine
from study.ledger.schema import LATE_EPOCHS
from study.ledger.state import UNENDED, TrialState

#: States of trials that started and have no result.
INCOMPLETE = (TrialState.FAILED, TrialState.UNREADABLE, *UNENDED)
#: What ± means in a table of scores.
SD_NOTE = "± is one standard deviation over seeds (n − 1)."

SCORES_NOTE = (
    "Precision, recall and F1 count triples with both entity words correct. Exact F1 requires both "
    "complete spans. Entity F1 counts spans."
)
TYPED_SCORES_NOTE = (
    "Precision, recall and F1 count triples with both entity words correct (*partial* match). "
    "Exact F1 requires both complete spans (*boundaries*). Strict F1 also requires the types of "
    "both entities. For models with entity types, these two count triples between predicted "
    "entities. Entity F1 counts spans; for models with entity types, it also requires the type. "
    "Entity boundaries F1 counts spans without their types."
)


def has_types(frame: pd.DataFrame) -> bool:
    """Return whether a finished trial tags entities with their types."""
    return bool(frame["test_strict_f1"].notna().any())


def late_epochs(frame: pd.DataFrame) -> int:
    """Return over how many last epochs dev F1 is averaged; short runs have fewer than the usual."""
    longest = frame["epochs"].max()
    return LATE_EPOCHS if pd.isna(longest) else min(LATE_EPOCHS, int(longest))


def averaged_note(frame: pd.DataFrame) -> str:
    """Return what the columns of averaged weights are."""
    return (
        "Averaged weights: the moving average of the weights after the last epoch, scored once. "
        "No epoch is chosen for this score, nor for the mean dev F1 of the last "
        f"{late_epochs(frame)} epochs."
    )


def has_averages(frame: pd.DataFrame) -> bool:
    """Return whether a finished trial has the scores of averaged weights."""
    return bool(frame["averaged_test_f1"].notna().any())


def trial_notes(study: StudyData) -> tuple[str, ...]:
    """Return what a reader must know about the trials behind a table."""
    frame, others = study.frame, study.other_settings
    done = frame[frame["status"] == TrialState.FINISHED]
    notes = ["The epoch was chosen on dev F1. Test was scored once, with that epoch's weights."]
    if (frame["selection"] == "test").any():
        notes = [
            "**The mark (epoch chosen on test) means that the epoch was chosen on the test "
            "split**, which inflates the scores."
        ]
    notes += [
        TYPED_SCORES_NOTE if has_types(frame) else SCORES_NOTE,
        *([averaged_note(frame)] if has_averages(frame) else []),
        f"{SD_NOTE} The 95 % CI of a mean is mean ± t · s / √n, with the s and the degrees of "
        "freedom below. One seed has neither.",
        f"Settings of these runs: {settings_text(settings_of(frame)[0])}.",
    ]
    if others:
        listed = "; ".join(settings_text(settings) for settings in others)
        notes.append(f"Not included: runs with other settings ({listed}).")
    notes += content_notes(study)
    notes += _epoch_limit_note(done)
    notes += _processor_note(done)
    notes += _missing_notes(frame)
    return (
        *notes,
        *(f"Made by `{command}`, which also trains missing runs." for command in _commands(frame)),
    )


def _commands(frame: pd.DataFrame) -> list[str]:
    """Return the commands behind a table."""
    given = frame[frame["command"] != ""]
    if given["experiment"].nunique() < 2:
        return complete_commands(given)
    found = []
    for (exact, _), own in given.groupby(["exact", "command"], sort=False):
        options = own["options"].iloc[0]
        if not exact:
            # Each study has only those of its runs that no later study has: all of it is named.
            options = for_runs(options, dict.fromkeys(own["arm"]), set(own["seed"]))
        found.append(render(without_machine(options)))
    return list(dict.fromkeys(found))


def content_notes(study: StudyData) -> list[str]:
    """Return what is known of runs on other contents of the corpus, with their fingerprints."""
    notes = []
    if study.outdated:
        notes.append(
            f"**A newer study has another version of {study.corpus}.** The findings do not "
            "include this study. To compare them, run it again."
        )
    if not study.other_contents.empty:
        listed = "; ".join(other_runs(study.other_contents))
        notes.append(
            f"Runs on other versions of this corpus or its vectors, not averaged in: {listed}."
        )
    return notes


def other_runs(others: pd.DataFrame) -> list[str]:
    """Return a text for each arm on each content: its seeds with their fingerprints."""
    texts = []
    for _, trials in others.groupby(["digest", "settings", "arm", "variant"], sort=False):
        runs = ", ".join(
            f"seed {seed} (`{name}`)"
            for seed, name in zip(trials["seed"], trials["fingerprint"], strict=True)
        )
        texts.append(f"{arm_label(trials)}, {runs}")
    return texts


def _epoch_limit_note(done: pd.DataFrame) -> list[str]:
    """Count the runs that ended at the epoch limit and not because patience ran out."""
    # Averaged weights are scored after a fixed number of epochs, whatever the patience.
    limited = done[(done["end_reason"] == "max_epochs") & done["averaged_test_f1"].isna()]
    if limited.empty:
        return []
    by_arm = limited.groupby("arm", sort=False)["label"].agg(["first", "size"])
    listed = ", ".join(f"{row['first']} {row['size']}" for _, row in by_arm.iterrows())
    return [
        f"{len(limited)} of {plural(len(done), 'run')} reached the epoch limit before patience ran "
        f"out, and might have scored higher with more epochs: {listed}."
    ]


def _processor_note(done: pd.DataFrame) -> list[str]:
    """Count the runs by processor, if there are several."""
    counts = done["processor"].replace("", "not recorded").value_counts().to_dict()
    if len(counts) < 2:
        return []
    listed = "; ".join(f"{name}: {count}" for name, count in counts.items())
    return [
        f"Runs by device: {listed}. Devices round differently, which changes results as much as "
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
        notes.append(f"Not run yet: {waiting} of {len(frame)} planned runs.")
    return notes
