"""What a report is made of: headings with their tables and figures, whatever shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure

from reports.document.style import save_figure
from reports.document.table import Table, write_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A figure and what it shows, for who cannot see it."""

    name: str
    """File name, without suffix."""
    caption: str
    figure: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A file beside the page."""

    label: str
    target: str
    """Relative to the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One experiment, or one subject, and everything there is to see of it."""

    key: str
    """Folder under the reports; also the section's place on the page."""
    title: str
    page: str = ""
    """File name of its Markdown page; empty for none."""
    intro: tuple[str, ...] = ()
    """Paragraphs before the first table."""
    points: tuple[str, ...] = ()
    """A list after them."""
    drawings: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()
    links: tuple[Link, ...] = field(default=())
    parts: tuple[Section, ...] = ()
    """Sections within this one, in the same folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """Sections of one kind, under one heading of the page."""

    title: str
    sections: tuple[Section, ...]


def write_section(section: Section, out: Path) -> tuple[Path, ...]:
    """Write a section's figures as SVG and PNG and its tables in every form.

    Args:
        section: With or without parts, which go to its folder.
        out: Folder of the reports.

    Returns:
        The files written.
    """
    folder = out / section.key
    written = [path for drawing in section.drawings for path in _save(drawing, folder)]
    shown = [f"![{drawing.caption}]({drawing.name}.svg)" for drawing in section.drawings]
    if section.page:
        intro = (*shown, *section.intro)
        written += write_tables(folder, section.page, section.title, section.tables, intro)
    for part in section.parts:
        written += write_section(part, out)
    return tuple(written)


def _save(drawing: Drawing, folder: Path) -> Sequence[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / drawing.name
    return [save_figure(drawing.figure, stem.with_suffix(suffix)) for suffix in (".svg", ".png")]
