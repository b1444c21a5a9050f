"""In which chapter of the page a study or a table is."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.document.section import Chapter, Section
from reports.document.table import Cell, Row, Table
from reports.errors.section import error_section
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import read_ledger
from reports.page.chapter_findings import chapter_findings, questions
from reports.page.chapters import page_chapters
from reports.page.corpora import corpora_section
from reports.paper.answers import find_answers
from tests.ledgers import Ledger, a_plan, answers_ledger

WIDE = {"model.feature_size": 300}


@pytest.fixture
def study(tmp_path: Path) -> StudyData:
    """The arms of a plan on a corpus that is not the paper's, with a control of more parameters."""
    ledger = Ledger(tmp_path)
    first: dict[str, str] = {}
    for arm in ("bilstm-s", "gru-1", "bilstm-s-wide"):
        for seed in range(2):
            name = ledger.plan(arm, seed, config=WIDE if "wide" in arm else {})
            ledger.finish(name, 0.8 + 0.01 * seed)
            first.setdefault(arm, name)
    ledger.save("claims-mine", "mine", decisions=a_plan(first))
    return study_data(tmp_path, read_ledger(tmp_path))


def contents(chapters: tuple[Chapter, ...]) -> dict[str, list[str]]:
    return {chapter.key: [section.key for section in chapter.sections] for chapter in chapters}


def test_a_study_with_a_plan_is_among_the_main_results(study: StudyData) -> None:
    section = Section(key="claims-mine", title="t")
    answers = find_answers([], [study], [])
    chapters = page_chapters(answers, [], [(study, section)], [], [], [], [])
    assert contents(chapters) == {"main": ["claims-mine"]}


def test_a_table_is_in_the_chapter_that_it_names(study: StudyData) -> None:
    rows = (Row(key="r", label="R", cells={"F1": Cell(text="1")}),)
    tables = (
        Table(name="a", title="A", head="H", rows=rows),
        Table(name="b", title="B", head="H", rows=rows, chapter="ablation"),
    )
    section = Section(key="paper-mine", title="t", tables=tables)
    answers = find_answers([], [], [])
    chapters = page_chapters(answers, [(study, section)], [], [], [], [], [])
    assert contents(chapters) == {
        "main": ["paper-mine", "not-run"],
        "ablation": ["paper-mine-ablation"],
    }
    assert [part.sections[0].tables for part in chapters] == [tables[:1], tables[1:]]


def test_a_closed_chapter_says_what_it_found(tmp_path: Path) -> None:
    made = answers_ledger(tmp_path)
    study = study_data(tmp_path, read_ledger(tmp_path))
    errors = error_section("x", study)
    assert errors is not None
    section = Section(key="x", title="t", parts=(errors,))
    found = chapter_findings(
        find_answers([], [study], []), [(study, section)], [corpora_section(made.runs)]
    )
    # It finds 2 of 4; of the others, one has the wrong relation, and one is not in the sentence.
    assert found["errors"] == (
        "RIN (GRU, K = 1) finds these parts of the triples: 50 % on WebNLG. Of the missed ones, "
        "0 % on WebNLG have no similar prediction."
    )
    assert found["data"] == "Sentences for training: WebNLG 2."
    assert "selection" not in found


def test_a_list_of_questions_is_short() -> None:
    titles = ["WebNLG: A?", "WebNLG: A?", f"NYT: {'B' * 100}?", f"NYT: {'C' * 100}?", "NYT: D?"]
    assert questions(titles) == f"A? {'B' * 100}? And 2 more."
    assert questions([]) == ""
