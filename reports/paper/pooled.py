"""Does one round of interaction help, over all corpora and settings on which it was run?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.document.formatting import interval, signed
from reports.document.section import Section
from reports.document.table import NO_CELL, Cell, Row, Table, number, words
from reports.figures.answers import POOLED
from reports.paper.claims import DEMO
from reports.paper.effects import ONE_ROUND, ONE_ROUND_TUNED, Effect
from reports.published.numbers import corpus_title
from reports.stats.intervals import Estimate
from reports.stats.pooling import Pooled, pool
from reports.stats.verdicts import RULE, Rule, Verdict, Word
from reports.tables.cells import mean_cell, verdict_cell
from reports.tables.comparison import corrected_p

#: Heading of the sd of the true effects between the rows.
TAU = "τ (95 % CI)"


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledAnswer:
    """The mean effect and what it comes from."""

    pooled: Pooled
    verdict: Verdict
    parts: tuple[Effect, ...]
    """The effect on each corpus and under each settings value."""

    @property
    def runs(self) -> tuple[str, ...]:
        """Return the fingerprints of all runs behind it."""
        return tuple(dict.fromkeys(run for part in self.parts for run in part.runs))


def find_pooled(effects: Sequence[Effect], rule: Rule = RULE) -> PooledAnswer | None:
    """Pool the effects of one round; ``None`` if fewer than two have a standard error.

    Effects that share a run are not independent. Of these, only the first is taken. The demo
    corpus is made by a grammar, so it is no sample of corpora.
    """
    parts: list[Effect] = []
    used: set[str] = set()
    for effect in effects:
        if effect.corpus == DEMO or effect.question not in (ONE_ROUND, ONE_ROUND_TUNED):
            continue
        if _error(effect) > 0 and used.isdisjoint(effect.runs):
            parts.append(effect)
            used.update(effect.runs)
    if len(parts) < 2:
        return None
    found = pool([part.found.mean for part in parts], [_error(part) for part in parts])
    return PooledAnswer(pooled=found, verdict=found.verdict(rule), parts=tuple(parts))


def _error(effect: Effect) -> float:
    """Return the standard error of an effect; NaN without one."""
    return math.nan if effect.judged is None else effect.judged.difference.se


def pooled_section(answer: PooledAnswer) -> Section:
    """Return the answer as a section of the page."""
    return Section(
        key="pooled",
        title="One round over none, on all corpora",
        page="tables.md",
        tables=(pooled_table(answer),),
    )


def pooled_table(answer: PooledAnswer) -> Table:
    """Return each effect as measured, and shrunk to the mean of all."""
    rows = [
        _part_row(part, own, answer.runs)
        for part, own in zip(answer.parts, answer.pooled.shrunk, strict=True)
    ]
    found = answer.pooled.found
    mean = {
        "Verdict": words(str(answer.verdict), answer.runs),
        "Δ F1": Cell(text=signed(found.mean), estimate=found, fingerprints=answer.runs),
        "95 % CI": Cell(text=interval(found), fingerprints=answer.runs),
        "SE": _error_cell(answer.pooled.se, answer.runs),
        TAU: _tau_cell(answer),
    }
    cells = {column: mean.get(column, NO_CELL) for column in rows[0].cells}
    rows.append(Row(key=POOLED, label="mean of all", cells=cells))
    corpora = len({part.corpus for part in answer.parts})
    return Table(
        name="pooled",
        title="One round over none, on all corpora",
        head="Corpus",
        rows=tuple(rows),
        notes=(
            "A random-effects model: Δ is the mean, plus a deviation of corpus and settings, plus "
            f"the error of the seeds. The deviation has the sd τ = {answer.pooled.tau:.2f} (Paule "
            "and Mandel). Each Δ has the weight v = 1 / (τ² + SE²). τ is chosen so that "
            "Σ v (Δ − mean)² equals the degrees of freedom, "
            f"{answer.pooled.df}. If the sum is smaller even with τ = 0, τ is 0.",
            "The CI of τ has the values with which this sum is between the 2.5 % and 97.5 % "
            "quantiles of χ² (Q profile). The row of the mean has it.",
            "The SE of the mean is 1 / √(Σ v), which is at least that of Hartung and Knapp. The "
            "interval is mean ± t · SE. An effect is shrunk toward the mean by the factor "
            "SE² / (τ² + SE²). The interval beside it takes τ as known, so it is too narrow.",
            "The model takes the rows as independent. Rows of one corpus share its test sentences, "
            f"so {len(answer.parts)} rows say less than as many corpora; here, the number of "
            f"corpora is {corpora}. Each Δ is on the endpoint of its own study.",
            f"The mean is *equal* if mean ± t · SE is within {answer.verdict.margin:g}, with the "
            "95 % quantile t. Otherwise it is *better* or *worse* if its 95 % CI excludes 0. The "
            "other verdicts and the p-values are those of their own tables. In brackets: p after "
            "Holm's correction. A study that stops by its scores has *no verdict* on a Δ that its "
            "plan does not test.",
        ),
    )


def _tau_cell(answer: PooledAnswer) -> Cell:
    found = answer.pooled
    tau = Estimate(found.n, found.tau, math.nan, found.tau_low, found.tau_high)
    text = f"{tau.mean:.2f} ({tau.low:.1f} to {tau.high:.1f})"
    return Cell(text=text, estimate=tau, fingerprints=answer.runs)


def _part_row(part: Effect, shrunk: Estimate, every: tuple[str, ...]) -> Row:
    """Return the row of one effect; ``every`` has the runs of all of them."""
    assert part.judged is not None, "an effect without a test is not pooled"
    after, before = part.sides
    judged, paper = part.judged, part.published
    p = Cell(
        text=corrected_p(judged.difference.p, judged.p_holm),
        judged=judged,
        fingerprints=part.runs,
    )
    cells = {
        "Settings": words(part.how),
        "Verdict": verdict_cell(judged, part.runs),
        "Δ F1": Cell(text=signed(part.found.mean), estimate=part.found, fingerprints=part.runs),
        "95 % CI": Cell(text=interval(part.found), fingerprints=part.runs),
        "Paper's Δ": NO_CELL if paper is None else number(paper, signed(paper)),
        "K = 0": mean_cell(before, part.runs),
        "K = 1": mean_cell(after, part.runs),
        "SE": _error_cell(_error(part), part.runs),
        "p": NO_CELL if judged.verdict.word is Word.NO_VERDICT else p,
        "Δ, shrunk toward the mean": Cell(
            text=f"{signed(shrunk.mean)} ({interval(shrunk)})", estimate=shrunk, fingerprints=every
        ),
        TAU: NO_CELL,
    }
    return Row(key=f"{part.corpus} {part.key}", label=corpus_title(part.corpus), cells=cells)


def _error_cell(se: float, runs: tuple[str, ...]) -> Cell:
    return number(se, f"{se:.2f}", runs=runs)
