"""Each arm by other endpoints than that of the verdicts: descriptive, never tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.document.formatting import points
from reports.document.table import NO_CELL, Cell, Row, Table, number
from reports.frames.predictions import Answer, count_answers
from reports.frames.scores import AVERAGED, LATE, SELECTED
from reports.frames.select import arm_label, of_arm
from reports.frames.studies import StudyData
from reports.stats.tests import f1
from reports.tables.cells import score_cell
from reports.tables.notes import SD_NOTE, has_averages, late_epochs

#: With fewer runs, the majority is what all of them predict.
VOTERS = 3


def endpoints_table(study: StudyData) -> Table:
    """Return the scores of each arm by other endpoints."""
    rows, late = [], late_epochs(study.frame)
    for arm in dict.fromkeys(study.frame["arm"]):
        trials = of_arm(study.frame, arm)
        cells = {
            "Test F1, selected epoch": score_cell(trials, SELECTED.column),
            "Dev F1, selected epoch": score_cell(trials, "dev_f1"),
            f"Dev F1, last {late} epochs": score_cell(trials, LATE.column),
            **(
                {"Test F1, averaged weights": score_cell(trials, AVERAGED.column)}
                if has_averages(study.frame)
                else {}
            ),
            "Test F1, majority vote": _vote_cell(study, tuple(trials["fingerprint"])),
        }
        rows.append(Row(key=str(arm), label=arm_label(trials), cells=cells))
    return Table(
        name="endpoints",
        title="Other endpoints (descriptive)",
        head="Model",
        rows=tuple(rows),
        notes=(
            f"All verdicts are on the endpoint *{study.scores().endpoint.text}*. The selected "
            "epoch is the best of many on dev, so its dev F1 is too high. The mean of the last "
            f"{late} epochs selects nothing.",
            "Majority vote: a triple counts as predicted if more than half of the arm's runs "
            f"predict it, each with its selected epoch. It requires {VOTERS} runs, and an even "
            "number of them finds less. `python -m rin_core.predict` takes `--model` once for each "
            "of the runs, and finds these triples in new texts.",
            SD_NOTE,
        ),
    )


def _vote_cell(study: StudyData, fingerprints: tuple[str, ...]) -> Cell:
    counts = study.counts
    runs = tuple(name for name in fingerprints if name in counts.answers)
    if len(runs) < VOTERS:
        return NO_CELL
    voted = majority([counts.answers[name] for name in runs])
    value = float(f1(count_answers(counts.sentences, voted).sum(axis=0)))
    return number(value, f"{points(value)} ({len(runs)} runs)", runs=runs)


def majority(runs: Sequence[Sequence[Answer]]) -> list[Answer]:
    """Return the triples of each sentence that more than half of some runs predict.

    Args:
        runs: The answers of each run, sentence by sentence.
    """
    voted = []
    for answers in zip(*runs, strict=True):
        votes = Counter(fact for answer in answers for fact in answer.predicted)
        predicted = frozenset(fact for fact, count in votes.items() if count > len(runs) / 2)
        voted.append(Answer(answers[0].gold, predicted))
    return voted
