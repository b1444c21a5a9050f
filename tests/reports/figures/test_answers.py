"""The figure of effects has room for its texts."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from matplotlib.text import Text

from reports.figures.answers import EffectRow, EffectsInfo, Mark, draw_effects
from reports.stats.verdicts import Word

SHORT = ("One round over none", "Tuning, K = 0")
LONG = (
    "RIN (GRU, K = 2), trial 12 over RIN (GRU, K = 1), trial 2, preset demo",
    f"{'one_long_name_' * 5} over none",
)


def effects(labels: tuple[str, ...], word: Word) -> EffectsInfo:
    mark = Mark(corpus="c", value=0.0, low=math.nan, high=math.nan, word=word, published=None)
    rows = tuple(EffectRow(key=label, label=label, marks=(mark,)) for label in labels)
    return EffectsInfo(corpora=("c",), margin=0.5, rows=rows)


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("labels", [SHORT, LONG])
def test_no_text_is_cut_off(labels: tuple[str, ...], narrow: bool) -> None:
    figure = draw_effects(effects(labels, Word.NOTHING_LEARNED), narrow=narrow)
    figure.set_dpi(200)  # as images are written
    figure.canvas.draw()
    (axes,) = figure.axes
    texts = [text for text in axes.texts if isinstance(text, Text)]
    boxes = {text.get_text(): text.get_window_extent() for text in texts}
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes.values())
    first, second = (
        next(box for text, box in boxes.items() if _letters(text) == _letters(label))
        for label in labels
    )
    assert first.y0 > second.y1


@pytest.mark.parametrize("narrow", [False, True])
def test_marks_of_many_corpora_have_room(narrow: bool) -> None:
    """More corpora than there are colours, in one row above a short one."""
    corpora = tuple(f"c{number}" for number in range(8))
    marks = tuple(
        Mark(corpus=c, value=0.0, low=-1.0, high=1.0, word=Word.UNDECIDED, published=None)
        for c in corpora
    )
    rows = tuple(
        EffectRow(key=k, label=k, marks=own) for k, own in (("a", marks), ("b", marks[:1]))
    )
    figure = draw_effects(EffectsInfo(corpora=corpora, margin=0.5, rows=rows), narrow=narrow)
    figure.canvas.draw()
    (axes,) = figure.axes
    points = [line for line in axes.lines if line.get_marker() not in ("None", "D")]
    heights = [axes.transData.transform(line.get_xydata())[0, 1] for line in points]
    assert len(heights) == 9
    gaps = [(above - below) * 72 / figure.dpi for above, below in pairwise(heights)]
    assert min(gaps) > (5.5 if narrow else 8), "the size of a marker, and of a word"


def _letters(text: str) -> str:
    return "".join(text.split())


def test_short_texts_leave_the_axes_as_wide_as_they_are() -> None:
    (axes,) = draw_effects(effects(SHORT, Word.UNDECIDED)).axes
    assert (axes.get_position().x0, axes.get_position().x1) == pytest.approx((0.385, 0.8))
    (narrower,) = draw_effects(effects(LONG, Word.NOTHING_LEARNED)).axes
    assert narrower.get_position().x1 < 0.75
