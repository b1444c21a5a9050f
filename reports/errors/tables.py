"""Error analysis as tables: F1 of groups and by another rule, what errors are, what rounds do."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from reports.document.table import NO_CELL, Cell, Row, Table
from reports.errors.cuts import Cut, by_distance, by_length, by_relation, by_vectors, cut_counts
from reports.errors.kinds import UNREACHABLE, Likeness, confusions, fates, inventions
from reports.errors.rounds import Step, answered, sizes, steps
from reports.frames.predictions import SentenceCounts, count_by_words
from reports.frames.select import arm_label, of_arm
from reports.stats.intervals import Array, Estimate, estimate, estimate_score
from reports.stats.tests import f1
from reports.tables.cells import count_cell, mean_cell
from reports.tables.notes import SD_NOTE

#: Most pairs of relations in the table of confusions.
MOST_CONFUSIONS = 15

_CUT_NOTE = (
    "F1 of the triples of a group, partial match. The number of gold triples stands beside the "
    "group; a group with neither gold nor predicted triples has none."
)
_LIKENESS_NOTE = (
    "A missed triple is compared with the wrong triples of its sentence, a wrong one with the "
    "missed: *other relation*, same two words in the same order; *arguments reversed*, same "
    "relation, words exchanged; *one argument wrong*, same relation and one of the words; "
    "*nothing alike*, none of these. The first that applies is taken. Triples by run, mean over "
    "seeds."
)


def error_tables(frame: pd.DataFrame, counts: SentenceCounts) -> list[Table]:
    """Return every table of the error analysis of one experiment; none without predictions.

    Args:
        frame: One experiment under one settings value.
        counts: What its trials found in each sentence.
    """
    if not counts.answers:
        return []
    groups = {arm: of_arm(frame, arm) for arm in answered(frame, counts)}
    tables = (
        relation_table(groups, counts),
        sentence_cut_table(by_length(), groups, counts),
        sentence_cut_table(by_distance(), groups, counts),
        vectors_table(groups, counts),
        matching_table(groups, counts),
        fate_table(groups, counts),
        invention_table(groups, counts),
        confusion_table(groups, counts),
        rounds_table(steps(frame, counts), counts),
    )
    return [table for table in tables if table is not None and table.rows]


Groups = Mapping[str, pd.DataFrame]
"""The trials of each arm."""


def arm_runs(trials: pd.DataFrame, counts: SentenceCounts) -> tuple[str, ...]:
    """Return the fingerprints of an arm's trials that left their predictions."""
    return tuple(name for name in trials["fingerprint"] if name in counts.answers)


def cut_scores(
    cut: Cut, groups: Groups, counts: SentenceCounts
) -> tuple[dict[str, list[Array]], Array]:
    """Return counts [G, 3] of every run of each arm, and gold triples [G] of the first run."""
    found = {
        arm: [
            cut_counts(cut, counts.sentences, counts.answers[name])
            for name in arm_runs(trials, counts)
        ]
        for arm, trials in groups.items()
    }
    return found, next(iter(found.values()))[0][:, 2]


def relation_table(groups: Groups, counts: SentenceCounts) -> Table:
    """Return F1 by relation, a row for each and a column for each arm."""
    cut = by_relation(counts.sentences)
    found, gold = cut_scores(cut, groups, counts)
    return Table(
        name="errors_relation",
        title="Test F1 by relation",
        head="Relation (gold triples)",
        rows=tuple(
            Row(
                key=group,
                label=f"{group} ({gold[k]})",
                cells={
                    label: _f1_cell(found[arm], k, arm_runs(groups[arm], counts))
                    for arm, label in _labels(groups).items()
                },
            )
            for k, group in enumerate(cut.groups)
            if any(array[k].any() for arrays in found.values() for array in arrays)
        ),
        notes=(_CUT_NOTE, SD_NOTE),
    )


def sentence_cut_table(cut: Cut, groups: Groups, counts: SentenceCounts) -> Table:
    """Return F1 by the groups of a cut, a row for each arm and a column for each group."""
    found, gold = cut_scores(cut, groups, counts)
    return Table(
        name=f"errors_{cut.name}",
        title=f"Test F1 by {cut.title}",
        head="Model",
        rows=tuple(
            Row(
                key=arm,
                label=arm_label(trials),
                cells={
                    f"{group} ({gold[k]})": _f1_cell(found[arm], k, arm_runs(trials, counts))
                    for k, group in enumerate(cut.groups)
                },
            )
            for arm, trials in groups.items()
        ),
        notes=(_CUT_NOTE, SD_NOTE),
    )


def vectors_table(groups: Groups, counts: SentenceCounts) -> Table | None:
    """Return F1 with and without word vectors, of the arms that began with the same ones."""
    known = next(iter(counts.vectors.values()), None)
    own = {
        arm: trials
        for arm, trials in groups.items()
        if all(counts.vectors.get(name) == known for name in arm_runs(trials, counts))
    }
    return sentence_cut_table(by_vectors(known), own, counts) if known and own else None


def matching_table(groups: Groups, counts: SentenceCounts) -> Table:
    """Return F1 by places and by words, a row for each arm."""
    rows = []
    for arm, trials in groups.items():
        runs = arm_runs(trials, counts)
        by_place = [_f1(counts.by_fingerprint[name]) for name in runs]
        by_words = [_f1(count_by_words(counts.sentences, counts.answers[name])) for name in runs]
        gains = estimate(b - a for a, b in zip(by_place, by_words, strict=True))
        cells = {
            BY_PLACE: mean_cell(estimate_score(by_place), runs),
            BY_WORD: mean_cell(estimate_score(by_words), runs),
            "Δ": mean_cell(gains, runs, sign="+"),
        }
        rows.append(Row(key=arm, label=arm_label(trials), cells=cells))
    return Table(
        name="errors_matching",
        title="Test F1 by what makes an argument right",
        head="Model",
        rows=tuple(rows),
        notes=(
            "*Its place*, as everywhere else here: the word where the argument first occurs, as in "
            "the authors' preprocessing. *Its word*: the same word anywhere in the sentence, as "
            "Wei et al. (HBT in Table 1; published as CasRel) score and others after them. Hold "
            "their scores against this column.",
            SD_NOTE,
        ),
    )


#: Columns of :func:`matching_table`.
BY_PLACE, BY_WORD = "Its place", "Its word"


def _f1(counts: Array) -> float:
    return float(f1(counts.sum(axis=0)))


def _f1_cell(arrays: Sequence[Array], group: int, names: tuple[str, ...]) -> Cell:
    rows = [array[group] for array in arrays]
    if not any(row.any() for row in rows):
        return NO_CELL
    return mean_cell(estimate_score(float(f1(row)) for row in rows), names)


def fate_table(groups: Groups, counts: SentenceCounts) -> Table:
    """Return what became of the gold triples."""
    columns = {"Found": "found"}
    columns |= {f"Missed: {name}": str(name) for name in (*Likeness, UNREACHABLE)}
    every = {name: fates(counts.sentences, answers) for name, answers in counts.answers.items()}
    return Table(
        name="errors_missed",
        title="What became of the gold triples",
        head="Model",
        rows=_count_rows(groups, counts, every, columns),
        notes=(_LIKENESS_NOTE, SD_NOTE),
    )


def invention_table(groups: Groups, counts: SentenceCounts) -> Table:
    """Return what the wrong triples are."""
    columns = {"Wrong triples": "all"}
    columns |= {f"{name[0].upper()}{name[1:]}": str(name) for name in Likeness}
    every = {name: inventions(answers) for name, answers in counts.answers.items()}
    return Table(
        name="errors_wrong",
        title="What the wrong triples are",
        head="Model",
        rows=_count_rows(
            groups,
            counts,
            {name: own + Counter(all=own.total()) for name, own in every.items()},
            columns,
        ),
        notes=(_LIKENESS_NOTE, SD_NOTE),
    )


def confusion_table(groups: Groups, counts: SentenceCounts) -> Table:
    """Return the relations most often said in place of a gold one, of the same two words."""
    every = {name: confusions(answers) for name, answers in counts.answers.items()}
    runs = {arm: arm_runs(trials, counts) for arm, trials in groups.items()}
    total: Counter[tuple[str, str]] = sum(every.values(), Counter())
    most = sorted(total, key=lambda pair: (-total[pair], pair))[:MOST_CONFUSIONS]
    return Table(
        name="errors_confusion",
        title="Relations said in place of the gold one",
        head="Gold → said",
        rows=tuple(
            Row(
                key=f"{gold}/{said}",
                label=f"{gold} → {said}",
                cells={
                    label: mean_cell(estimate(every[n][gold, said] for n in runs[arm]), runs[arm])
                    for arm, label in _labels(groups).items()
                },
            )
            for gold, said in most
        ),
        notes=(
            "Gold triples that a run missed while it said another, wrong relation of the same "
            f"two words in the same order; triples by run, mean over seeds. The {len(most)} most "
            f"frequent of {len(total)} such pairs of relations, all runs together.",
            SD_NOTE,
        ),
    )


def rounds_table(found: Sequence[Step], counts: SentenceCounts) -> Table:
    """Return what one arm fixed and broke of another, beside what another seed does."""
    rows = []
    for step in found:
        own, behind = sizes(step, counts), step.fingerprints
        cells = {
            "Pairs of runs": count_cell(len(step.pairs), behind),
            "Fixed": _change_cell(own["fixed"], "", behind),
            "Broke": _change_cell(own["broke"], "", behind),
            "Net": _change_cell(own["net"], "+", behind),
            "Wrong removed": _change_cell(own["removed"], "", behind),
            "Wrong added": _change_cell(own["added"], "", behind),
            "Missed by both": _change_cell(own["missed"], "", behind),
        }
        rows.append(Row(key=step.key, label=step.label, cells=cells))
    return Table(
        name="errors_rounds",
        title="What interaction fixed and broke",
        head="From → to",
        rows=tuple(rows),
        notes=(
            "Triples of test by pair of runs, paired over the seeds that both arms have: gold "
            "ones that only the second says (fixed) or only the first (broke), wrong ones that "
            "only the first says (removed) or only the second (added).",
            "*Another seed*: each seed of an arm against the next, the last against the first, so "
            "that the net is 0 by construction. Runs that differ in nothing but their seed fix "
            "and break triples too: a change of arms means something only beyond that.",
            SD_NOTE + " Pairs of seeds of one arm share runs and have no such deviation.",
        ),
    )


def _change_cell(found: Estimate, sign: str, names: tuple[str, ...]) -> Cell:
    """Return a mean with its spread; nothing where there is nothing to take a mean of."""
    if math.isnan(found.mean):
        return NO_CELL
    return mean_cell(found, names, sign)


def _count_rows(
    groups: Groups,
    counts: SentenceCounts,
    every: Mapping[str, Mapping[str, int]],
    columns: Mapping[str, str],
) -> tuple[Row, ...]:
    """Return a row for each arm with the mean of each count over its runs.

    Args:
        groups: The trials of each arm.
        counts: What the trials found in each sentence.
        every: Counts by name, for each run.
        columns: Name of the count by heading of the column.
    """
    rows = []
    for arm, trials in groups.items():
        runs = arm_runs(trials, counts)
        cells = {
            column: mean_cell(estimate(every[run].get(name, 0) for run in runs), runs)
            for column, name in columns.items()
        }
        rows.append(Row(key=arm, label=arm_label(trials), cells=cells))
    return tuple(rows)


def _labels(groups: Groups) -> dict[str, str]:
    """Return a heading for each arm; arms that share a label get their names, too."""
    labels = {arm: arm_label(trials) for arm, trials in groups.items()}
    shared = Counter(labels.values())
    return {
        arm: label if shared[label] == 1 else f"{label} ({arm})" for arm, label in labels.items()
    }
