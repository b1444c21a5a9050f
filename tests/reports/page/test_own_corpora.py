"""Reports on a person's own corpus begin with its studies and do not speak of the paper."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from reports.frames.predictions import read_corpora
from reports.page.build import build, build_index
from reports.page.command import main
from reports.tables.corpora import corpus_table
from tests.ledgers import Ledger
from tests.rin_core.data.test_statistics import sentence

OWN = "rounds_curve-mine"


def finish(made: Ledger, corpus: str, experiment: str) -> None:
    """Record a study with results of two arms on a corpus."""
    start = len(made.trials)
    for arm, f1 in (("gru-1", 0.4), ("bilstm-s", 0.3)):
        made.finish(made.plan(arm, 0), f1, {"corpus": {"name": corpus, "digest": corpus}})
    trials, made.trials = made.trials, made.trials[start:]
    made.save(experiment, corpus)
    made.trials = trials


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runs")
    finish(made, "mine", OWN)
    return made


def headings(page: Path) -> list[str]:
    return [line[3:] for line in page.read_text().splitlines() if line.startswith("## ")]


def test_the_page_has_the_study_first_and_no_reproduction(ledger: Ledger, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["--runs", str(ledger.runs), "--out", str(out)]) == 0
    assert not (out / "REPRODUCTION.md").exists()
    assert sorted(path.name for path in out.iterdir()) == ["corpora", "costs", "index.html", OWN]
    page = (out / "index.html").read_text()
    sections = [part.partition('"')[0] for part in page.split('<section id="')[1:]]
    assert sections[0] == OWN
    assert "Paper's F1" not in page
    with (out / OWN / "results.csv").open() as file:
        columns = {row["column"] for row in csv.DictReader(file)}
    assert {"F1", "Dev F1"} <= columns
    assert not columns & {"Paper's F1", "Verdict", "Source"}


def test_a_study_on_the_papers_corpus_keeps_its_tables(ledger: Ledger, tmp_path: Path) -> None:
    finish(ledger, "webnlg_star", "rounds_curve-webnlg_star")
    out = tmp_path / "out"
    assert main(["--runs", str(ledger.runs), "--out", str(out)]) == 0
    assert {path.name for path in out.glob("paper-*")} == {"paper-webnlg_star"}
    text = (out / "REPRODUCTION.md").read_text()
    assert "rounds_curve-webnlg_star" in text
    assert OWN not in text
    assert build(ledger.runs, out, [OWN]).paper == ()


def test_own_arms_under_other_settings_need_no_tables_of_the_paper(tmp_path: Path) -> None:
    made = Ledger(tmp_path / "runs")
    finish(made, "webnlg_star", "rounds_curve-webnlg_star")
    made.trials.clear()
    made.finish(made.plan("wide", 0, {"training.learning_rate": 0.001}), 0.5)
    made.save("wider-webnlg_star", updated="2020-01-05")
    built = build(made.runs, tmp_path / "out", ["wider-webnlg_star"])
    assert built.paper == ()
    pages = build_index(made.runs, tmp_path / "out", built, [])
    assert "wider-webnlg_star" in pages[0].read_text()


def test_sizes_are_of_recorded_corpora_alone(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    made.describe([sentence("a b c d", ("a", "r", "b"))])
    path = tmp_path / "corpora" / "c.json"
    path.write_text(path.read_text().replace("webnlg_star", "mine"))
    table = corpus_table(read_corpora(tmp_path).values())
    assert [row.key for row in table.rows] == ["mine/train", "mine/dev", "mine/test"]
    assert not any("published" in note.lower() for note in table.notes)
