"""Notebooks executed on small ledgers: what they show, and the same bytes each time."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from reports.page.run_notebooks import NotebookError, execute, notebooks, write_notebooks

from reports.page import run_notebooks
from reports.page.command import main
from tests.conftest import Reported
from tests.ledgers import write_search

pytest.importorskip("ipykernel", reason="notebooks need the extra `notebooks`")


def contents(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def test_a_report_made_twice_is_identical_to_the_byte(reported: Reported, tmp_path: Path) -> None:
    runs, out = reported
    assert main(["--notebooks", "--runs", str(runs), "--out", str(tmp_path / "again")]) == 0
    first, second = contents(out), contents(tmp_path / "again")
    assert set(first) >= {
        "index.html",
        *(f"notebooks/{name}{suffix}" for name in notebooks() for suffix in (".ipynb", ".html")),
    }
    assert list(first) == list(second)
    assert [name for name in first if first[name] != second[name]] == []


def test_notebooks_show_tables_and_pictures(reported: Reported) -> None:
    pages = {
        name: (reported.out / "notebooks" / f"{name}.html").read_text() for name in notebooks()
    }
    assert list(pages) == ["errors", "paper_tables", "rounds_curve", "search"]
    assert {name: page.count("<svg ") for name, page in pages.items()} == {
        **{"errors": 4, "paper_tables": 0, "rounds_curve": 1, "search": 2},
    }
    assert (
        "<span>Table 1: precision, recall and F1 on webnlg_star</span>" in (pages["paper_tables"])
    )
    assert (
        "<span>Found after the step and not before: BiLSTM_s → RIN (GRU, K = 1)"
        in (pages["errors"])
    )
    assert "a b c d e f g h i j k l" in pages["errors"]
    assert "Corpus webnlg_star; 5 of 7 trials finished" in pages["errors"]
    for page in pages.values():
        assert "<script" not in page
        assert set(re.findall(r"https?://[^\"' )]+", page)) <= {
            *("http://www.w3.org/1999/xlink", "http://www.w3.org/2000/svg")
        }
        assert "Traceback (most" not in page


def test_the_page_leads_to_the_notebooks(reported: Reported) -> None:
    page = (reported.out / "index.html").read_text()
    targets = re.findall(r'href="(notebooks/[^"]+)"', page)
    assert len(targets) == len(notebooks())
    assert [target for target in targets if not (reported.out / target).exists()] == []


def test_an_executed_notebook_keeps_nothing_of_its_run(reported: Reported) -> None:
    notebook = json.loads((reported.out / "notebooks" / "errors.ipynb").read_text())
    assert {cell["id"] for cell in notebook["cells"]} == {
        f"errors-{place}" for place in range(len(notebook["cells"]))
    }
    assert [cell["metadata"] for cell in notebook["cells"] if cell["metadata"]] == []
    assert " at 0x" not in json.dumps(notebook)


def test_a_ledger_that_lacks_a_notebooks_subject_is_no_error(tmp_path: Path) -> None:
    write_search(tmp_path)
    made = write_notebooks(tmp_path, tmp_path / "out", ["errors"])
    page = made[1].read_text()
    assert "No study in this ledger yet: <code>make study</code> runs one." in page
    assert "Traceback (most" not in page
    assert "What interaction fixed" not in page, "nothing follows the sentence"


def test_an_error_names_notebook_and_cell(tmp_path: Path) -> None:
    source = tmp_path / "broken.py"
    source.write_text("# %% [markdown]\n# text\n# %%\n1\n# %%\nraise ValueError('no\\nmore')\n")
    with pytest.raises(NotebookError, match=r"^broken\.py, cell 2: ValueError: no$"):
        execute(source, tmp_path)


def test_a_name_that_is_no_notebook_lists_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_notebooks.main(["error", "--out", str(tmp_path)]) == 2
    assert "error: no such notebook; there: errors, paper_tables" in capsys.readouterr().err
