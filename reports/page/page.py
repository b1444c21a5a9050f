"""``index.html``: the answers of a ledger, then its tables and figures.

Each study has a page of its errors. Each page is one file that needs no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup
from matplotlib.figure import Figure

from reports.document.formatting import duration, points
from reports.document.markup import inline
from reports.document.section import Chapter, Section
from reports.document.svg import inline_svg
from reports.document.table import Cell, Table
from reports.document.templates import html_environment
from reports.figures.answers import AnswerCurve, EffectsInfo, draw_answer_curve, draw_effects
from reports.figures.case import CaseInfo, draw_case
from reports.frames.runs import RunCard, commands_of, counts_text, title_of
from reports.frames.settings import shared_settings
from reports.paper.answers import Answers
from study.ledger.state import TrialState

#: Texts longer than the longest number with its spread and interval are wrapped.
_LONGEST_NUMBER = 32


@dataclass(frozen=True, slots=True)
class RunGroup:
    """The runs of one experiment in the list of all runs."""

    name: str
    cards: Sequence[RunCard]

    @property
    def corpora(self) -> list[tuple[str, str]]:
        """Return the name and the digest of each corpus; no digest if no run is finished."""
        digests: dict[str, str] = {}
        for card in self.cards:
            digests[card.corpus] = digests.get(card.corpus) or card.content
        return list(digests.items())

    @property
    def commands(self) -> list[str]:
        """Return the commands that repeat the finished runs and train the others to their end."""
        return commands_of(self.cards)


@dataclass(slots=True, kw_only=True)
class RunLists:
    """The distinct sets of runs behind cells; each set is one list on the page."""

    cards: Mapping[str, RunCard]
    """Every run, by fingerprint."""
    page: str = ""
    """The page that lists all runs; empty if it is this one."""
    ids: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Element id of each list, by the fingerprints of its runs."""

    def list_id(self, cell: Cell) -> str:
        """Return the element id of the list of a cell's runs; empty if the cell has none."""
        return self.runs_id(cell.fingerprints)

    def runs_id(self, names: Sequence[str]) -> str:
        """Return the element id of the list of some runs; empty if there are none."""
        known = tuple(dict.fromkeys(name for name in names if name in self.cards))
        return self.ids.setdefault(known, f"runs-{len(self.ids) + 1}") if known else ""

    def all_finished(self, cell: Cell) -> bool:
        """Return whether every run of a cell is finished."""
        cards = [self.cards[name] for name in cell.fingerprints if name in self.cards]
        return all(card.status is TrialState.FINISHED for card in cards)

    def summary(self) -> str:
        """Return how many runs the page has, and what became of them."""
        return counts_text(self.cards.values())

    def lists(self) -> list[tuple[str, str, list[RunCard], list[str]]]:
        """Return id, title, runs and their commands, for every list requested so far."""
        lists = [
            (list_id, [self.cards[name] for name in names]) for names, list_id in self.ids.items()
        ]
        return [(list_id, title_of(cards), cards, commands_of(cards)) for list_id, cards in lists]

    def by_experiment(self) -> list[RunGroup]:
        """Return all runs in groups: each run in the first of its experiments."""
        groups: dict[str, list[RunCard]] = {}
        for card in self.cards.values():
            groups.setdefault(card.experiments[0], []).append(card)
        return [RunGroup(name, cards) for name, cards in groups.items()]


#: What the captions of the first figures add to their findings.
_EFFECTS_CAPTION = (
    "Each line: a difference and its 95 % CI. Filled: decided. Grey zone: differences that count "
    "as equal."
)
_CURVE_CAPTION = (
    "Mean test F1 by the number of interaction rounds K. Each 95 % CI is from the runs of its "
    "point alone; the tables pool the variance of all arms."
)


def write_index(
    answers: Answers,
    chapters: Sequence[Chapter],
    cards: Mapping[str, RunCard],
    foot: Sequence[Table],
    path: Path,
    case: CaseInfo | None = None,
) -> Path:
    """Write the page. Every text of a corpus, a setting or an error is escaped.

    Args:
        answers: The first screen.
        chapters: The contents, in order.
        cards: Every run, by fingerprint; cells link to them.
        foot: Tables of settings and versions.
        path: The file to write.
        case: A sentence of the best run; the page has no place for it without one.
    """
    figures: list[tuple[str, EffectsInfo | AnswerCurve, str, str]] = []
    if answers.effects is not None:
        text = "; ".join(map(str, answers.effects.rows))
        figures.append(("effects", answers.effects, _EFFECTS_CAPTION, text))
    if answers.curve is not None:
        figures.append(("curve", answers.curve, _CURVE_CAPTION, answers.curve.finding))
    page = _render(
        "page.html.jinja",
        answers=answers,
        first_figures=figures,
        draw={"effects": draw_effects, "curve": draw_answer_curve, "case": draw_case},
        case=case,
        chapters=[chapter for chapter in chapters if chapter.sections],
        runs=RunLists(cards=cards),
        foot=foot,
    )
    return _write(page, path)


def write_errors(errors: Section, cards: Mapping[str, RunCard], out: Path) -> Path:
    """Write the page of a study's errors, beside its tables.

    Args:
        errors: The section.
        cards: Every run, by fingerprint.
        out: Folder of the reports, which has ``index.html``.
    """
    page = _render(
        "errors.html.jinja", shown=errors, runs=RunLists(cards=cards, page="../index.html")
    )
    return _write(page, out / errors.key / "errors.html")


def _render(template: str, **values: object) -> str:
    environment = html_environment()
    environment.filters |= {"inline": inline, "points": points, "duration": duration}
    environment.globals |= {
        "svg": svg_markup,
        "is_long": is_long,
        "shared_settings": shared_settings,
    }
    return environment.get_template(template).render(values)


def _write(page: str, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8", newline="\n")
    return path


def svg_markup(figure: Figure, name: str) -> Markup:
    """Return a figure as an SVG element; its ids begin with a name."""
    return Markup(inline_svg(figure, name))


def is_long(table: Table, column: str) -> bool:
    """Return whether a column has sentences, which are wrapped; verdicts have their own width."""
    cells = [row.cells[column] for row in table.rows]
    return any(len(cell.text) > _LONGEST_NUMBER and cell.judged is None for cell in cells)
