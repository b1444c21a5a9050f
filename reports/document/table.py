"""One table in three formats: Markdown to read, LaTeX to print, CSV to compute with.

Markdown and LaTeX show the text of each cell. The CSV has one line for each cell, with its numbers
at full precision and the fingerprints of the runs behind it.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from html import escape
from pathlib import Path

import pandas as pd

from reports.document.markup import inline
from reports.stats.intervals import NOTHING, Estimate
from reports.stats.verdicts import Judged


class Kind(StrEnum):
    """What a cell holds, which decides how it is shown."""

    NUMBER = "number"
    """A number, with or without its spread; aligned to the right."""
    TEXT = "text"
    """Words; aligned to the left."""
    EMPTY = "empty"
    """No value, for a reason that the cell's text names; shown in grey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The text of a cell, its numbers and where they come from."""

    text: str
    kind: Kind = Kind.NUMBER
    estimate: Estimate = NOTHING
    """Its numbers, in the column's unit."""
    judged: Judged | None = None
    """The comparison that it shows a part of."""
    source: str = ""
    """Where a published number was printed."""
    fingerprints: tuple[str, ...] = ()
    """The runs behind the cell."""


NO_CELL = Cell(text="–", kind=Kind.EMPTY)


def number(value: float, text: str, source: str = "", runs: tuple[str, ...] = ()) -> Cell:
    """Return a cell of one number that is not a mean: a count, a published score.

    Args:
        value: The number, in the column's unit.
        text: How it is shown.
        source: Where a published number was printed.
        runs: The fingerprints of the runs behind it.
    """
    alone = Estimate(1, value, math.nan, math.nan, math.nan)
    return Cell(text=text, estimate=alone, source=source, fingerprints=runs)


def words(text: str, runs: tuple[str, ...] = (), estimate: Estimate = NOTHING) -> Cell:
    """Return a cell of text, with the runs and the numbers that it is based on."""
    return Cell(text=text, kind=Kind.TEXT, estimate=estimate, fingerprints=runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table."""

    key: str
    """Names the row in CSV files; stays the same when labels change."""
    label: str
    cells: Mapping[str, Cell]
    """By heading of the column."""
    marks: str = ""
    """Signs after the label that the table's notes explain."""

    @property
    def marked_label(self) -> str:
        """Return the label with its marks."""
        return f"{self.label} {self.marks}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with its title and notes. All rows have the same columns in the same order.

    Examples:
        >>> row = Row(key="gru-1", label="GRU, K = 1", cells={"F1": Cell(text="85.7 ± 0.4")})
        >>> table = Table(name="main", title="WebNLG", head="Model", rows=(row,))
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
    """Heading of the row labels."""
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    in_reproduction: bool = False
    """Whether ``REPRODUCTION.md`` shows the table."""
    chapter: str = "main"
    """Of one of the paper's tables: the key of the chapter of the page that has it."""
    first: tuple[str, ...] = ()
    """Columns that answer the table's question, as far as it has them. They come first."""

    def __post_init__(self) -> None:
        for row in self.rows:
            if tuple(row.cells) != self.columns:
                raise ValueError(
                    f"table {self.name}, row {row.key}: columns {', '.join(row.cells)} differ from "
                    f"those of row {self.rows[0].key}: {', '.join(self.columns)}"
                )

    @property
    def columns(self) -> tuple[str, ...]:
        """Headings of the columns; none in a table without rows."""
        return tuple(self.rows[0].cells) if self.rows else ()

    def answer_first(self) -> Table:
        """Return the table with the columns :attr:`first` in front of the others."""
        first = [column for column in self.first if column in self.columns]
        order = dict.fromkeys([*first, *self.columns])
        rows = (replace(row, cells={name: row.cells[name] for name in order}) for row in self.rows)
        return replace(self, rows=tuple(rows))

    def is_text(self, column: str) -> bool:
        """Return whether a column holds words, which are aligned to the left."""
        return any(row.cells[column].kind == Kind.TEXT for row in self.rows)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Show the table in a notebook; a corpus's text is escaped."""
        with pd.option_context("display.max_colwidth", None):
            table = pd.DataFrame(self._texts(), columns=[self.head, *self.columns])
            body = table.to_html(index=False)
        notes = "".join(f"<li>{inline(note)}</li>" for note in self.notes)
        text = f"<h3>{escape(self.title)}</h3>{body}<ul>{notes}</ul>"
        return {"text/html": text, "text/plain": self.markdown()}

    def markdown(self) -> str:
        """Return title, table and notes as Markdown."""
        alignments = ["---" if self.is_text(column) else "---:" for column in self.columns]
        lines = [(self.head, *self.columns), ("---", *alignments), *self._texts()]
        table = "\n".join(
            "| " + " | ".join(text.replace("|", "\\|") for text in line) + " |" for line in lines
        )
        notes = "\n".join(f"- {note}" for note in self.notes)
        return "\n\n".join(part for part in (f"## {self.title}", table, notes) if part)

    def latex(self) -> str:
        """Return a ``table`` with caption, for LaTeX's package ``booktabs``."""
        alignments = ["l" if self.is_text(column) else "r" for column in self.columns]
        return "\n".join(
            [
                r"\begin{table}",
                r"\centering",
                rf"\caption{{{self.title.translate(_LATEX)}}}",
                rf"\begin{{tabular}}{{l{''.join(alignments)}}}",
                r"\toprule",
                _latex_line((self.head, *self.columns)),
                r"\midrule",
                *(_latex_line(texts) for texts in self._texts()),
                r"\bottomrule",
                r"\end{tabular}",
                r"\end{table}",
                "",
            ]
        )

    def csv(self) -> str:
        """Return one line for each cell; the field of a number that does not exist is empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_CSV_HEAD)
        for row in self.rows:
            for column, cell in row.cells.items():
                e = cell.estimate
                numbers = (e.mean, e.sd, e.n or math.nan, e.low, e.high, *_tested(cell.judged))
                digits = ["" if math.isnan(value) else repr(value) for value in numbers]
                runs = " ".join(cell.fingerprints)
                writer.writerow([self.name, row.key, column, cell.text, *digits, cell.source, runs])
        return text.getvalue()

    def _texts(self) -> list[tuple[str, ...]]:
        """Return the label and the texts of every row."""
        return [
            (row.marked_label, *(cell.text for cell in row.cells.values())) for row in self.rows
        ]


def _tested(judged: Judged | None) -> tuple[float, ...]:
    """Return the numbers of a comparison, from which its verdict follows."""
    if judged is None or math.isnan(judged.difference.p):
        return (math.nan,) * 7
    found = judged.difference
    tests = (found.p, judged.p_holm, judged.p_equal, judged.p_equal_holm)
    return (found.se, found.df, *tests, judged.verdict.margin)


_CSV_HEAD = (
    "table",
    "row",
    "column",
    "text",
    "value",
    "sd",
    "n",
    "low",
    "high",
    "se",
    "df",
    "p",
    "p_holm",
    "p_equal",
    "p_equal_holm",
    "margin",
    "source",
    "fingerprints",
)

_LATEX = str.maketrans(
    {
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": r"$\pm$",
        "−": "$-$",
        "–": "--",
        "≥": r"$\geq$",
        "≤": r"$\leq$",
        "≈": r"$\approx$",
        "≠": r"$\neq$",
        "<": "$<$",
        ">": "$>$",
        "→": r"$\rightarrow$",
        "·": r"$\cdot$",
        "Δ": r"$\Delta$",
        "ŷ": r"$\hat{y}$",
        "ȳ": r"$\bar{y}$",
        "γ": r"$\gamma$",
        "†": r"\dag{}",
        "‡": r"\ddag{}",
    }
)


def _latex_line(texts: Iterable[str]) -> str:
    return " & ".join(text.translate(_LATEX) for text in texts) + r" \\"


def write_tables(
    folder: Path, page: str, heading: str, tables: Sequence[Table], intro: Sequence[str] = ()
) -> tuple[Path, ...]:
    """Write a Markdown page of several tables, and each table as CSV and LaTeX.

    Args:
        folder: Where to write; it is created if it does not exist.
        page: File name of the page.
        heading: Title of the page.
        tables: The tables, in order.
        intro: Paragraphs before the first table.

    Returns:
        The files written, the page last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = [f"# {heading}", *intro, *(table.markdown() for table in tables)]
    files = {}
    for table in tables:
        files[folder / f"{table.name}.csv"] = table.csv()
        files[folder / f"{table.name}.tex"] = table.latex()
    files[folder / page] = "\n\n".join(parts) + "\n"
    for path, text in files.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    return tuple(files)
