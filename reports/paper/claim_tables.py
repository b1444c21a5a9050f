"""The paper's claims as tables: a row for each claim, and one for each pair of arms."""

from __future__ import annotations

import math
from dataclasses import replace

from reports.document.formatting import mean_sd
from reports.document.table import NO_CELL, Cell, Kind, Row, Table, number, words
from reports.frames.select import by_seed, fingerprints, of_arm
from reports.frames.studies import StudyData
from reports.paper.claims import JudgedClaim, Pair, SizeEvidence, judge_claims
from reports.published.numbers import ROUNDS, TABLE_1_ROWS, TABLE_5_ROWS
from reports.stats.intervals import estimate
from reports.stats.tests import paired_difference
from reports.tables.cells import (
    count_cell,
    interval_cell,
    mean_cell,
    p_cell,
    published_difference_cell,
)
from reports.tables.experiment import DIFFERENCE_NOTES, difference_cells
from study.ledger.state import TrialState


def claims_table(study: StudyData) -> Table | None:
    """Return a row for each claim of the paper; ``None`` if none can be judged."""
    judged = judge_claims(study.frame, study.corpus)
    if not judged:
        return None
    return Table(
        name="claims",
        in_reproduction=True,
        title=f"The paper's claims, judged on {study.corpus}",
        head="Claim",
        rows=tuple(
            Row(
                key=found.claim.key,
                label=found.claim.text,
                cells={**_claim_cells(found), **_size_cells(found.size)},
            )
            for found in judged
        ),
        notes=(
            "Mean Δ: the mean over the pairs of their differences in test F1, for each seed that "
            "all of these pairs have finished. A pair with missing seeds is left out until it has "
            "them.",
            "Verdict: *supported* if the 95 % CI of the mean Δ lies above 0, *contradicted* if it "
            "lies below, else *undecided*. A claim about each pair is supported if the CI of each "
            "pair lies above 0, and contradicted if that of one pair lies below. The CIs are not "
            "corrected for the number of claims or pairs.",
            "Best K: chosen on dev for each seed, among the K that both cells have finished. If "
            "all seeds agree there is no spread, and no verdict.",
            "NYT: the paper makes the claim about NYT. On other corpora it is our question.",
            "Paper's Δ: the mean over the pairs with published scores. Our Δ, same pairs: ours "
            "over these pairs. Verdict on size: *reproduced* if our 95 % CI, widened by the "
            "rounding of two published scores (± 0.1), contains the paper's Δ but not 0, and *not "
            "ruled out* if it contains both. Otherwise *ours above* or *ours below*.",
            "Seeds needed: for a CI that excludes 0 with a probability of 80 %, if the true Δ is "
            "the paper's and seeds vary as ours do. A claim about each pair needs the most of its "
            "pairs. An estimate from five seeds is rough.",
        ),
    )


def _claim_cells(found: JudgedClaim) -> dict[str, Cell]:
    evidence, runs = found.evidence, found.evidence.runs
    difference = evidence.difference.estimate
    holds = f"{sum(pair.mean > 0 for pair in evidence.by_pair)} of {len(evidence.pairs)}"
    if incomplete := len(found.claim.pairs) - len(evidence.pairs):
        holds += f", {incomplete} incomplete"
    return {
        "Where": words(found.claim.source),
        "Verdict": words(found.verdict, runs, difference),
        "Holds in pairs": Cell(text=holds, fingerprints=runs) if evidence.pairs else NO_CELL,
        "Mean Δ F1": mean_cell(difference, runs, sign="+"),
        "Common seeds": count_cell(difference.n, runs),
        "95 % CI over seeds": interval_cell(difference, runs),
        "p over seeds (Holm)": p_cell(evidence.difference.p, found.p_holm, runs),
    }


def _size_cells(size: SizeEvidence | None) -> dict[str, Cell]:
    if size is None:
        names = (
            "Paper's Δ",
            "Our Δ, same pairs",
            "95 % CI, same pairs",
            "Verdict on size",
            "Seeds needed",
        )
        return dict.fromkeys(names, NO_CELL)
    theirs = mean_sd(estimate([size.published]), sign="+")
    return {
        "Paper's Δ": number(size.published, theirs, "; ".join(size.sources)),
        "Our Δ, same pairs": mean_cell(size.ours, size.runs, sign="+"),
        "95 % CI, same pairs": interval_cell(size.ours, size.runs),
        "Verdict on size": words(size.verdict, size.runs, size.ours),
        "Seeds needed": _needed_cell(size),
    }


def _needed_cell(size: SizeEvidence) -> Cell:
    if math.isnan(size.seeds_needed):
        return NO_CELL
    return replace(number(size.seeds_needed, needed_text(size)), fingerprints=size.runs)


def needed_text(size: SizeEvidence) -> str:
    """Return how many seeds would show the published difference."""
    return f"{size.seeds_needed:.0f}" if math.isfinite(size.seeds_needed) else "over 1,000"


def pairs_table(study: StudyData) -> Table | None:
    """Return a row for each pair of arms behind the claims about F1."""
    claims = [found.claim for found in judge_claims(study.frame, study.corpus)]
    pairs = list(dict.fromkeys(p for claim in claims if claim.metric == "f1" for p in claim.pairs))
    trials = [(of_arm(study.frame, better), of_arm(study.frame, worse)) for better, worse in pairs]
    rows = []
    for pair, cells in zip(pairs, difference_cells(trials, study.counts), strict=True):
        first = {
            "Paper's Δ": published_difference_cell(study.corpus, *pair),
            "Holds": _holds(study, pair),
        }
        label = f"{_LABELS[pair[0]]} over {_LABELS[pair[1]]}"
        rows.append(Row(key="/".join(pair), label=label, cells={**first, **cells}))
    return Table(
        name="orderings",
        in_reproduction=True,
        title=f"The pairs behind the claims on {study.corpus}",
        head="Pair",
        rows=tuple(rows),
        notes=(
            "Holds: *yes* if our mean Δ over the common seeds is above 0. The CIs and p values "
            "show whether chance alone explains it. The paper's Δ is a dash if the paper has only "
            "a figure.",
            *DIFFERENCE_NOTES,
        ),
    )


def _holds(study: StudyData, pair: Pair) -> Cell:
    better, worse = (of_arm(study.frame, arm) for arm in pair)
    ours = paired_difference(by_seed(better, "test_f1"), by_seed(worse, "test_f1")).estimate
    runs = fingerprints(better) + fingerprints(worse)
    if ours.n:
        return words("yes" if ours.mean > 0 else "no", runs, ours)
    both_ran = all((trials["status"] == TrialState.FINISHED).any() for trials in (better, worse))
    return NO_CELL if both_ran else Cell(text="not run", kind=Kind.EMPTY)


_LABELS = {
    **{f"{cell}-{k}": f"RIN ({cell.upper()}, K = {k})" for k in ROUNDS for cell in ("gru", "rnn")},
    **dict(TABLE_5_ROWS[1:]),
    **dict(row for row in TABLE_1_ROWS if row[0] in ("bert-1", "bert-2", "bilstm", "bilstm-s")),
}
