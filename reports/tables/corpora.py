"""Table 2, computed from the data: splits, triples, entities, lengths and overlap classes."""

from __future__ import annotations

from collections.abc import Iterable

from reports.document.table import NO_CELL, Cell, Row, Table, number
from reports.frames.predictions import CorpusRecord
from reports.published.numbers import published
from rin_core.data.statistics import GROUPS, OVERLAP_CLASSES, SplitStatistics

#: The paper's corpora, in its order.
PAPER_CORPORA = ("nyt", "webnlg_star")
_SPLITS = ("train", "dev", "test")

_NOTES = (
    "Sentences and classes in brackets are as published: the paper's Table 2, and Zeng et al. "
    "(2018), Table 1, for the classes of test. ≠ marks a difference.",
    "Missing: triples of which an argument does not occur in its sentence; they count as gold "
    "in dev and test. Multi-word: share of the distinct entity spans with more than one word. "
    "Lengths are in words; 95 % of the sentences are no longer than the number given.",
    "Normal, EPO and SEO as in Zeng et al. (2018); a sentence can be both EPO and SEO. Triples "
    "are sets here: a repeated triple counts once, where the published EPO counts took it for "
    "a second relation of its pair.",
    "1 to ≥5: sentences by number of triples.",
)
_COLUMNS = (
    *("Sentences", "Relations", "Triples", "Missing", "Entities", "Multi-word"),
    *("Mean length", "95 %", "Longest", *GROUPS),
)


def corpus_table(records: Iterable[CorpusRecord]) -> Table:
    """Return a row for each split of each corpus, the paper's corpora first and always.

    Args:
        records: What the ledger describes. A corpus recorded twice with different contents has
            its rows twice; one of the paper's that is not recorded shows published numbers.
    """
    # The same corpus read with and without tags is two contents and one row.
    distinct = {(r.name, repr(r.statistics)): r for r in records}.values()
    given = [(record.name, record.statistics) for record in distinct]
    known = {name for name, _ in given}
    given += [(name, {}) for name in PAPER_CORPORA if name not in known]
    ordered = sorted(given, key=lambda pair: _place(pair[0]))
    return Table(
        name="table2",
        title="Table 2: the corpora",
        head="Corpus",
        columns=_COLUMNS,
        rows=tuple(
            _row(name, split, statistics.get(split))
            for name, statistics in ordered
            for split in _SPLITS
        ),
        notes=_NOTES,
    )


def _place(name: str) -> tuple[int, str]:
    known = name in PAPER_CORPORA
    return (PAPER_CORPORA.index(name) if known else len(PAPER_CORPORA), name)


def _row(corpus: str, split: str, found: SplitStatistics | None) -> Row:
    cells: tuple[Cell, ...]
    if found is None:
        classes = [_beside(None, corpus, f"{split}_{group}") for group in OVERLAP_CLASSES]
        rest = len(_COLUMNS) - 1 - len(GROUPS)
        others = [NO_CELL] * (len(GROUPS) - len(OVERLAP_CLASSES))
        first = _beside(None, corpus, f"{split}_sentences")
        cells = (first, *[NO_CELL] * rest, *classes, *others)
    else:
        cells = _cells(corpus, split, found)
    return Row(key=f"{corpus}/{split}", label=f"{corpus}, {split}", cells=cells)


def _cells(corpus: str, split: str, found: SplitStatistics) -> tuple[Cell, ...]:
    missing = found.missing / max(found.triples, 1)
    multiword = found.multiword / max(found.entities, 1)
    return (
        _beside(found.sentences, corpus, f"{split}_sentences"),
        *(_count(value) for value in (found.relations, found.triples)),
        _share(missing, decimals=2),
        _count(found.entities),
        _share(multiword, decimals=1),
        number(found.mean_length, f"{found.mean_length:.1f}"),
        *(_count(value) for value in (found.length_95, found.longest)),
        *(_beside(n, corpus, f"{split}_{group}") for group, n in found.groups.items()),
    )


def _count(value: int) -> Cell:
    return number(value, f"{value:,}")


def _share(value: float, decimals: int) -> Cell:
    return number(100 * value, f"{100 * value:.{decimals}f} %")


def _beside(found: int | None, corpus: str, metric: str) -> Cell:
    """Return a count with the published one in brackets, bold where they differ."""
    printed = published(corpus, "corpus", metric)
    if printed is None:
        return NO_CELL if found is None else _count(found)
    shown = f"[{printed.value:,.0f}]"
    if found is None:
        return Cell(text=f"not here {shown}", source=printed.source)
    text = f"{found:,} {shown}" if found == printed.value else f"{found:,} ≠ {shown}"
    return number(found, text, printed.source)
