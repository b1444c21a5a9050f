"""``index.html``: every table and figure of a ledger on one page that needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from reports.document.formatting import duration, points
from reports.document.section import Chapter, Drawing
from reports.document.svg import inline_svg
from reports.document.table import Cell, Table
from reports.document.templates import html_environment
from reports.frames.runs import RunCard, title_of

#: What notes mark, as in the Markdown pages: code, bold, italic.
_MARKS = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\*([^*]+)\*"), r"<em>\1</em>"),
)
#: Characters of the longest number with its spread and interval.
_WORDY = 32


@dataclass(slots=True, kw_only=True)
class RunLists:
    """The distinct sets of runs that cells lead to, each with a place on the page."""

    cards: Mapping[str, RunCard]
    places: dict[tuple[str, ...], str] = field(default_factory=dict)

    def place(self, cell: Cell) -> str:
        """Return the id of the list of a cell's runs; empty where it has none."""
        known = tuple(dict.fromkeys(name for name in cell.fingerprints if name in self.cards))
        return self.places.setdefault(known, f"runs-{len(self.places) + 1}") if known else ""

    def all_finished(self, cell: Cell) -> bool:
        """Tell whether every run of a cell has come to its end."""
        return all(
            self.cards[name].status == "done" for name in cell.fingerprints if name in self.cards
        )

    def summary(self) -> str:
        """Say how many runs of how many experiments the page tells of."""
        experiments = {name for card in self.cards.values() for name in card.experiments}
        done = sum(card.status == "done" for card in self.cards.values())
        runs = f"{len(self.cards)} runs of {len(experiments)} studies and searches"
        return f"{runs}, {done} of them finished."

    def lists(self) -> list[tuple[str, str, list[RunCard]]]:
        """Return place, title and runs of every list asked for so far."""
        found = [(place, [self.cards[n] for n in names]) for names, place in self.places.items()]
        return [(place, title_of(cards), cards) for place, cards in found]


def write_index(
    chapters: Sequence[Chapter],
    cards: Mapping[str, RunCard],
    foot: Sequence[Table],
    path: Path,
) -> Path:
    """Write the page.

    Args:
        chapters: What it shows, in order.
        cards: Every run, by fingerprint; cells lead to them.
        foot: Tables of what the numbers were made with.
        path: Where to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_index(chapters, cards, foot), encoding="utf-8", newline="\n")
    return path


def render_index(
    chapters: Sequence[Chapter], cards: Mapping[str, RunCard], foot: Sequence[Table]
) -> str:
    """Return the page; every text of a corpus, a setting or an error is escaped."""
    return (
        page_environment()
        .get_template("page.html.jinja")
        .render(
            chapters=[chapter for chapter in chapters if chapter.sections],
            runs=RunLists(cards=cards),
            groups=_by_experiment(cards.values()),
            foot=foot,
        )
    )


def page_environment() -> jinja2.Environment:
    """Return the templates of pages, with autoescape and what they call."""
    environment = html_environment()
    environment.filters |= {"inline": inline, "points": points, "clock": duration, "short": _short}
    environment.globals |= {"svg": _svg, "wordy": wordy}
    return environment


def wordy(table: Table, column: int) -> bool:
    """Tell whether a column holds sentences, which are wrapped and set to the left."""
    texts = (tuple(row.cells.values())[column].text for row in table.rows)
    return any(len(text) > _WORDY for text in texts)


def _short(title: str) -> str:
    return title.removesuffix(", in points").replace(" the test split of ", " ")


def inline(text: str) -> Markup:
    """Return a note's text with its code, bold and italic marked up."""
    marked = str(escape(text))
    for pattern, element in _MARKS:
        marked = pattern.sub(element, marked)
    return Markup(marked)


def _svg(drawing: Drawing, place: str) -> Markup:
    return Markup(inline_svg(drawing.figure, f"{place}-{drawing.name}"))


def _by_experiment(cards: Iterable[RunCard]) -> list[tuple[str, list[RunCard]]]:
    """Return all runs under the first experiment that each belongs to."""
    groups: dict[str, list[RunCard]] = {}
    for card in cards:
        groups.setdefault(card.experiments[0], []).append(card)
    return list(groups.items())
