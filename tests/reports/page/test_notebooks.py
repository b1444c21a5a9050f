"""Notebooks executed on small ledgers: what they show, and that they run from any folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.frames.trials import UnknownExperiment
from reports.page import notebooks
from reports.page.notebooks import NotebookError, execute, notebook_names, write_notebooks
from reports.page.studies import (
    NothingToShow,
    find_curves,
    find_predictions,
    find_search,
    find_studies,
    ledger_folder,
)
from tests.commands import exit_code
from tests.conftest import Reported
from tests.ledgers import EXPERIMENT, a_full_ledger, write_search

pytest.importorskip("ipykernel", reason="notebooks need the extra `notebooks`")


ROOT = Path(__file__).parents[3]


def contents(out: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(out)): p.read_bytes()
        for p in sorted(out.rglob("*"))
        if p.is_file() and p.parent.name != "notebooks"
    }


def outputs(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text())["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]


@pytest.mark.slow
def test_a_report_made_twice_is_identical_to_the_byte(executed: Reported, tmp_path: Path) -> None:
    runs, out = executed
    words: list[str | Path] = [
        sys.executable,
        "reports/build.py",
        "--runs",
        runs,
        "--out",
        tmp_path / "again",
    ]
    # Sets of texts have another order in every process.
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    subprocess.run(words, check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    first, second = contents(out), contents(tmp_path / "again")
    assert list(first) == list(second)
    differ = [name for name in first if first[name] != second[name]]
    # The page of the first links to its notebooks.
    assert differ == ["index.html"]


@pytest.mark.slow
def test_figures_are_svg_and_png_and_tables_are_html(executed: Reported) -> None:
    figures, tables = {}, {}
    for name in notebook_names():
        shown = [o["data"] for o in outputs(executed.out / "notebooks" / f"{name}.ipynb")[1:]]
        figures[name] = sum({"image/svg+xml", "image/png"} <= data.keys() for data in shown)
        tables[name] = sum("<table" in "".join(data.get("text/html", ())) for data in shown)
    assert figures == {"errors": 4, "paper_tables": 0, "rounds_curve": 1, "search": 3}
    assert [name for name, count in tables.items() if count < 2] == []


@pytest.mark.slow
def test_the_pages_load_nothing(executed: Reported) -> None:
    for name in notebook_names():
        page = (executed.out / "notebooks" / f"{name}.html").read_text()
        assert "<script" not in page, name
        assert re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]*\"", page) == []
        assert "Traceback (most" not in page


@pytest.mark.slow
def test_the_page_leads_to_the_notebooks(executed: Reported) -> None:
    page = (executed.out / "index.html").read_text()
    targets = re.findall(r'href="(notebooks/[^"]+)"', page)
    assert len(targets) == len(notebook_names())
    assert [target for target in targets if not (executed.out / target).exists()] == []


@pytest.mark.slow
def test_an_executed_notebook_runs_again_in_any_folder(executed: Reported, tmp_path: Path) -> None:
    """Its parameters name the ledger by an absolute path."""
    import jupytext

    notebook = jupytext.read(executed.out / "notebooks" / "search.ipynb")
    given = next(cell for cell in notebook.cells if cell.id == "given")
    assert given.source == f"runs = {str(executed.runs.resolve())!r}"
    source = tmp_path / "copy.py"
    jupytext.write(notebook, source, fmt="py:percent")
    again = execute(source, executed.runs)
    assert any("image/png" in o.get("data", {}) for c in again.cells for o in c.get("outputs", []))


def test_a_ledger_without_the_subject_skips_the_notebook(tmp_path: Path) -> None:
    write_search(tmp_path)
    written, skipped = write_notebooks(tmp_path, tmp_path / "out", ["errors"])
    assert (written, list(skipped)) == ([], ["errors"])
    assert "run a study" in skipped["errors"]


def test_studies_and_searches_are_found_by_name_or_not(tmp_path: Path) -> None:
    runs = a_full_ledger(tmp_path / "runs").runs
    assert len(find_studies(runs)) == len(find_studies(runs, EXPERIMENT)) == 1
    (curve,) = find_curves(runs)
    assert curve["experiment"].unique().tolist() == [EXPERIMENT]
    assert find_predictions(runs).counts.answers
    assert find_search(runs).experiment == find_search(runs, "some").experiment == "some"
    finders: list[Callable[..., object]] = [find_studies, find_search]
    for find in finders:
        with pytest.raises(UnknownExperiment, match="nowhere"):
            find(runs, "nowhere")
    for find in (*finders, find_curves, find_predictions):
        with pytest.raises(NothingToShow):
            find(tmp_path / "none")
    assert ledger_folder().is_absolute()


def test_an_error_names_notebook_and_cell(tmp_path: Path) -> None:
    source = tmp_path / "broken.py"
    source.write_text("# %% [markdown]\n# text\n# %%\n1\n# %%\nraise ValueError('no\\nmore')\n")
    with pytest.raises(NotebookError, match=r"^broken\.py, cell-2: ValueError: no$"):
        execute(source, tmp_path)


def test_a_name_that_is_no_notebook_lists_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(lambda: notebooks.main(["nosuch", "--out", str(tmp_path)])) == 2
    error = capsys.readouterr().err
    assert [name for name in ("error:", *notebook_names()) if name not in error] == []
