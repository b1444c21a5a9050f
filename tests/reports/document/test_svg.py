"""Figures inside the page: small, and with ids of their own."""

from __future__ import annotations

import re

from matplotlib.figure import Figure

from reports.document.svg import inline_svg


def a_figure() -> Figure:
    figure = Figure(figsize=(2, 2))
    axes = figure.add_subplot()
    axes.plot([0, 1, 2], [1, 2, 3], "o", color="#0072b2")
    axes.scatter([0, 1], [1, 2], c=["#0072b2", "#d55e00"])
    return figure


def test_equal_marks_have_the_style_of_their_group() -> None:
    svg = inline_svg(a_figure(), "a")
    groups = re.findall(r"<g[^>]*>(?:<use [^>]*/>)+</g>", svg)
    marks = [group for group in groups if group.count("<use ") == 3]
    assert len(marks) == 1
    assert re.match(r'<g[^>]* style="fill: var\(--blue, #0072b2\)', marks[0])
    assert "style" not in marks[0].partition(">")[2]


def test_marks_of_two_colours_keep_theirs() -> None:
    svg = inline_svg(a_figure(), "a")
    for colour in ("var(--blue, #0072b2)", "var(--vermilion, #d55e00)"):
        assert re.search(rf'<use [^>]*style="[^"]*{re.escape(colour)}', svg)


def test_two_figures_share_no_id() -> None:
    first, second = (
        set(re.findall(r'\bid="([^"]+)"', inline_svg(a_figure(), n))) for n in ("a", "b")
    )
    assert first
    assert not first & second
