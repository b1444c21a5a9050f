"""The tables of one experiment: every arm's scores, and its distance from a reference arm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from reports.document.formatting import mean_sd
from reports.document.table import Cell, Row, Table
from reports.frames.predictions import SentenceCounts
from reports.frames.select import arm_label, by_seed, fingerprints, of_arm
from reports.frames.trials import require_one_setting
from reports.published.numbers import published
from reports.stats.intervals import NOTHING, Array, Estimate
from reports.stats.tests import Difference, holm, paired_difference, sentence_difference
from reports.tables.cells import (
    interval_cell,
    p_cell,
    published_cell,
    score,
    score_cell,
    seeds_cell,
    source_cell,
    trial_notes,
    verdict_cell,
    without_result,
)

#: The paper's full model at K = 1: what Table 5 compares with, where an experiment has it.
FULL_MODEL = "gru-1"
#: Ending of the names of arms whose epoch is chosen on test (``search_spaces.selection``).
ON_TEST = "-on-test"

_SCORES = {
    "Precision": "test_precision",
    "Recall": "test_recall",
    "F1": "test_f1",
    "Dev F1": "dev_f1",
    "Entity F1": "test_entity_f1",
    "Exact F1": "test_exact_f1",
}


def results_table(frame: pd.DataFrame, others: Sequence[str] = ()) -> Table:
    """Return one row for each planned arm, whatever became of it.

    Args:
        frame: One experiment under one settings value.
        others: Settings the experiment was also run with.

    Raises:
        ValueError: The frame mixes corpora or settings.
    """
    require_one_setting(frame)
    return Table(
        name="results",
        title=f"Scores on the test split of {frame['corpus'].iloc[0]}, in points",
        head="Model",
        columns=("Seeds", *_SCORES, "95 % of F1", "Paper's F1", "Verdict", "Source"),
        rows=tuple(_result_row(of_arm(frame, arm)) for arm in dict.fromkeys(frame["arm"])),
        notes=trial_notes(frame, others),
    )


def _result_row(trials: pd.DataFrame) -> Row:
    corpus, arm = str(trials["corpus"].iloc[0]), str(trials["arm"].iloc[0])
    printed, found = published(corpus, arm, "f1"), score(trials, "test_f1")
    return Row(
        key=arm,
        label=arm_label(trials),
        cells=(
            seeds_cell(trials),
            *(score_cell(trials, column) for column in _SCORES.values()),
            interval_cell(found, fingerprints(trials)),
            published_cell(printed),
            verdict_cell(found, printed, fingerprints(trials)),
            source_cell(corpus, arm),
        ),
    )


def differences_table(frame: pd.DataFrame, counts: SentenceCounts) -> Table | None:
    """Return each arm's test F1 less that of a reference arm, tested twice.

    The reference is :data:`FULL_MODEL`, or the first arm where that is not planned.

    Args:
        frame: One experiment, or a pool of them, under one settings value.
        counts: What the trials found in each sentence.

    Returns:
        None where there is nothing to compare.
    """
    arms = list(dict.fromkeys(frame["arm"]))
    reference = FULL_MODEL if FULL_MODEL in arms else arms[0]
    compared = [arm for arm in arms if arm != reference]
    if not compared:
        return None
    base = of_arm(frame, reference)
    rows = difference_rows([(of_arm(frame, arm), base) for arm in compared], counts)
    return Table(
        name="differences",
        title=f"Test F1 less that of {arm_label(base)}, in points",
        head="Model",
        columns=DIFFERENCE_COLUMNS,
        rows=tuple(
            Row(key=arm, label=arm_label(of_arm(frame, arm)), cells=cells)
            for arm, cells in zip(compared, rows, strict=True)
        ),
        notes=DIFFERENCE_NOTES,
    )


def optimism_table(frame: pd.DataFrame) -> Table | None:
    """Return what choosing the epoch on test adds to test F1, for each arm that ran both ways.

    Args:
        frame: One experiment under one settings value.

    Returns:
        None where no arm did.
    """
    chosen = {arm: set(of_arm(frame, arm)["selection"]) for arm in dict.fromkeys(frame["arm"])}
    both = [
        arm
        for arm, split in chosen.items()
        if split == {"dev"} and chosen.get(f"{arm}{ON_TEST}") == {"test"}
    ]
    if not both:
        return None
    corpus = str(frame["corpus"].iloc[0])
    pairs = [(of_arm(frame, f"{arm}{ON_TEST}"), of_arm(frame, arm)) for arm in both]
    return Table(
        name="optimism",
        title="Test F1 with the epoch chosen on test, less that with it chosen on dev",
        head="Model",
        columns=OPTIMISM_COLUMNS,
        rows=tuple(
            Row(key=arm, label=arm_label(pair[1]), cells=_optimism_cells(corpus, arm, *pair))
            for arm, pair in zip(both, pairs, strict=True)
        ),
        notes=(
            "Scores and differences are over the seeds that both ways have finished; ± is one "
            "standard deviation, the interval Student's.",
            f"Same training: {_shared(pairs)} pairs have the same training loss in every epoch up "
            "to the earlier end. In the others rounding differs, as between kinds of processor, "
            "and leads the two apart, which adds chance to the difference.",
            "Nothing is tested: among the epochs that both ways have, the one chosen on test "
            "cannot score lower there. But the end of training is chosen with the epoch, and the "
            "longer of two may come to a better one.",
            "The authors' released program chooses the epoch on test; the verdict compares with "
            "scores that were chosen there, too. Those are no results.",
        ),
    )


def _optimism_cells(
    corpus: str, arm: str, on_test: pd.DataFrame, on_dev: pd.DataFrame
) -> tuple[Cell, ...]:
    common = _common_seeds(on_test, on_dev)
    on_test, on_dev = (t[t["seed"].isin(common)] if common else t for t in (on_test, on_dev))
    paper, found = published(corpus, arm, "f1"), score(on_test, "test_f1")
    difference = paired_difference(by_seed(on_test, "test_f1"), by_seed(on_dev, "test_f1")).estimate
    behind = fingerprints(on_test) + fingerprints(on_dev)
    return (
        score_cell(on_test, "test_f1"),
        score_cell(on_dev, "test_f1"),
        published_cell(paper),
        verdict_cell(found, paper, fingerprints(on_test)),
        _difference_cell(on_test, on_dev, difference),
        Cell(text=str(difference.n), fingerprints=behind),
        interval_cell(difference, behind),
        Cell(text=_shared([(on_test, on_dev)]), fingerprints=behind),
    )


def _common_seeds(one: pd.DataFrame, other: pd.DataFrame) -> set[int]:
    """Return the seeds that both arms have finished."""
    return by_seed(one, "test_f1").keys() & by_seed(other, "test_f1").keys()


def _shared(pairs: Sequence[tuple[pd.DataFrame, pd.DataFrame]]) -> str:
    """Count the pairs of runs that are one training up to the earlier end, as ``3 of 5``."""
    same = count = 0
    for pair in pairs:
        one, other = (arm.set_index("seed")["losses"] for arm in pair)
        for seed in _common_seeds(*pair):
            count += 1
            together = list(zip(one[seed], other[seed], strict=False))
            same += all(ours == theirs for ours, theirs in together)
    return f"{same} of {count}"


OPTIMISM_COLUMNS = (
    *("Chosen on test", "Chosen on dev", "Paper's F1", "Verdict if chosen on test"),
    *("Δ F1", "Common seeds", "95 % over seeds", "Same training"),
)
DIFFERENCE_COLUMNS = (
    "Δ F1",
    "Common seeds",
    "95 % over seeds",
    "p over seeds (Holm)",
    "95 % over sentences",
    "p over sentences (Holm)",
)
DIFFERENCE_NOTES = (
    "Δ is taken seed by seed, over the seeds that both arms have finished; ± is its standard "
    "deviation, the interval over seeds Student's.",
    "p over seeds: exact sign-flip permutation test. With n seeds it cannot fall below 2 / 2ⁿ: "
    "0.25 with three, 0.0625 with five.",
    "Over sentences: the test sentences are redrawn 2,000 times, both arms on the same ones "
    "(paired bootstrap). It says what other sentences would do to these runs, not what other "
    "seeds would.",
    "Both p are corrected by Holm's procedure for the number of rows they stand in.",
)


def difference_rows(
    pairs: Sequence[tuple[pd.DataFrame, pd.DataFrame]], counts: SentenceCounts
) -> list[tuple[Cell, ...]]:
    """Return the cells of :data:`DIFFERENCE_COLUMNS` for the trials of each two arms."""
    behind = [fingerprints(arm) + fingerprints(base) for arm, base in pairs]
    over_seeds = [paired_difference(*(by_seed(arm, "test_f1") for arm in pair)) for pair in pairs]
    over_sentences = [_over_sentences(*pair, counts.by_fingerprint) for pair in pairs]
    seeds_p = holm([difference.p for difference in over_seeds])
    sentences_p = holm([difference.p for difference in over_sentences])
    return [
        (
            _difference_cell(arm, base, by_seeds.estimate),
            Cell(text=str(by_seeds.estimate.n), fingerprints=names),
            interval_cell(by_seeds.estimate, names),
            p_cell(by_seeds.p, p_seeds, names),
            interval_cell(by_sentences.estimate, names),
            p_cell(by_sentences.p, p_sentences, names),
        )
        for (arm, base), names, by_seeds, by_sentences, p_seeds, p_sentences in zip(
            pairs, behind, over_seeds, over_sentences, seeds_p, sentences_p, strict=True
        )
    ]


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
        text = mean_sd(found, sign="+")
    elif (arm["status"] == "done").any():
        text = "no common seed"
    else:
        text = without_result(arm)
    return Cell(text=text, estimate=found, fingerprints=fingerprints(arm) + fingerprints(base))
