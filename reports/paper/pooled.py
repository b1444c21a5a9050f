"""Does one round of interaction help, over all corpora and settings on which it was run?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.document.formatting import interval, signed
from reports.document.section import Section
from reports.document.table import NO_CELL, Cell, Row, Table, number, words
from reports.paper.effects import ONE_ROUND, ONE_ROUND_TUNED, Effect
from reports.published.numbers import corpus_title
from reports.stats.intervals import Estimate
from reports.stats.pooling import Pooled, pool
from reports.stats.verdicts import RULE, Rule, Verdict
from rin_core.data.corpus import is_paper_corpus

#: Heading of the sd of the true effects between the rows.
TAU = "τ (95 % CI)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The effect on one corpus, at one choice of settings."""

    effect: Effect

    @property
    def place(self) -> str:
        """Name corpus and settings."""
        given = "the paper's" if is_paper_corpus(self.effect.corpus) else "given"
        settings = "tuned" if self.effect.key == ONE_ROUND_TUNED else f"{given} settings"
        return f"{corpus_title(self.effect.corpus)}, {settings}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledAnswer:
    """The mean effect and what it comes from."""

    pooled: Pooled
    verdict: Verdict
    parts: tuple[Part, ...]

    @property
    def runs(self) -> tuple[str, ...]:
        """Return the fingerprints of all runs behind it."""
        return tuple(dict.fromkeys(run for part in self.parts for run in part.effect.runs))


def find_pooled(effects: Sequence[Effect], rule: Rule = RULE) -> PooledAnswer | None:
    """Pool the effects of one round; ``None`` if fewer than two have a standard error.

    Effects that share a run are not independent. Of these, only the first is taken.
    """
    parts: list[Part] = []
    used: set[str] = set()
    for effect in effects:
        known = math.isfinite(effect.se) and effect.se > 0
        if effect.key not in (ONE_ROUND, ONE_ROUND_TUNED) or not known:
            continue
        if used.isdisjoint(effect.runs):
            parts.append(Part(effect=effect))
            used.update(effect.runs)
    if len(parts) < 2:
        return None
    found = pool([p.effect.found.mean for p in parts], [p.effect.se for p in parts])
    return PooledAnswer(pooled=found, verdict=found.verdict(rule), parts=tuple(parts))


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
        Row(
            key=f"{part.effect.corpus} {part.effect.key}",
            label=part.place,
            cells={
                "Verdict": words(str(part.effect.verdict), part.effect.runs),
                "Δ F1": Cell(
                    text=signed(part.effect.found.mean),
                    estimate=part.effect.found,
                    fingerprints=part.effect.runs,
                ),
                "95 % CI": Cell(text=interval(part.effect.found), fingerprints=part.effect.runs),
                "SE": _error(part.effect.se, part.effect.runs),
                "Δ, shrunk toward the mean": Cell(
                    text=f"{signed(own.mean)} ({interval(own)})",
                    estimate=own,
                    fingerprints=answer.runs,
                ),
                TAU: NO_CELL,
            },
        )
        for part, own in zip(answer.parts, answer.pooled.shrunk, strict=True)
    ]
    found = answer.pooled.found
    rows.append(
        Row(
            key="pooled",
            label="mean of all",
            cells={
                "Verdict": words(str(answer.verdict), answer.runs),
                "Δ F1": Cell(text=signed(found.mean), estimate=found, fingerprints=answer.runs),
                "95 % CI": Cell(text=interval(found), fingerprints=answer.runs),
                "SE": _error(answer.pooled.se, answer.runs),
                "Δ, shrunk toward the mean": NO_CELL,
                TAU: _tau_cell(answer),
            },
        )
    )
    corpora = len({part.effect.corpus for part in answer.parts})
    return Table(
        name="pooled",
        title="One round over none, on all corpora",
        head="Corpus and settings",
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
            "other verdicts are those of their own tables.",
        ),
    )


def _tau_cell(answer: PooledAnswer) -> Cell:
    found = answer.pooled
    tau = Estimate(found.n, found.tau, math.nan, found.tau_low, found.tau_high)
    text = f"{tau.mean:.2f} ({tau.low:.1f} to {tau.high:.1f})"
    return Cell(text=text, estimate=tau, fingerprints=answer.runs)


def _error(se: float, runs: tuple[str, ...]) -> Cell:
    return number(se, f"{se:.2f}", runs=runs)
