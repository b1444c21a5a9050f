"""A search's tables: the best trials, tuning against the paper, compute, and the audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reports.document.table import Cell, Row, Table
from reports.frames.searches import SearchData, audited, outcomes, ranked
from reports.tables.confirmation import comparison, confirmation
from reports.tables.search_rows import (
    TOP,
    audit_rows,
    audit_verdict,
    notes,
    outcome_rows,
    saving,
    top_rows,
)


def search_tables(data: SearchData) -> list[Table]:
    """Return a search's tables, those that have rows, each cell with its trials."""
    best = _each(ranked(data.trials)["fingerprint"].head(TOP))
    title = f"Best trials, by dev F1 on {data.corpus}, in points"
    tables = (
        _table("best_trials", title, top_rows(data), best, notes(data)),
        confirmation(data),
        comparison(data),
        _table(
            "compute", "What the search cost", outcome_rows(data), _by_outcome(data), [saving(data)]
        ),
        _table(
            "audit",
            "Stopped trials run to their end",
            audit_rows(data),
            _audited(data),
            [audit_verdict(data)],
        ),
    )
    return [table for table in tables if table.rows]


def _table(
    name: str,
    title: str,
    rows: Sequence[Mapping[str, str]],
    behind: Sequence[tuple[str, ...]],
    notes: Sequence[str] = (),
) -> Table:
    """Return texts as a table; the first text of a row is its label."""
    head, *columns = rows[0] if rows else ("",)
    return Table(
        name=name,
        title=title,
        head=head.capitalize(),
        columns=tuple(columns),
        rows=tuple(
            Row(
                key=row[head],
                label=row[head],
                cells=tuple(Cell(text=row[name], fingerprints=names) for name in columns),
            )
            for row, names in zip(rows, behind, strict=True)
        ),
        notes=tuple(notes),
    )


def _each(names: Iterable[str]) -> list[tuple[str, ...]]:
    return [(str(name),) for name in names]


def _by_outcome(data: SearchData) -> list[tuple[str, ...]]:
    """Return the trials of each outcome; of what was run on, those that were."""
    trials, confirmed = data.trials, data.confirmed
    on = trials[(trials["state"] == "stopped") & trials["end_epochs"].notna()]
    special = {"run on": tuple(on["fingerprint"])}
    if confirmed is not None:
        done = confirmed[confirmed["status"] == "done"]
        special["confirmed"] = tuple(done["fingerprint"])
    return [
        special.get(str(state), tuple(trials.loc[trials["state"] == state, "fingerprint"]))
        for state in outcomes(data).index
    ]


def _audited(data: SearchData) -> list[tuple[str, ...]]:
    names = data.trials.set_index(["arm", "trial"])["fingerprint"]
    return [(str(names[row["arm"], row["trial"]]),) for _, row in audited(data.trials).iterrows()]
