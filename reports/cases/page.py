"""The case study as one HTML page without scripts, fonts or network access."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reports.cases.views import CaseView
from reports.document.templates import html_environment


def write_page(views: Sequence[CaseView], path: Path) -> Path:
    """Write cases as a page; it follows the reader's light or dark theme."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_page(views), encoding="utf-8", newline="\n")
    return path


def render_page(views: Sequence[CaseView]) -> str:
    """Return the page; every word of a corpus is escaped."""
    return html_environment().get_template("case_study.html.jinja").render(views=views)
