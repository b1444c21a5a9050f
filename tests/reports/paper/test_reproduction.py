"""REPRODUCTION.md from a small ledger: its parts, its costs, and what was not run."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from reports.document.table import Table
from reports.frames.runs import run_cards
from reports.frames.trials import read_ledger
from reports.page.command import main
from reports.paper import compute
from reports.paper.compute import compute_sentences
from reports.paper.costs import cost_section
from reports.paper.reproduction import shared_notes, with_numbers, write_reproduction
from search_spaces import find_space
from tests.ledgers import Ledger, write_search


def small_ledger(runs: Path) -> Ledger:
    """Two arms with three seeds, and one that was not run."""
    made = Ledger(runs)
    for arm, scores in {"gru-1": (0.86, 0.87, 0.88), "bilstm-s": (0.84, 0.86, 0.85)}.items():
        for seed, f1 in enumerate(scores):
            made.finish(made.plan(arm, seed), f1, {"seconds": 1800.0})
    made.plan("gru-3", 0)
    made.save("rounds_curve-webnlg_star")
    return made


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return small_ledger(tmp_path / "runs")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reports of the small ledger and a search."""
    folder = tmp_path_factory.mktemp("reproduction")
    write_search(small_ledger(folder / "runs").runs, "webnlg_star")
    assert main(["--runs", str(folder / "runs"), "--out", str(folder / "out")]) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def text(out: Path) -> str:
    return (out / "REPRODUCTION.md").read_text()


@pytest.fixture(scope="module")
def page(out: Path) -> str:
    return (out / "index.html").read_text()


def test_a_search_on_a_corpus_of_the_paper_without_a_study_is_listed(
    ledger: Ledger, tmp_path: Path
) -> None:
    write_search(ledger.runs, "nyt5k_star")
    assert main(["--runs", str(ledger.runs), "--out", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "REPRODUCTION.md").read_text()
    assert "13 runs of 2 experiments: " in text
    assert "## The search some" in text


def compute_text(ledger: Ledger) -> str:
    frame = read_ledger(ledger.runs)
    return compute_sentences(run_cards(ledger.runs, frame, []).values())


def test_the_report_has_findings_figures_and_studies(text: str) -> None:
    assert "**3 runs are not finished.**" in text
    assert "2 undecided (RIN (GRU, K = 1), BiLSTM_s)" in text
    assert "| GRU over RNN, mean over K | not run | not run | – |" in text
    assert "](rounds_curve-webnlg_star/rounds_curve.svg)" in text
    assert "| rounds_curve-webnlg_star | 6 finished, 1 planned |" in text
    shown = re.findall(r"^### (Table \d|The paper's claims)", text, flags=re.MULTILINE)
    assert shown == ["The paper's claims", "Table 1", "Table 5", "Table 4"]
    assert "core-hours" in text


def test_the_page_and_the_report_count_the_same_runs(text: str, page: str) -> None:
    counts = "13 runs of 2 experiments: 8 finished, 2 pruned, 1 failed, 1 running, 1 planned."
    assert (text.count(counts), page.count(counts)) == (1, 2)
    rows = dict(re.findall(r"^\| (all|finished, [^|]*|pruned) \| (\d+) \|", text, re.MULTILINE))
    assert rows == {
        "finished, used by a claim": "6",
        "finished, not used by a claim": "2",
        "pruned": "2",
        "all": "13",
    }
    assert 'id="made-with-outcomes"' in page


def test_the_page_has_the_curve_before_the_papers_tables(page: str) -> None:
    keys = ("rounds_curve-webnlg_star", "paper-webnlg_star", "not-run")
    places = [page.index(f'<section id="{key}"') for key in keys]
    assert places == sorted(places)
    assert "paper-nyt" not in page
    assert "scores on NYT. Nothing was run there." in page


def test_a_section_is_titled_by_its_question_and_named_small_beside(page: str) -> None:
    question = find_space("rounds_curve").title
    assert f"<h3>WebNLG: {question} <code>rounds_curve-webnlg_star</code></h3>" in page
    assert "<h3>WebNLG: the paper&#39;s tables <code>webnlg_star</code></h3>" in page
    (title,) = re.findall(r"<h3>(.*?) <code>some</code></h3>", page)
    assert title.startswith("WebNLG, search: ")


def test_the_page_counts_the_reproduced_scores(text: str, page: str) -> None:
    found = page[page.index('<section id="paper-webnlg_star">') :]
    found = found[: found.index("<table")]
    counts = "2 undecided (RIN (GRU, K = 1), BiLSTM_s)"
    assert (counts in found, counts in text) == (True, True)


def test_a_note_of_three_tables_is_printed_once(text: str) -> None:
    rule = "Verdict, with the margin m = 0.5 F1:"
    assert text.count(rule) == 1
    numbers = {line.partition(". ")[0]: line for line in text.splitlines() if rule in line}
    (number,) = numbers
    table = text[text.index("### Table 5") : text.index("### Table 4")]
    given = re.search(r"^- See \[notes\]\(#notes-that-tables-share\) (.*)\.$", table, re.MULTILINE)
    assert given is not None
    assert number in given[1].split(", ")
    three = [Table(name="t", title="T", head="H", rows=(), notes=(*"ab",))] * 3
    assert shared_notes([*three[1:], replace(three[0], notes=("a", "c"))]) == ["a"]
    assert with_numbers(three[0], ["a"]).notes == (
        "b",
        "See [notes](#notes-that-tables-share) 1.",
    )


def test_hours_are_of_all_runs_and_the_ratio_is_the_benchmarks(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seconds = {"dense, K = 1": [90, 100, 300], "product, K = 1": [3, 2, 2]}
    seconds |= {"dense, K = 5": [400], "product, K = 5": [5]}
    monkeypatch.setattr(compute, "BENCHMARKS", tmp_path)
    for processor, slower in {"": 1, "-avx2": 2}.items():
        dense = {k: [n / slower for n in v] if "dense" in k else v for k, v in seconds.items()}
        file = tmp_path / f"speed-webnlg_star-cpu{processor}.json"
        file.write_text(json.dumps({"seconds an epoch": dense}))
    text = compute_text(ledger)
    assert "3.0 core-hours (6 runs)" in text
    assert "25 to 80 times as long" in text
    assert "1.5 core-hours of runs like the timed ones" in text
    assert "about 38 to 120." in text


def test_what_was_not_run_is_said_where_it_was_not(
    ledger: Ledger, text: str, tmp_path: Path
) -> None:
    told = text[text.index("## Not run, and how to run it") :]
    assert ("**NYT**" in told, "**BERT-Base" in told) == (True, True)
    assert "The paper's word vectors" in told
    for trial in ledger.trials:
        trial["settings"] = {}
    ledger.finish(ledger.plan("bert-1", 0, {}, {"encoder.kind": "transformer"}), 0.9)
    ledger.save("rounds_curve-webnlg_star")
    frame = read_ledger(ledger.runs)
    cards = run_cards(ledger.runs, frame, [])
    text = write_reproduction(
        frame, [], [], cards, [], cost_section([], [], cards), tmp_path
    ).read_text()
    assert "**BERT-Base" not in text
    assert "were initialized at random" in text


def test_the_benchmarks_are_where_they_are_looked_for() -> None:
    assert len(list(compute.BENCHMARKS.glob(compute.SPEEDS))) == 2


def test_without_a_benchmark_no_ratio_is_claimed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(compute, "BENCHMARKS", tmp_path / "none")
    assert "times as long" not in compute_text(ledger)


def test_a_search_is_told_with_its_figures(text: str, out: Path) -> None:
    told = text[text.index("## The search some") :]
    figures = re.findall(r"!\[[^]]*\]\((\S+)\)", told)
    assert figures == [f"some/{name}.svg" for name in ("history", "expected_best", "slices")]
    assert all((out / figure).exists() for figure in figures)
    assert "| a #4 | 70.0 | 6 | 0.002 |" in told
