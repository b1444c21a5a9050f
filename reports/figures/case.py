"""One test sentence, with the triples that the best run finds and those of another run.

As in :mod:`reports.figures.rounds_curve`, data becomes an immutable description, which is drawn.
It requires only the predictions of the runs, which imported runs have, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Curve
from matplotlib.textpath import TextPath

from reports.document.fonts import FONT, missing_characters
from reports.document.style import (
    BLUE,
    FAINT,
    GREY,
    INK,
    PAPER,
    STYLE,
    VERMILION,
    new_figure,
)
from reports.frames.predictions import Answer, SentenceCounts
from reports.frames.studies import StudyData
from reports.published.numbers import corpus_title
from rin_core.plural import plural
from study.ledger.state import TrialState

#: Fewest gold triples of a sentence that is worth a look, and most words.
FEWEST_TRIPLES, MOST_WORDS = 2, 24
#: Widest sentence, in points; the page is so wide.
_WIDEST = 860.0
_SIZE, _GAP, _LEVEL, _LINE = 10.0, 9.0, 19.0, 15.0
_LONGEST_LABEL = 24


class Found(StrEnum):
    """Whether a run predicts a triple, and whether the triple is gold."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSED = "missed"


_STYLES = {
    Found.RIGHT: (BLUE, "-", 1.5),
    Found.WRONG: (VERMILION, (0, (4, 2)), 1.5),
    Found.MISSED: (GREY, (0, (1, 1.8)), 1.2),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arc:
    """One triple: positions of its words, its relation, and whether the run predicts it."""

    subject: int
    object: int
    relation: str
    found: Found


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRun:
    """The triples of one run."""

    label: str
    fingerprint: str
    arcs: tuple[Arc, ...]

    def __str__(self) -> str:
        """Return how many triples are right, and how many more are wrong."""
        right = sum(arc.found is Found.RIGHT for arc in self.arcs)
        gold = sum(arc.found is not Found.WRONG for arc in self.arcs)
        wrong = len(self.arcs) - gold
        return f"{self.label}: {right} of {gold} right" + (f", {wrong} wrong" if wrong else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseInfo:
    """One sentence of a test split."""

    corpus: str
    """Its name in titles."""
    number: int
    """Of the sentence, from 0."""
    words: tuple[str, ...]
    runs: tuple[CaseRun, ...]
    """The best run, then the other one, if there is one."""
    finding: str
    chosen: str
    """How the sentence was chosen."""

    def in_words(self) -> str:
        """Return the figure for readers who do not see it."""
        texts = [" ".join(self.words)]
        for run in self.runs:
            triples = "; ".join(
                f"({self.words[a.subject]}, {a.relation}, {self.words[a.object]}) {a.found}"
                for a in run.arcs
            )
            texts.append(f"{run.label}: {triples or 'no triple'}")
        return ". ".join(texts)


def case_info(studies: Sequence[StudyData]) -> CaseInfo | None:
    """Choose a sentence for the best run; ``None`` if no run has predictions that fit.

    The best run has the highest dev F1 of the runs with interaction, on the corpus with the most
    runs. The other run is that of the same study and seed without interaction.
    """
    current = [study for study in studies if not study.outdated]
    frames = [frame.assign(study=n) for n, s in enumerate(current) if len(frame := _scored(s))]
    if not frames:
        return None
    runs = pd.concat(frames)
    corpus = str(runs.groupby("corpus").size().idxmax())
    runs = runs[runs["corpus"] == corpus]
    with_rounds = runs[runs["rounds"] > 0]
    ordered = (with_rounds if len(with_rounds) else runs).sort_values(
        ["dev_f1", "study", "seed"], ascending=[False, True, True]
    )
    best = ordered.iloc[0]
    same = (runs["study"] == best["study"]) & (runs["seed"] == best["seed"])
    without = same & (runs["rounds"] == 0) & (runs["fingerprint"] != best["fingerprint"])
    others = runs[without].sort_values("dev_f1", ascending=False)
    pair = [best, *(other for _, other in others.head(1).iterrows())]
    return _choose(corpus, current[int(best["study"])].counts, pair)


def _scored(study: StudyData) -> pd.DataFrame:
    """Return the finished runs that learned something on dev and have predictions."""
    frame = study.frame
    known = frame["fingerprint"].isin(list(study.counts.answers))
    return frame[
        known
        & (frame["status"] == TrialState.FINISHED)
        & (frame["selection"] == "dev")
        & (frame["dev_f1"] > 0)
    ]


def _choose(corpus: str, counts: SentenceCounts, pair: Sequence[pd.Series]) -> CaseInfo | None:
    answers = [counts.answers[str(run["fingerprint"])] for run in pair]
    usable = [
        n
        for n, sentence in enumerate(counts.sentences)
        if answers[0][n].gold and not sentence.missing
    ]
    right = [{n for n in usable if own[n].predicted == own[n].gold} for own in answers]
    alone = right[0] - right[1] if len(right) > 1 else right[0]
    shown = next((n for n in usable if n in alone and _fits(counts, answers[0], n)), None)
    if shown is None:
        return None
    labels = [f"{run['label']}, seed {run['seed']}" for run in pair]
    total = plural(len(usable), "test sentence")
    if len(pair) > 1:
        finding = (
            f"All triples are right only with interaction in {len(alone)} of {total}, and only "
            f"without it in {len(right[1] - right[0])}."
        )
        which = "in which only the run above gets all of them right"
    else:
        finding = f"All triples are right in {len(right[0])} of {total}."
        which = "in which the run gets all of them right"
    return CaseInfo(
        corpus=corpus_title(corpus),
        number=shown,
        words=counts.sentences[shown].words,
        runs=tuple(
            CaseRun(label=label, fingerprint=str(run["fingerprint"]), arcs=_arcs(own[shown]))
            for label, run, own in zip(labels, pair, answers, strict=True)
        ),
        finding=finding,
        chosen=f"The first short sentence with at least {FEWEST_TRIPLES} triples {which}",
    )


def _fits(counts: SentenceCounts, answers: Sequence[Answer], number: int) -> bool:
    words = counts.sentences[number].words
    few = len(answers[number].gold) >= FEWEST_TRIPLES and len(words) <= MOST_WORDS
    return few and sum(_width(word) + _GAP for word in words) <= _WIDEST


def _arcs(answer: Answer) -> tuple[Arc, ...]:
    kinds = (
        (Found.RIGHT, answer.gold & answer.predicted),
        (Found.WRONG, answer.predicted - answer.gold),
        (Found.MISSED, answer.gold - answer.predicted),
    )
    arcs = [
        Arc(subject=subject, object=object_, relation=relation, found=found)
        for found, facts in kinds
        for subject, relation, object_ in facts
    ]
    return tuple(sorted(arcs, key=lambda arc: (arc.subject, arc.object, arc.relation)))


@cache
def _width(text: str, size: float = _SIZE) -> float:
    """Return the width of a text in points; characters of other fonts are taken for square."""
    missing = missing_characters(text)
    known = "".join(character for character in text if character not in missing)
    path = TextPath((0, 0), known, size=size, prop=FontProperties(family=FONT)) if known else None
    width = float(path.get_extents().width) if path is not None and len(path.vertices) else 0.0
    # Written text is hinted and has space around it: a little wider than its shapes.
    return 1.03 * width + 1 + size * sum(character in missing for character in text)


def draw_case(info: CaseInfo, *, narrow: bool = False) -> Figure:
    """Draw the sentence with an arc for each triple, the best run's above or to the right.

    Args:
        info: The case.
        narrow: Put a word in each line, for a narrow screen.
    """
    with mpl.rc_context(STYLE):
        return _draw_lines(info) if narrow else _draw_sentence(info)


def _draw_sentence(info: CaseInfo) -> Figure:
    places, right = list[float](), 0.0
    for word in info.words:
        places.append(right + _width(word) / 2)
        right += _width(word) + _GAP
    levels = [_levels(run.arcs, places) for run in info.runs]
    heights = [22 + _LEVEL * (max(own, default=0) + 1) for own in levels]
    low = -heights[1] - 16 if len(heights) > 1 else -12
    right = max(right, *(_width(str(run)) for run in info.runs))
    figure, axes = _canvas((-4, right + 4), (low, heights[0] + 16))
    _write_words(axes, info, [(place, 0.0) for place in places])
    for sign, run, own, height in zip((1, -1), info.runs, levels, heights, strict=False):
        for arc, level in zip(run.arcs, own, strict=True):
            start, end, apex = places[arc.subject], places[arc.object], 18 + _LEVEL * level
            corners = [(start, 9), (start, 9 + apex * 1.33), (end, 9 + apex * 1.33), (end, 9)]
            _draw_arc(axes, [(x, sign * y) for x, y in corners], arc)
            axes.plot(end, sign * 9, marker="v" if sign > 0 else "^", markersize=4, color=_ink(arc))
            middle = ((start + end) / 2, sign * (9 + apex))
            _write_label(axes, arc, middle, align="center")
        axes.text(0, sign * (height + 8), str(run), va="center", fontsize=9, color=INK)
    return figure


def _draw_lines(info: CaseInfo) -> Figure:
    places = [-_LINE * n for n in range(len(info.words))]
    half = max(_width(word) for word in info.words) / 2 + 6
    sides = list(zip((1, -1), info.runs, strict=False))
    levels = [_levels(run.arcs, places, labels=False) for _, run in sides]
    depth = 14 + 7 * max((level for own in levels for level in own), default=0)
    widths = [max((_width(_label(arc), 8) for arc in run.arcs), default=0.0) for run in info.runs]
    reach = [half + depth + 8 + width for width in widths]
    left = -reach[1] if len(reach) > 1 else -half
    named = [f"{side}: {run}" for side, run in zip(("right", "left"), info.runs, strict=False)]
    right = max(reach[0], *(left + _width(text, 8) for text in named))
    figure, axes = _canvas((left - 4, right + 4), (places[-1] - 14 - 12 * len(named), 12))
    _write_words(axes, info, [(0.0, place) for place in places])
    for (sign, run), own in zip(sides, levels, strict=True):
        below = float("inf")
        for arc, level in sorted(
            zip(run.arcs, own, strict=True),
            key=lambda pair: -(places[pair[0].subject] + places[pair[0].object]),
        ):
            start, end, apex = places[arc.subject], places[arc.object], 14 + 7 * level
            corners = [
                (half, start),
                (half + apex * 1.33, start),
                (half + apex * 1.33, end),
                (half, end),
            ]
            _draw_arc(axes, [(sign * x, y) for x, y in corners], arc)
            axes.plot(
                sign * half, end, marker="<" if sign > 0 else ">", markersize=4, color=_ink(arc)
            )
            below = min((start + end) / 2, below - 11)
            place = (sign * (half + depth + 6), below)
            _write_label(axes, arc, place, align="left" if sign > 0 else "right")
    for line, text in enumerate(named):
        axes.text(left, places[-1] - 20 - 12 * line, text, va="center", fontsize=8, color=INK)
    return figure


def _canvas(x: tuple[float, float], y: tuple[float, float]) -> tuple[Figure, Axes]:
    """Return a new figure, and its axes on which a unit is a point."""
    figure = new_figure((x[1] - x[0]) / 72, (y[1] - y[0]) / 72, constrained=False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=x, ylim=y)
    axes.set_axis_off()
    return figure, axes


def _levels(arcs: Sequence[Arc], places: Sequence[float], *, labels: bool = True) -> list[int]:
    """Return the height of each arc, so that no two overlap at one height; short ones are low."""
    taken: list[list[tuple[float, float]]] = []
    found = dict[int, int]()
    order = sorted(range(len(arcs)), key=lambda n: abs(arcs[n].subject - arcs[n].object))
    for n in order:
        ends = sorted((places[arcs[n].subject], places[arcs[n].object]))
        if labels:
            half = _width(_label(arcs[n]), 8) / 2 + 3
            middle = sum(ends) / 2
            ends = [min(ends[0], middle - half), max(ends[1], middle + half)]
        level = 0
        while level < len(taken) and any(a < ends[1] and ends[0] < b for a, b in taken[level]):
            level += 1
        if level == len(taken):
            taken.append([])
        taken[level].append((ends[0], ends[1]))
        found[n] = level
    return [found[n] for n in range(len(arcs))]


def _write_words(axes: Axes, info: CaseInfo, places: Sequence[tuple[float, float]]) -> None:
    arguments = {n for run in info.runs for arc in run.arcs for n in (arc.subject, arc.object)}
    for n, (word, (x, y)) in enumerate(zip(info.words, places, strict=True)):
        colour = INK if n in arguments else FAINT
        axes.text(x, y, word, ha="center", va="center", fontsize=_SIZE, color=colour)


def _write_label(axes: Axes, arc: Arc, place: tuple[float, float], *, align: str) -> None:
    x, y = place
    axes.text(
        x,
        y,
        _label(arc),
        ha=align,
        va="center",
        fontsize=8,
        color=_ink(arc),
        bbox={"facecolor": PAPER, "linewidth": 0, "pad": 0.6},
    )


def _draw_arc(axes: Axes, corners: Sequence[tuple[float, float]], arc: Arc) -> None:
    colour, dashes, width = _STYLES[arc.found]
    curve = Curve(corners, [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4])
    axes.add_patch(
        PathPatch(curve, fill=False, edgecolor=colour, linestyle=dashes, linewidth=width)
    )


def _ink(arc: Arc) -> str:
    return _STYLES[arc.found][0]


def _label(arc: Arc) -> str:
    """Return the relation without the path that some corpora have before it."""
    name = arc.relation.rpartition("/")[2] or arc.relation
    return name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…"
