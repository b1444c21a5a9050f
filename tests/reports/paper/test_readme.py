"""The results in README equal those made from the published tables."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reports.paper.readme import BEGIN, END, results_block, with_results

ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"


def test_readme_has_the_published_results() -> None:
    text = README.read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == results_block(ROOT)
    assert with_results(text, ROOT) == text


def test_the_results_follow_the_published_tables(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "results", tmp_path / "results", ignore=shutil.ignore_patterns("*.xz", "*.svg")
    )
    shutil.copytree(ROOT / "benchmarks" / "results", tmp_path / "benchmarks" / "results")
    assert results_block(tmp_path) == results_block(ROOT)
    table = tmp_path / "results" / "pooled" / "pooled.csv"
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    (cell,) = (line for line in lines if line.startswith("pooled,webnlg_star one-round,K = 1,"))
    changed = cell.replace("85.7", "86.7", 1)
    table.write_text("".join(changed if line == cell else line for line in lines))
    blocks = (results_block(folder).splitlines() for folder in (ROOT, tmp_path))
    ((before, after),) = (pair for pair in zip(*blocks, strict=True) if pair[0] != pair[1])
    assert after == before.replace("85.7", "86.7", 1)
    assert after.startswith("| WebNLG, the paper's settings |")


@pytest.mark.parametrize("marker", [BEGIN, END])
def test_readme_without_a_marker_is_an_error(marker: str) -> None:
    text = README.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="marker"):
        with_results(text.replace(marker, ""), ROOT)
