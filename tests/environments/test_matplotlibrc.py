"""A user's own matplotlibrc."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DRAW = """
import io, sys
import matplotlib as mpl
from matplotlib.figure import Figure
from reports.document.style import STYLE
with mpl.rc_context(STYLE):
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2], [3, 4], label="a")
    axes.legend()
    axes.set_title("title")
    figure.savefig(sys.stdout.buffer, format="svg", metadata={"Date": None})
"""


def drawn(settings: Path) -> bytes:
    ran = subprocess.run(
        [sys.executable, "-c", DRAW],
        cwd=ROOT,
        env={**os.environ, "MATPLOTLIBRC": str(settings)},
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    return ran.stdout


def test_figures_have_the_same_bytes(tmp_path: Path) -> None:
    plain, changed = tmp_path / "plain", tmp_path / "changed"
    plain.write_text("", encoding="utf-8")
    lines = "text.usetex: True\naxes.grid.which: both\nfont.size: 20\nlines.linewidth: 7\n"
    changed.write_text(f"{lines}axes.titlesize: 30\nlegend.frameon: False\n", encoding="utf-8")
    assert drawn(plain) == drawn(changed)
