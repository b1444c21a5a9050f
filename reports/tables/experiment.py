"""The tables of one study: scores of every arm, and differences from a reference arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from reports.document.table import Cell, Row, Table
from reports.frames.scores import AVERAGED, SELECTED, Scores, Weights, arm_scores
from reports.frames.select import arm_label, of_arm
from reports.frames.studies import StudyData
from reports.published.numbers import published
from reports.stats.contrasts import BASELINES, FULL_MODEL
from reports.stats.intervals import Array
from reports.stats.tests import bootstrap_interval, resampled_f1
from reports.tables.cells import (
    against_cells,
    as_estimate,
    interval_cell,
    mean_cell,
    mean_interval_cell,
    published_cell,
    score_cell,
    seeds_cell,
    source_cell,
    typed_cells,
)
from reports.tables.comparison import (
    ANSWER,
    comparison_cells,
    comparison_notes,
    judge_rows,
    over,
    paper_notes,
)
from reports.tables.notes import has_averages, has_types, late_epochs, trial_notes
from study.ledger.state import TrialState

#: Suffix of the names of arms that select their epoch on test (``search_spaces.selection``).
ON_TEST = "-on-test"
_AVERAGED_F1 = "F1, averaged weights"
#: The space whose arms each make a choice of the authors' program.
SWITCHED = "authors_programme"


def results_table(study: StudyData) -> Table:
    """Return the scores of each planned arm."""
    rows, scores = [], study.scores()
    by_average = scores.endpoint is AVERAGED
    interval = "95 % CI of F1" + (", averaged weights" if by_average else "")
    arms = [str(arm) for arm in dict.fromkeys(study.frame["arm"])]
    is_published = any(published(study.corpus, arm, "f1") for arm in arms)
    for arm in arms:
        trials = of_arm(study.frame, arm)
        on_test = (trials["selection"] == "test").any()  # no result to compare with the paper
        printed = None if on_test else published(study.corpus, arm, "f1")
        compared = {
            "Paper's F1": published_cell(printed),
            **against_cells(scores, arm, printed),
            "Source": source_cell(study.corpus, arm),
        }
        late, typed = late_epochs(study.frame), has_types(study.frame)
        has_average = has_averages(study.frame)
        averaged = _averaged_cells(trials, late, typed=typed) if has_average else {}
        cells = {
            "Seeds": seeds_cell(trials),
            **(averaged if by_average else {}),
            "Precision": score_cell(trials, "test_precision"),
            "Recall": score_cell(trials, "test_recall"),
            "F1": score_cell(trials, "test_f1"),
            "Dev F1": score_cell(trials, "dev_f1"),
            "Entity F1": score_cell(trials, "test_entity_f1"),
            "Exact F1": score_cell(trials, "test_exact_f1"),
            **(typed_cells(trials) if typed else {}),
            **({} if by_average else averaged),
            interval: mean_interval_cell(scores, arm),
            **(compared if is_published else {}),
        }
        rows.append(Row(key=arm, label=arm_label(trials), cells=cells))
    return Table(
        name="results",
        title=f"Scores on the test split of {study.corpus}, in points",
        head="Model",
        rows=tuple(rows),
        first=(
            "Verdict",
            _AVERAGED_F1 if by_average else "F1",  # the score that the verdict is on
            interval,
            "Paper's F1",
            "Verdict, paper exact",
            "F1",
        ),
        notes=(
            *trial_notes(study),
            *(paper_notes(scores) if is_published else (scores.variance_note,)),
        ),
    )


def _averaged_cells(trials: pd.DataFrame, late: int, *, typed: bool) -> dict[str, Cell]:
    """Return F1 of the averaged weights, and the mean of the last epochs to compare it with."""
    strict = score_cell(trials, "averaged_test_strict_f1")
    return {
        _AVERAGED_F1: score_cell(trials, "averaged_test_f1"),
        **({"Strict F1, averaged weights": strict} if typed else {}),
        "Dev F1, averaged weights": score_cell(trials, "averaged_dev_f1"),
        f"Dev F1, last {late} epochs": score_cell(trials, "late_dev_f1"),
    }


def reference_and_others(frame: pd.DataFrame) -> list[str]:
    """Return the arms with the reference first: :data:`FULL_MODEL`, or else the first arm."""
    arms = [str(arm) for arm in dict.fromkeys(frame["arm"])]
    return sorted(arms, key=lambda arm: arm != FULL_MODEL)


def differences_table(study: StudyData) -> Table | None:
    """Return the difference in test F1 of each arm from a reference arm.

    Returns:
        ``None`` if there is only one arm.
    """
    frame = study.frame
    reference, *compared = reference_and_others(frame)
    if not compared:
        return None
    base, scores = of_arm(frame, reference), study.scores()
    family = study.decisions is None
    weights = [over(arm, reference) for arm in compared]
    rows = difference_cells(study, scores, weights, family=family)
    if not family:  # a plan has its own verdicts
        rows = [{name: c for name, c in own.items() if name != "Verdict"} for own in rows]
    return Table(
        name="differences",
        title=f"Difference from {arm_label(base)}: {scores.endpoint.text}, in points",
        head="Model",
        rows=tuple(
            Row(key=arm, label=arm_label(of_arm(frame, arm)), cells=cells)
            for arm, cells in zip(compared, rows, strict=True)
        ),
        first=ANSWER,
        notes=(
            *(() if family else (PLANNED_NOTE,)),
            *comparison_notes(scores, family=family, verdicts=family),
            *bootstrap_notes(scores),
        ),
    )


def switch_pairs(frame: pd.DataFrame) -> dict[str, str]:
    """Return the arm without a switch for each arm with one, in ``authors_programme``."""
    if set(frame["space"]) != {SWITCHED}:
        return {}
    arms = [str(arm) for arm in dict.fromkeys(frame["arm"])]
    bases = [arm for arm in arms if arm in (*BASELINES, FULL_MODEL)]
    # The longest name that fits: bilstm-s-cased is a switch of bilstm-s, not of bilstm.
    found = {
        arm: max((base for base in bases if arm.startswith(f"{base}-")), key=len, default="")
        for arm in arms
        if arm not in bases
    }
    return {arm: base for arm, base in found.items() if base}


def switches_table(study: StudyData) -> Table | None:
    """Return what each choice of the authors' program is worth, against the paper's settings.

    Returns:
        ``None`` for another space.
    """
    pairs, scores = switch_pairs(study.frame), study.scores()
    if not pairs:
        return None
    weights = [over(*pair) for pair in pairs.items()]
    rows = difference_cells(study, scores, weights, family=True)
    trials = {arm: of_arm(study.frame, arm) for arm in (*pairs, *pairs.values())}
    return Table(
        name="switches",
        in_reproduction=True,
        title=f"Effects of the authors' choices on {study.corpus}",
        head="Model and choice",
        rows=tuple(
            Row(
                key=arm,
                label=arm_label(trials[arm]),
                cells={
                    "F1": score_cell(trials[arm], "test_f1"),
                    "F1 without": score_cell(trials[base], "test_f1"),
                    **cells,
                },
            )
            for (arm, base), cells in zip(pairs.items(), rows, strict=True)
        ),
        first=("Verdict", "F1", "Δ F1", "95 % CI"),
        notes=(
            "Each row is compared with the paper's settings at the same K (*F1 without*). "
            "`docs/paper.md` explains the choices. Scores with the epoch chosen on test are not "
            "results.",
            *comparison_notes(scores, family=True),
            *bootstrap_notes(scores),
        ),
    )


def selection_pairs(frame: pd.DataFrame) -> dict[str, str]:
    """Return the arm whose epoch was chosen on test for each arm whose epoch was chosen on dev."""
    selected = {str(arm): set(own["selection"]) for arm, own in frame.groupby("arm", sort=False)}
    return {
        arm: f"{arm}{ON_TEST}"
        for arm, split in selected.items()
        if split == {"dev"} and selected.get(f"{arm}{ON_TEST}") == {"test"}
    }


def selection_scores(study: StudyData) -> Scores:
    """Return the scores of the arms of :func:`selection_pairs`, with their own variance."""
    pairs = selection_pairs(study.frame)
    used = study.frame[study.frame["arm"].isin([*pairs, *pairs.values()])]
    return arm_scores(used, rule=study.rule)


def selection_table(study: StudyData) -> Table | None:
    """Return how much choosing the epoch on test inflates test F1.

    Returns:
        ``None`` if no arm was run both ways.
    """
    pairs = selection_pairs(study.frame)
    if not pairs:
        return None
    is_published = any(published(study.corpus, arm, "f1") for arm in pairs)
    scores, rows = selection_scores(study), []
    trials = {arm: of_arm(study.frame, arm) for arm in (*pairs, *pairs.values())}
    for on_dev, on_test in pairs.items():
        paper = published(study.corpus, on_dev, "f1")
        weights = over(on_test, on_dev)
        found, runs = as_estimate(scores.difference(weights)), scores.fingerprints(weights)
        same = _same_training([(trials[on_test], trials[on_dev])])
        compared = {
            "Paper's F1": published_cell(paper),
            **against_cells(scores, on_test, paper, " if chosen on test"),
        }
        cells = {
            "Chosen on test": score_cell(trials[on_test], "test_f1"),
            "Chosen on dev": score_cell(trials[on_dev], "test_f1"),
            **(compared if is_published else {}),
            "Δ F1": mean_cell(found, runs, sign="+"),
            "95 % CI": interval_cell(found, runs),
            "Same training": Cell(text=same, fingerprints=runs),
        }
        rows.append(Row(key=on_dev, label=arm_label(trials[on_dev]), cells=cells))
    same = _same_training([(trials[on_test], trials[on_dev]) for on_dev, on_test in pairs.items()])
    return Table(
        name="optimism",
        in_reproduction=True,
        title="Test F1 with the epoch chosen on test, and with it chosen on dev",
        head="Model",
        rows=tuple(rows),
        first=("Δ F1", "95 % CI", "Paper's F1"),
        notes=(
            "Δ is the difference of the means over all finished runs. ± is one standard deviation.",
            f"Same training: {same} pairs of runs with the same seed have the same training loss "
            "in every epoch until the earlier one ends. The others diverge because devices round "
            "differently, which adds noise to the difference.",
            "The difference is not tested. Among the epochs that both runs have, the one chosen "
            "on test cannot have the lower test score. But the chosen epoch also decides when "
            "training stops, and the longer run may find a better one.",
            "The authors' released program chooses the epoch on test. The verdict shows what that "
            "would change. Scores chosen on test are not results.",
            *(paper_notes(scores) if is_published else (scores.variance_note,)),
        ),
    )


def _same_training(pairs: Sequence[tuple[pd.DataFrame, pd.DataFrame]]) -> str:
    """Count the pairs of runs with the same losses until the earlier end, as ``3 of 5``."""
    same = count = 0
    for pair in pairs:
        done = [arm[arm["status"] == TrialState.FINISHED] for arm in pair]
        one, other = (arm.set_index("seed")["losses"] for arm in done)
        for seed in one.index.intersection(other.index):
            count += 1
            same += all(a == b for a, b in zip(one[seed], other[seed], strict=False))
    return f"{same} of {count}"


PLANNED_NOTE = (
    "The verdicts of this study are in the table *Decisions*, because tests at several looks "
    "require its bounds. The intervals and p-values of this table are those of one look. With 20 "
    "equal arms, more than one has a p below 0.05 at some look."
)
#: The interval over seeds and sentences.
SENTENCES = "95 % CI, other sentences"


def bootstrap_notes(scores: Scores) -> tuple[str, ...]:
    """Say how the interval over seeds and sentences is made, if the comparison has one."""
    if scores.endpoint is not SELECTED:
        return ()
    return (
        f"{SENTENCES}: the CI of the same difference if the test sentences vary like the seeds. It "
        "is the percentile interval of 2,000 bootstrap resamples of seeds and sentences.",
    )


def difference_cells(
    study: StudyData, scores: Scores, rows: Sequence[Weights], *, family: bool
) -> list[dict[str, Cell]]:
    """Return the differences in test F1 between arms, by heading of the column.

    Runs keep the predictions of the selected epoch only. So another endpoint has no interval over
    sentences.

    Args:
        study: The study, for the predictions of its runs.
        scores: Of its arms.
        rows: The weights of each comparison.
        family: Whether Holm's correction covers the rows.
    """
    judged = zip(rows, judge_rows(scores, rows, family=family), strict=True)
    if scores.endpoint is not SELECTED:
        return [comparison_cells(scores, weights, one) for weights, one in judged]
    counts = study.counts.by_fingerprint
    runs = [run for run in scores.fingerprints(scores.by_arm) if run in counts]
    resampled = dict(zip(runs, resampled_f1([counts[run] for run in runs]), strict=True))
    return [
        comparison_cells(scores, weights, one)
        | {SENTENCES: _over_sentences(scores, weights, resampled)}
        for weights, one in judged
    ]


def _over_sentences(scores: Scores, weights: Weights, resampled: Mapping[str, Array]) -> Cell:
    arm, base = (
        [resampled[run] for run in scores.fingerprints([name]) if run in resampled]
        for name in weights
    )
    low, high = bootstrap_interval(arm, base)
    found = replace(as_estimate(scores.difference(weights)), low=low, high=high)
    return interval_cell(found, scores.fingerprints(weights))
