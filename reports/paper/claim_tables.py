"""The paper's claims as tables: a row for each claim, and one for each pair of arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reports.document.formatting import signed
from reports.document.table import NO_CELL, Cell, Row, Table, number, words
from reports.frames.encoders import papers_arm
from reports.frames.select import arm_label, of_arm
from reports.frames.studies import StudyData
from reports.paper.claims import PAIRS, JudgedClaim, judge_claims
from reports.published.numbers import (
    PUBLISHED_SEEDS,
    ROUNDS,
    TABLE_1_ROWS,
    TABLE_5_ROWS,
)
from reports.stats.contrasts import FULL_MODEL, PRIMARY, SPAN
from reports.tables.cells import (
    against_headings,
    as_estimate,
    count_cell,
    mean_cell,
    published_difference_cell,
    verdict_cell,
)
from reports.tables.comparison import ANSWER, comparison_cells, comparison_notes, over
from reports.tables.decisions import decided_cells
from reports.tables.experiment import SENTENCES, bootstrap_notes, difference_cells

#: Keys of the claims that compare interaction with none.
_OVER_NONE = ("interaction", "entities")


def claims_table(study: StudyData) -> Table | None:
    """Return a row for each claim of the paper; ``None`` if none can be judged."""
    judged = judge_claims(study)
    if not judged:
        return None
    return Table(
        name="claims",
        title=f"The paper's claims, tested on {study.corpus}",
        head="Claim",
        rows=tuple(map(_claim_row, judged)),
        first=(
            *ANSWER,
            "Paper's Δ",
            "Our Δ, same arms",
            "Verdict on size",
            "Verdict on size, paper exact",
        ),
        notes=(
            f"*Primary*: {len(PRIMARY)} contrasts that were fixed in `reports/stats/contrasts.py`. "
            "In brackets: their p-values after Holm's correction for these. The verdict uses them. "
            "The other rows are descriptive, without correction. Only *planned* contrasts were "
            "recorded before their runs.",
            *_planned_notes(judged),
            *_baseline_notes(judged),
            f"A contrast is a weighted sum of arms' means: the mean of one group minus that of "
            f"another. The slope in K is stated as the gain over {SPAN} rounds, from least squares "
            "with a level for each cell. Arms without runs are left out.",
            "A claim about several pairs is judged by the pair with the smallest Δ. Because it was "
            "chosen, this Δ is too low on average.",
            *_encoder_notes(judged),
            *(
                note
                for note in comparison_notes(study.scores(), family=False)
                if "descriptive" not in note
            ),
            *_entities_notes(judged),
            "NYT: the paper makes the claim about NYT. On other corpora it is our question.",
            "Paper's Δ: the same contrast of the published scores. Our Δ, same arms: ours over the "
            "arms with a published score. The last two verdicts judge our Δ minus the paper's: "
            "*worse* means that our gain is smaller. The first assumes that the paper's means, "
            f"over {PUBLISHED_SEEDS} runs, have the same spread as ours. The second takes them as "
            "exact. Both are without correction.",
        ),
    )


def claims_summary(study: StudyData) -> Table | None:
    """Return the columns of :func:`claims_table` that answer it; ``None`` if none can be judged."""
    judged = judge_claims(study)
    if not judged:
        return None
    planned = sorted({one.decision.experiment for one in judged if one.decision is not None})
    return Table(
        name="claims_summary",
        title="The paper's claims",
        head="Claim",
        rows=tuple(map(_summary_row, judged)),
        notes=(
            "*Verdict* is on Δ F1, our difference. *Verdict on size* compares *our Δ, same arms* "
            f"with the paper's Δ, in {study.scores().endpoint.text}. *Worse* means that our gain "
            "is smaller. It is not corrected for the number of claims.",
            *_baseline_notes(judged),
            *_untuned_notes(judged),
            *(
                f"*Planned*: decided by `{name}`, with a CI that holds at all its looks."
                for name in planned
            ),
            f"`paper-{study.corpus}/tables.md` has the tests and formulas, and each pair of arms.",
        ),
    )


def _summary_row(found: JudgedClaim) -> Row:
    row = _claim_row(found)
    kept = (*ANSWER, "Paper's Δ", "Our Δ, same arms", "Verdict on size", "Role", "Where")
    seeds = found.estimate.n
    count = count_cell(seeds, row.cells["Verdict"].fingerprints) if seeds else NO_CELL
    return replace(row, cells={**{name: row.cells[name] for name in kept}, "Seeds": count})


def _entities_notes(judged: Sequence[JudgedClaim]) -> tuple[str, ...]:
    """Return the variance behind the row on entities."""
    return tuple(
        f"Endpoint of the row on entities: {one.scores.endpoint.text}. {one.scores.variance_note}"
        for one in judged
        if one.claim.endpoint is not None and one.weights
    )


def _baseline_notes(judged: Sequence[JudgedClaim]) -> tuple[str, ...]:
    """Say which arms have no interaction; the table of a plan has the weights of its contrasts."""
    found = [
        " and ".join(_LABELS[arm] for arm, weight in one.weights.items() if weight < 0)
        for one in judged
        if one.claim.key in _OVER_NONE and one.decision is None and one.weights
    ]
    return tuple(
        f"*None*, in a row that is not planned: {arms}, each with the same weight."
        for arms in dict.fromkeys(found)
    )


def _untuned_notes(judged: Sequence[JudgedClaim]) -> tuple[str, ...]:
    """Say that the BiLSTM beside a pretrained encoder was not tuned."""
    if not any(one.claim.of_encoder == (1, None) and one.weights for one in judged):
        return ()
    return (
        "A pretrained encoder is compared with a BiLSTM under the paper's settings, which was not "
        "tuned.",
    )


def _encoder_notes(judged: Sequence[JudgedClaim]) -> tuple[str, ...]:
    """Say which scores the rows of pretrained encoders compare."""
    found = [one for one in judged if one.claim.of_encoder is not None and one.weights]
    texts = dict.fromkeys(
        f"{one.claim.text.partition(':')[0]}: {one.scores.endpoint.text}" for one in found
    )
    if not texts:
        return ()
    return (
        "A pretrained encoder has rows of its own, under its name, for the paper's rate and for "
        "tuned rates. It is compared with a BiLSTM under the paper's settings, which was not "
        "tuned. The variance is then pooled over the arms of the table and of the encoder. "
        "Comparisons of rounds over an encoder use the variance of its own runs.",
        f"Endpoints of these rows. {'; '.join(texts)}.",
    )


def _claim_row(found: JudgedClaim) -> Row:
    cells = {**_claim_cells(found), **_size_cells(found)}
    return Row(key=found.claim.key, label=found.claim.text, cells=cells)


def _claim_cells(found: JudgedClaim) -> dict[str, Cell]:
    runs = found.scores.fingerprints(found.weights)
    holds = sum(pair.difference.value > 0 for pair in found.pairs)
    count = f"{holds} of {len(found.pairs)}"
    if incomplete := len(found.claim.pairs) - len(found.pairs):
        count += f", {incomplete} not run"
    return {
        "Where": words(found.claim.source),
        "Role": words(_role(found)),
        **_judged_cells(found),
        "Holds in pairs": Cell(text=count, fingerprints=runs) if found.pairs else NO_CELL,
    }


def _role(found: JudgedClaim) -> str:
    if found.decision is not None:
        return "primary, planned"
    return "primary" if found.claim.is_primary else "descriptive"


def _judged_cells(found: JudgedClaim) -> dict[str, Cell]:
    cells = comparison_cells(found.scores, found.weights, found.judged)
    row = found.decision
    if row is None:
        return cells
    # The tests of one look at a fixed number of seeds do not hold for a plan with several.
    estimate, whole = decided_cells(row)
    own = {
        "Δ F1": estimate,
        "95 % CI": whole,
        "Verdict": words(str(row.verdict_with_cost), row.runs),
    }
    return dict.fromkeys(cells, NO_CELL) | own


def _planned_notes(judged: Sequence[JudgedClaim]) -> tuple[str, ...]:
    """Say which study decides the planned rows."""
    rows = [found.decision for found in judged if found.decision is not None]
    if not rows:
        return ()
    return (
        f"*Planned*: decided by `{rows[0].experiment}`, a study with `--until-decided`. Δ is the "
        f"difference in {rows[0].endpoint.text} at its last look, and the CI holds at all "
        "looks. The table *Decisions* of that study has the bounds that decide.",
    )


def _size_cells(found: JudgedClaim) -> dict[str, Cell]:
    size = found.size
    names = ("Paper's Δ", "Our Δ, same arms", *against_headings(" on size"))
    if size is None:
        return dict.fromkeys(names, NO_CELL)
    runs = found.scores.fingerprints(size.weights)
    theirs = number(size.published, signed(size.published), "; ".join(size.sources))
    cells = (
        theirs,
        mean_cell(as_estimate(size.ours.difference), runs, sign="+"),
        verdict_cell(size.against, runs),
        verdict_cell(size.against_exact, runs),
    )
    return dict(zip(names, cells, strict=True))


def pairs_table(study: StudyData) -> Table | None:
    """Return a row for each pair of arms behind the claims; ``None`` if none can be judged."""
    judged = judge_claims(study)
    if not judged:
        return None
    scores = study.scores()
    pairs = list(dict.fromkeys(PAIRS))
    cells = difference_cells(study, scores, [over(*pair) for pair in pairs], family=False)
    rows = [
        Row(
            key="/".join(pair),
            label=f"{_LABELS[pair[0]]} over {_LABELS[pair[1]]}",
            cells={"Paper's Δ": published_difference_cell(study.corpus, *pair), **own},
        )
        for pair, own in zip(pairs, cells, strict=True)
    ] + [_encoder_row(study, found) for found in judged if found.claim.of_encoder is not None]
    return Table(
        name="orderings",
        title=f"The pairs behind the claims on {study.corpus}",
        head="Pair",
        rows=tuple(rows),
        first=(*ANSWER, "Paper's Δ"),
        notes=(
            "The paper's Δ is a dash if the paper has only a figure.",
            *comparison_notes(scores, family=False),
            *bootstrap_notes(scores),
        ),
    )


def _encoder_row(study: StudyData, found: JudgedClaim) -> Row:
    """Return a pair over a pretrained encoder, with the paper's difference over BERT."""
    assert found.claim.of_encoder is not None
    rounds, base = found.claim.of_encoder
    arm, other = papers_arm(rounds), FULL_MODEL if base is None else papers_arm(base)
    labels = {
        **_LABELS,
        **{
            a: arm_label(of_arm(r.frame, a))
            for r in study.encoders
            for a in r.frame["arm"].unique()
        },
    }
    pair = tuple(found.weights) or (arm, other)
    return Row(
        key="/".join(pair),
        label=" over ".join(labels[name] for name in pair),
        cells={
            "Paper's Δ": published_difference_cell(study.corpus, arm, other),
            **comparison_cells(found.scores, found.weights or over(arm, other), found.judged),
            **({SENTENCES: NO_CELL} if bootstrap_notes(study.scores()) else {}),
        },
    )


_LABELS = {
    **{f"{cell}-{k}": f"RIN ({cell.upper()}, K = {k})" for k in ROUNDS for cell in ("gru", "rnn")},
    **dict(TABLE_5_ROWS[1:]),
    **dict(row for row in TABLE_1_ROWS if row[0] in ("bert-1", "bert-2", "bilstm", "bilstm-s")),
}
