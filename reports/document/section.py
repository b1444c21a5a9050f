"""The parts of a report, independent of the format: sections with figures and tables."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from reports.document.style import render_figure, save_figure
from reports.document.table import Table, write_tables

#: Largest width of a small figure, in inches.
SMALL = 4.0
#: Largest width in a notebook, in inches: JupyterLab cuts an SVG that is wider than its cell.
_CELL = 8.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A figure with its caption, which is also its alternative text."""

    name: str
    """File name, without suffix."""
    caption: str
    figure: Figure

    @property
    def is_small(self) -> bool:
        """Return whether two such figures fit beside each other."""
        return bool(self.figure.get_size_inches()[0] <= SMALL)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Show the figure in a notebook: as SVG, or as PNG where SVG is not trusted."""
        return {
            "image/svg+xml": self._svg_of_a_cell(),
            "image/png": base64.b64encode(render_figure(self.figure, "png")).decode(),
            "text/plain": self.caption,
        }

    def _svg_of_a_cell(self) -> str:
        """Return the figure as SVG, drawn smaller if it is wider than a cell of a notebook."""
        svg = render_figure(self.figure, "svg").decode()
        width, height = (72 * float(inches) for inches in self.figure.get_size_inches())
        scale = min(1.0, 72 * _CELL / width)
        size = f'width="{scale * width:.2f}pt" height="{scale * height:.2f}pt"'
        return re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', size, svg, count=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link to another file of the report."""

    label: str
    target: str
    """Path relative to the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The figures and tables of one experiment, or of one subject."""

    key: str
    """Folder of the section's files; also its anchor on the page."""
    title: str
    name: str = ""
    """As commands name the experiment; shown small beside its title."""
    page: str = ""
    """File name of its Markdown page; empty for none."""
    intro: tuple[str, ...] = ()
    """Paragraphs before the first table."""
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Lists after the paragraphs, each with a heading."""
    drawings: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()
    links: tuple[Link, ...] = ()
    parts: tuple[Section, ...] = ()
    """Subsections, in the same folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """Sections that answer one question."""

    key: str
    """Part of its anchor on the page."""
    name: str
    """As the contents list it."""
    title: str
    finding: str = ""
    """The answer in one line, which is seen while the chapter is closed."""
    sections: tuple[Section, ...]


def write_section(section: Section, out: Path) -> tuple[Path, ...]:
    """Write the figures of a section as SVG and PNG, and its tables in all formats.

    Args:
        section: The section; its subsections are written, too.
        out: Folder of the reports.

    Returns:
        The files written.
    """
    folder = out / section.key
    folder.mkdir(parents=True, exist_ok=True)
    written = [
        save_figure(drawing.figure, folder / f"{drawing.name}{suffix}")
        for drawing in section.drawings
        for suffix in (".svg", ".png")
    ]
    shown = [f"![{drawing.caption}]({drawing.name}.svg)" for drawing in section.drawings]
    if section.page:
        intro = (*shown, *section.intro)
        written += write_tables(folder, section.page, section.title, section.tables, intro)
    for part in section.parts:
        written += write_section(part, out)
    return tuple(written)
