"""Marks in tables at runs whose scores may say little about their model."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from reports.document.table import Row, Table
from study.ledger.state import Caveat


def mark_caveats(table: Table, runs: pd.DataFrame) -> Table:
    """Mark the rows that show a run with a caveat, and add a note for each mark.

    A difference is marked for the runs of all models that it compares. A difference without a
    value is not marked: it has the runs of one model only.

    Args:
        table: The table.
        runs: Columns ``fingerprint`` and ``caveat``; the caveat is empty without one.
    """
    known = runs.drop_duplicates("fingerprint").set_index("fingerprint")
    rows: list[Row] = []
    shown: dict[Caveat, set[str]] = {caveat: set() for caveat in Caveat}
    for row in table.rows:
        names = {name for cell in row.cells.values() for name in cell.fingerprints}
        compared = [c.judged.difference.n for c in row.cells.values() if c.judged is not None]
        own = known[known.index.isin(names if any(compared) or not compared else ())]
        found = [caveat for caveat in Caveat if (own["caveat"] == caveat).any()]
        for caveat in found:
            shown[caveat] |= set(own.index[own["caveat"] == caveat])
        rows.append(replace(row, marks="".join(caveat.mark for caveat in found)))
    notes = [
        f"{caveat.mark} {str(caveat).capitalize()}, {len(names)} of these runs: "
        f"{caveat.explanation}"
        for caveat, names in shown.items()
        if names
    ]
    return replace(table, rows=tuple(rows), notes=(*table.notes, *notes))
