"""Figures and tables as a notebook shows them."""

from __future__ import annotations

import re

import pytest
from matplotlib.figure import Figure

from reports.document.section import Drawing
from reports.document.table import Row, Table, number


@pytest.mark.parametrize(
    ("inches", "points"), [((3.0, 2.0), (216, 144)), ((11.0, 5.5), (619, 310))]
)
def test_a_figure_is_not_wider_than_a_cell(
    inches: tuple[float, float], points: tuple[int, int]
) -> None:
    drawing = Drawing(name="a", caption="A", figure=Figure(figsize=inches))
    svg = drawing._repr_mimebundle_()["image/svg+xml"]
    (size,) = re.findall(r'<svg [^>]*width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    assert tuple(round(float(one)) for one in size) == points
    # The drawing is scaled, not cut.
    (view,) = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert [float(one) / 72 for one in view] == pytest.approx(inches)


def test_notes_of_a_table_are_marked_up() -> None:
    row = Row(key="a", label="A", cells={"F1": number(1.0, "1.0")})
    table = Table(name="t", title="T", head="Model", rows=(row,), notes=("*Fixed* in `a` <b>.",))
    shown = table._repr_mimebundle_()["text/html"]
    assert "<li><em>Fixed</em> in <code>a</code> &lt;b&gt;.</li>" in shown
