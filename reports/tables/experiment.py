"""The tables of one study: scores of every arm, and differences from a reference arm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from reports.document.table import Cell, Kind, Row, Table
from reports.frames.predictions import SentenceCounts
from reports.frames.select import arm_label, by_seed, fingerprints, of_arm
from reports.frames.studies import StudyData
from reports.published.numbers import published
from reports.stats.intervals import NOTHING, Array, Estimate
from reports.stats.tests import Difference, holm, paired_difference, sentence_difference
from reports.tables.cells import (
    count_cell,
    interval_cell,
    mean_cell,
    no_result_cell,
    p_cell,
    published_cell,
    score,
    score_cell,
    seeds_cell,
    source_cell,
    typed_cells,
    verdict_cell,
)
from reports.tables.notes import has_averages, has_types, trial_notes
from study.ledger.state import TrialState

#: The paper's full model with K = 1, the reference arm of a study that has it.
FULL_MODEL = "gru-1"
#: Suffix of the names of arms that select their epoch on test (``search_spaces.selection``).
ON_TEST = "-on-test"


def results_table(study: StudyData) -> Table:
    """Return the scores of each planned arm."""
    rows = []
    arms = [str(arm) for arm in dict.fromkeys(study.frame["arm"])]
    is_published = any(published(study.corpus, arm, "f1") for arm in arms)
    for arm in arms:
        trials, printed = of_arm(study.frame, arm), published(study.corpus, arm, "f1")
        f1, runs = score(trials, "test_f1"), fingerprints(trials)
        compared = {
            "Paper's F1": published_cell(printed),
            "Verdict": verdict_cell(f1, printed, runs),
            "Source": source_cell(study.corpus, arm),
        }
        cells = {
            "Seeds": seeds_cell(trials),
            "Precision": score_cell(trials, "test_precision"),
            "Recall": score_cell(trials, "test_recall"),
            "F1": score_cell(trials, "test_f1"),
            "Dev F1": score_cell(trials, "dev_f1"),
            "Entity F1": score_cell(trials, "test_entity_f1"),
            "Exact F1": score_cell(trials, "test_exact_f1"),
            **(typed_cells(trials) if has_types(study.frame) else {}),
            **(_averaged_cells(trials) if has_averages(study.frame) else {}),
            "95 % CI of F1": interval_cell(f1, runs),
            **(compared if is_published else {}),
        }
        rows.append(Row(key=arm, label=arm_label(trials), cells=cells))
    return Table(
        name="results",
        title=f"Scores on the test split of {study.corpus}, in points",
        head="Model",
        rows=tuple(rows),
        notes=trial_notes(study),
    )


def _averaged_cells(trials: pd.DataFrame) -> dict[str, Cell]:
    """Return F1 of the averaged weights, and the mean of the last epochs to compare it with."""
    return {
        "F1, averaged weights": score_cell(trials, "averaged_test_f1"),
        "Dev F1, averaged weights": score_cell(trials, "averaged_dev_f1"),
        "Dev F1, last 10 epochs": score_cell(trials, "late_dev_f1"),
    }


def reference_and_others(frame: pd.DataFrame) -> list[str]:
    """Return the arms with the reference first: :data:`FULL_MODEL`, or else the first arm."""
    arms = [str(arm) for arm in dict.fromkeys(frame["arm"])]
    return sorted(arms, key=lambda arm: arm != FULL_MODEL)


def differences_table(study: StudyData) -> Table | None:
    """Return the difference in test F1 of each arm from a reference arm, with two tests.

    Returns:
        ``None`` if there is only one arm.
    """
    frame = study.frame
    reference, *compared = reference_and_others(frame)
    if not compared:
        return None
    base = of_arm(frame, reference)
    rows = difference_cells([(of_arm(frame, arm), base) for arm in compared], study.counts)
    return Table(
        name="differences",
        title=f"Difference in test F1 from {arm_label(base)}, in points",
        head="Model",
        rows=tuple(
            Row(key=arm, label=arm_label(of_arm(frame, arm)), cells=cells)
            for arm, cells in zip(compared, rows, strict=True)
        ),
        notes=DIFFERENCE_NOTES,
    )


def selection_pairs(frame: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Return trials with the epoch chosen on test, and on dev, for each arm with both.

    If the two have common seeds, only these are returned.
    """
    pairs = {}
    for arm in dict.fromkeys(frame["arm"]):
        on_test, on_dev = of_arm(frame, f"{arm}{ON_TEST}"), of_arm(frame, arm)
        if set(on_test["selection"]) == {"test"} and set(on_dev["selection"]) == {"dev"}:
            if common := _common_seeds(on_test, on_dev):
                on_test = on_test[on_test["seed"].isin(common)]
                on_dev = on_dev[on_dev["seed"].isin(common)]
            pairs[str(arm)] = (on_test, on_dev)
    return pairs


def selection_table(study: StudyData) -> Table | None:
    """Return how much choosing the epoch on test inflates test F1.

    Returns:
        ``None`` if no arm was run both ways.
    """
    pairs = selection_pairs(study.frame)
    if not pairs:
        return None
    rows = []
    is_published = any(published(study.corpus, arm, "f1") for arm in pairs)
    for arm, (on_test, on_dev) in pairs.items():
        paper = published(study.corpus, arm, "f1")
        scores = by_seed(on_test, "test_f1"), by_seed(on_dev, "test_f1")
        difference = paired_difference(*scores).estimate
        runs = fingerprints(on_test) + fingerprints(on_dev)
        on_test_f1 = score(on_test, "test_f1")
        compared = {
            "Paper's F1": published_cell(paper),
            "Verdict if chosen on test": verdict_cell(on_test_f1, paper, fingerprints(on_test)),
        }
        cells = {
            "Chosen on test": score_cell(on_test, "test_f1"),
            "Chosen on dev": score_cell(on_dev, "test_f1"),
            **(compared if is_published else {}),
            "Δ F1": _difference_cell(on_test, on_dev, difference),
            "Common seeds": count_cell(difference.n, runs),
            "95 % CI over seeds": interval_cell(difference, runs),
            "Same training": Cell(text=_same_training([(on_test, on_dev)]), fingerprints=runs),
        }
        rows.append(Row(key=arm, label=arm_label(on_dev), cells=cells))
    return Table(
        name="optimism",
        in_reproduction=True,
        title="Test F1 with the epoch chosen on test, and with it chosen on dev",
        head="Model",
        rows=tuple(rows),
        notes=(
            "Scores and differences are over the seeds that both ways have finished. ± is one "
            "standard deviation. The 95 % CI is Student's t interval.",
            f"Same training: {_same_training(list(pairs.values()))} pairs of runs have the same "
            "training loss in every epoch until the earlier one ends. The others diverge because "
            "processors round differently, which adds noise to the difference.",
            "The difference is not tested. Among the epochs that both ways have, the one chosen "
            "on test cannot score lower there. But the chosen epoch also decides when training "
            "stops, and the longer run may find a better one.",
            "The authors' released program chooses the epoch on test. The verdict shows what that "
            "would change. Scores chosen on test are not results.",
        ),
    )


def _common_seeds(one: pd.DataFrame, other: pd.DataFrame) -> set[int]:
    """Return the seeds that both arms have finished."""
    return by_seed(one, "test_f1").keys() & by_seed(other, "test_f1").keys()


def _same_training(pairs: Sequence[tuple[pd.DataFrame, pd.DataFrame]]) -> str:
    """Count the pairs of runs with the same losses until the earlier end, as ``3 of 5``."""
    same = count = 0
    for pair in pairs:
        one, other = (arm.set_index("seed")["losses"] for arm in pair)
        for seed in _common_seeds(*pair):
            count += 1
            same += all(a == b for a, b in zip(one[seed], other[seed], strict=False))
    return f"{same} of {count}"


DIFFERENCE_NOTES = (
    "Δ is the mean difference over the seeds that both arms have finished, ± its standard "
    "deviation. The 95 % CI over seeds is Student's t interval.",
    "p over seeds: exact sign-flip permutation test. With n seeds it cannot be below 2 / 2ⁿ: "
    "0.25 with three, 0.0625 with five.",
    "Over sentences: paired bootstrap with 2,000 resamples of the test sentences, the same for "
    "both arms. It shows the effect of other sentences on these runs, and not of other seeds.",
    "In brackets: p after Holm's correction for the number of rows of this table.",
)


def difference_cells(
    pairs: Sequence[tuple[pd.DataFrame, pd.DataFrame]], counts: SentenceCounts
) -> list[dict[str, Cell]]:
    """Return the differences in test F1 between the arms of each pair, by heading of the column.

    Args:
        pairs: Trials of an arm and of the arm that it is compared with.
        counts: Correct, predicted and gold triples of each test sentence.
    """
    over_seeds = [paired_difference(*(by_seed(arm, "test_f1") for arm in pair)) for pair in pairs]
    over_sentences = [_over_sentences(*pair, counts.by_fingerprint) for pair in pairs]
    rows = []
    for (arm, base), seeds, sentences, seeds_p, sentences_p in zip(
        pairs,
        over_seeds,
        over_sentences,
        holm([difference.p for difference in over_seeds]),
        holm([difference.p for difference in over_sentences]),
        strict=True,
    ):
        runs = fingerprints(arm) + fingerprints(base)
        cells = {
            "Δ F1": _difference_cell(arm, base, seeds.estimate),
            "Common seeds": count_cell(seeds.estimate.n, runs),
            "95 % CI over seeds": interval_cell(seeds.estimate, runs),
            "p over seeds (Holm)": p_cell(seeds.p, seeds_p, runs),
            "95 % CI over sentences": interval_cell(sentences.estimate, runs),
            "p over sentences (Holm)": p_cell(sentences.p, sentences_p, runs),
        }
        rows.append(cells)
    return rows


def _over_sentences(
    arm: pd.DataFrame, base: pd.DataFrame, counts: Mapping[str, Array]
) -> Difference:
    ours, theirs = (
        {
            int(seed): counts[name]
            for seed, name in zip(t["seed"], t["fingerprint"], strict=True)
            if name in counts
        }
        for t in (arm, base)
    )
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return Difference(NOTHING, math.nan)
    return sentence_difference([ours[seed] for seed in seeds], [theirs[seed] for seed in seeds])


def _difference_cell(arm: pd.DataFrame, base: pd.DataFrame, found: Estimate) -> Cell:
    if found.n:
        return mean_cell(found, fingerprints(arm) + fingerprints(base), sign="+")
    if (arm["status"] == TrialState.FINISHED).any():
        return Cell(text="no common seed", kind=Kind.EMPTY)
    return no_result_cell(arm)
