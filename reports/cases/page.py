"""The case study as one page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reports.cases.views import CaseView
from reports.document.templates import html_environment


def write_page(views: Sequence[CaseView], path: Path) -> Path:
    """Write cases as a page, light or dark as the reader's system is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_page(views), encoding="utf-8", newline="\n")
    return path


def render_page(views: Sequence[CaseView]) -> str:
    """Return the page; every word of a corpus is escaped."""
    return html_environment().get_template("case_study.html.jinja").render(views=views)
