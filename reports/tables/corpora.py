"""Table 2, computed from the data: splits, triples, entities, lengths and overlap classes."""

from __future__ import annotations

from collections.abc import Iterable

from reports.document.table import NO_CELL, Cell, Row, Table, number, words
from reports.frames.predictions import CorpusRecord
from reports.published.numbers import CORPORA, published
from rin_core.data.corpus import is_paper_corpus
from rin_core.data.statistics import GROUPS, OVERLAP_CLASSES, SplitStatistics

_PUBLISHED_NOTES = (
    "In brackets: published numbers of sentences (the paper's Table 2) and of overlap classes in "
    "test (Zeng et al. 2018, Table 1). ≠ marks a difference. The published EPO counts treat a "
    "repeated triple as a second relation of its pair; here it counts once.",
)
_NOTES = (
    "Missing: triples with an argument that does not occur in the sentence. They count as gold in "
    "dev and test. Multi-word: share of the distinct entity spans that have more than one word. "
    "Lengths are in words. 95 %: length that 95 % of the sentences do not exceed.",
    "Normal, EPO and SEO as in Zeng et al. (2018). A sentence can be both EPO and SEO.",
    "1 to ≥5: sentences by number of triples.",
)


def corpus_table(records: Iterable[CorpusRecord]) -> Table:
    """Return a row for each split of each corpus, the paper's corpora first.

    Args:
        records: The corpora in the ledger. A corpus with two different contents has its rows
            twice. Beside one of the paper's corpora or a part of one, those of the paper that are
            not recorded show published numbers only.
    """
    # A corpus that was read with and without tags has two contents and the same statistics.
    distinct = {(r.name, repr(r.statistics)): r for r in records}.values()
    recorded = [(record.name, record.statistics) for record in distinct]
    names = {name for name, _ in recorded}
    of_paper = CORPORA if any(map(is_paper_corpus, names)) else ()
    rows = []
    for name in (*of_paper, *sorted(names.difference(of_paper))):
        for statistics in [found for own, found in recorded if own == name] or [{}]:
            for split in ("train", "dev", "test"):
                found = statistics.get(split)
                cells = _cells(name, split, found) if found else _published_cells(name, split)
                rows.append(Row(key=f"{name}/{split}", label=f"{name}, {split}", cells=cells))
    return Table(
        name="table2",
        title="Table 2: the corpora" if of_paper else "The corpora",
        head="Corpus",
        rows=tuple(rows),
        notes=(*(_PUBLISHED_NOTES if of_paper else ()), *_NOTES),
    )


def findings_table(records: Iterable[CorpusRecord]) -> Table | None:
    """Return what looks wrong in each corpus and how it was read; None if nothing is recorded."""
    found = {(r.name, finding.text): finding for r in records for finding in r.findings}
    rows = [
        Row(
            key=f"{name}/{finding.split or 'all'}/{finding.code}",
            label=name,
            cells={
                "Level": words(finding.level),
                "Code": words(finding.code),
                "Count": _count(finding.count) if finding.count else NO_CELL,
                "Finding": words(finding.text),
            },
        )
        for (name, _), finding in found.items()
    ]
    if not rows:
        return None
    return Table(
        name="findings",
        title="Findings in the corpora",
        head="Corpus",
        rows=tuple(rows),
        notes=(
            "A warning requires a decision. A note says how the files were read. The count is the "
            "number of sentences, triples or entities that the finding names.",
        ),
    )


def _cells(corpus: str, split: str, found: SplitStatistics) -> dict[str, Cell]:
    missing = 100 * found.missing / max(found.triples, 1)
    multiword = 100 * found.multiword / max(found.entities, 1)
    return {
        "Sentences": _compared(found.sentences, corpus, f"{split}_sentences"),
        "Relations": _count(found.relations),
        "Triples": _count(found.triples),
        "Missing": number(missing, f"{missing:.2f} %"),
        "Entities": _count(found.entities),
        "Multi-word": number(multiword, f"{multiword:.1f} %"),
        "Mean length": number(found.mean_length, f"{found.mean_length:.1f}"),
        "95 %": _count(found.length_95),
        "Longest": _count(found.longest),
        **{name: _compared(n, corpus, f"{split}_{name}") for name, n in found.groups.items()},
    }


def _published_cells(corpus: str, split: str) -> dict[str, Cell]:
    """Return the cells of a split that no study has read."""
    return {
        "Sentences": _published(corpus, f"{split}_sentences"),
        "Relations": NO_CELL,
        "Triples": NO_CELL,
        "Missing": NO_CELL,
        "Entities": NO_CELL,
        "Multi-word": NO_CELL,
        "Mean length": NO_CELL,
        "95 %": NO_CELL,
        "Longest": NO_CELL,
        **{
            group: _published(corpus, f"{split}_{group}") if group in OVERLAP_CLASSES else NO_CELL
            for group in GROUPS
        },
    }


def _count(value: int) -> Cell:
    return number(value, f"{value:,}")


def _published(corpus: str, metric: str) -> Cell:
    printed = published(corpus, "corpus", metric)
    if printed is None:
        return NO_CELL
    return Cell(text=f"not read [{printed.value:,.0f}]", source=printed.source)


def _compared(found: int, corpus: str, metric: str) -> Cell:
    """Return a count, with the published one in brackets."""
    printed = published(corpus, "corpus", metric)
    if printed is None:
        return _count(found)
    sign = "" if found == printed.value else "≠ "
    return number(found, f"{found:,} {sign}[{printed.value:,.0f}]", printed.source)
