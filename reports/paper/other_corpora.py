"""The primary contrasts on corpora that the paper does not use, as a study's plan decides them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.document.section import Section
from reports.document.table import Row, Table, number, words
from reports.frames.decisions import DecisionRow, study_decisions
from reports.frames.settings import settings_name
from reports.frames.studies import StudyData
from reports.frames.trials import settings_of
from reports.paper.claims import DEMO
from reports.published.numbers import corpus_title
from reports.tables.comparison import ANSWER
from reports.tables.decisions import decided_cells
from rin_core.data.corpus import is_paper_corpus


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherClaim:
    """A primary contrast at its last look."""

    corpus: str
    settings: str
    """In words."""
    row: DecisionRow


def claims_elsewhere(studies: Iterable[StudyData]) -> list[OtherClaim]:
    """Return the contrasts that studies with a plan have looked at, on other corpora.

    Args:
        studies: All studies.
    """
    return [
        OtherClaim(
            corpus=study.corpus,
            settings=settings_name(study.corpus, settings_of(study.frame)[0]),
            row=row,
        )
        for study in studies
        if study.decisions is not None
        and not (is_paper_corpus(study.corpus) or study.corpus == DEMO or study.outdated)
        for row in study_decisions(study.frame, study.decisions)
        if row.outcome is not None
    ]


def other_corpora_section(claims: Sequence[OtherClaim]) -> Section:
    """Return the table of these contrasts as a section."""
    return Section(
        key="other_corpora",
        title="Primary contrasts on other corpora",
        page="tables.md",
        tables=(other_corpora_table(claims),),
    )


def other_corpora_table(claims: Sequence[OtherClaim]) -> Table:
    """Return a row for each contrast on each corpus."""
    studies = dict.fromkeys(claim.row.experiment for claim in claims)
    endpoints = dict.fromkeys(claim.row.endpoint.text for claim in claims)
    return Table(
        name="other_corpora",
        title="Primary contrasts on other corpora",
        head="Contrast",
        rows=tuple(map(_row, claims)),
        notes=(
            "The paper does not use these corpora. A study's plan decides each contrast, in "
            f"{' or '.join(endpoints)}. Studies: {', '.join(f'`{name}`' for name in studies)}.",
            "Each CI holds at all looks of its plan. The tables of a study have the looks, levels "
            "and formulas.",
        ),
    )


def _row(claim: OtherClaim) -> Row:
    row = claim.row
    cells = (words(str(row.verdict_with_cost), row.runs), *decided_cells(row))
    return Row(
        key=f"{row.experiment} {row.key}",
        label=f"{corpus_title(claim.corpus)}: {row.text}",
        cells={
            **dict(zip(ANSWER, cells, strict=True)),
            "Seeds": number(row.seeds, str(row.seeds)),
            "Settings": words(claim.settings),
        },
    )
