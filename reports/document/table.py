"""One table, three renderings: Markdown to read, LaTeX to print, CSV to compute with.

The readable forms show a cell's text; the CSV has a line for each cell with its numbers at
full precision and the fingerprints of the runs that lead to it.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reports.stats.intervals import NOTHING, Estimate

_CSV_HEAD = (
    *("table", "row", "column", "text", "value", "sd", "n", "low", "high"),
    *("p", "p_holm", "source", "fingerprints"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: what a reader sees, and where it comes from."""

    text: str
    estimate: Estimate = NOTHING
    """Its numbers, in the column's unit."""
    p: float = math.nan
    """Of a test of no difference, before and after Holm's correction for its column."""
    p_holm: float = math.nan
    source: str = ""
    """Where a published number was printed."""
    fingerprints: tuple[str, ...] = ()
    """The runs it is made of."""


NO_CELL = Cell(text="–")


def number(value: float, text: str, source: str = "") -> Cell:
    """Return a cell of one number that is not an average: a count, a published score."""
    alone = Estimate(1, value, math.nan, math.nan, math.nan)
    return Cell(text=text, estimate=alone, source=source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its label, a key that stays when labels change, and a cell for each column."""

    key: str
    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A titled table with the notes that qualify it.

    Examples:
        >>> row = Row(key="gru-1", label="GRU, K = 1", cells=(Cell(text="85.7 ± 0.4"),))
        >>> table = Table(name="main", title="WebNLG", head="Model", columns=("F1",), rows=(row,))
        >>> print(table.markdown())
        ## WebNLG
        <BLANKLINE>
        | Model | F1 |
        | --- | ---: |
        | GRU, K = 1 | 85.7 ± 0.4 |
    """

    name: str
    """File name, without suffix."""
    title: str
    head: str
    """Heading of the rows' labels."""
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(
                    f"{self.name}, row {row.key}: has {len(row.cells)} cells, "
                    f"wanted {len(self.columns)}, one a column"
                )

    def markdown(self) -> str:
        """Return heading, table and notes."""
        rule = ("---", *["---:"] * len(self.columns))
        body = ((row.label, *(cell.text for cell in row.cells)) for row in self.rows)
        lines = "\n".join(_line(cells) for cells in ((self.head, *self.columns), rule, *body))
        notes = "\n".join(f"- {note}" for note in self.notes)
        return "\n\n".join(part for part in (f"## {self.title}", lines, notes) if part)

    def latex(self) -> str:
        """Return a ``tabular`` with the rules of LaTeX's package ``booktabs``."""
        body = [_latex_line((row.label, *(c.text for c in row.cells))) for row in self.rows]
        return "\n".join(
            [
                f"% {self.title}",
                rf"\begin{{tabular}}{{l{'r' * len(self.columns)}}}",
                r"\toprule",
                _latex_line((self.head, *self.columns)),
                r"\midrule",
                *body,
                r"\bottomrule",
                r"\end{tabular}",
                "",
            ]
        )

    def csv(self) -> str:
        """Return one line for each cell; an empty field is a number that does not exist."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_CSV_HEAD)
        for row in self.rows:
            for column, cell in zip(self.columns, row.cells, strict=True):
                writer.writerow([self.name, row.key, column, *_csv_fields(cell)])
        return text.getvalue()


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _csv_fields(cell: Cell) -> list[str]:
    e = cell.estimate
    numbers = (e.mean, e.sd, e.n or math.nan, e.low, e.high, cell.p, cell.p_holm)
    return [cell.text, *map(_digits, numbers), cell.source, " ".join(cell.fingerprints)]


def _digits(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


_LATEX = str.maketrans(
    {
        **{special: f"\\{special}" for special in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{"±": r"$\pm$", "−": "$-$", "–": "--", "≥": r"$\geq$", "≠": r"$\neq$", "Δ": r"$\Delta$"},
        **{"≤": r"$\leq$", "→": r"$\rightarrow$", "<": "$<$", ">": "$>$", "·": r"$\cdot$"},
        **{"ŷ": r"$\hat{y}$", "ȳ": r"$\bar{y}$", "γ": r"$\gamma$"},
    }
)


def _latex_line(cells: Iterable[str]) -> str:
    return " & ".join(cell.translate(_LATEX) for cell in cells) + r" \\"


def write_tables(
    folder: Path, page: str, heading: str, tables: Sequence[Table], intro: Sequence[str] = ()
) -> tuple[Path, ...]:
    """Write one readable page of several tables, and each as CSV and LaTeX.

    Args:
        folder: Where to; it is made.
        page: File name of the page.
        heading: The page's title.
        tables: What goes on it, in order.
        intro: Paragraphs before the first table.

    Returns:
        The files written, the page last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in tables:
        for suffix, text in ((".csv", table.csv()), (".tex", table.latex())):
            written.append(_write(folder / f"{table.name}{suffix}", text))
    parts = [f"# {heading}", *intro, *(table.markdown() for table in tables)]
    return (*written, _write(folder / page, "\n\n".join(parts) + "\n"))


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="\n")
    return path
