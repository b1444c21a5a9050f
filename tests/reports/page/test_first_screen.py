"""The page in a browser: what the first screen shows, sorting, downloads, and what axe finds."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reports.cases.page import render_page
from reports.cases.views import read_cases
from reports.figures.answers import POOLED
from reports.published.numbers import corpus_title
from tests.conftest import Reported
from tests.reports.cases.test_views import CASE, record
from tests.reports.page.test_browser import CHROMIUM, browser, page

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["browser", "page"]  # fixtures
ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "results" / "index.html"
ERRORS = ROOT / "results" / "rounds_curve-webnlg_star" / "errors.html"
FIRST = (".cards .card", "#effects", "#curve")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


def open_page(page: Page, path: Path, width: int = 1400, height: int = 1000) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(path.as_uri())


@pytest.mark.parametrize(("width", "end"), [(1400, 1000), (390, 2 * 844)])
def test_the_first_screen_answers(page: Page, width: int, end: int) -> None:
    open_page(page, PUBLISHED, width)
    for selector in FIRST:
        for box in [element.bounding_box() for element in page.locator(selector).all()]:
            assert box is not None
            assert box["y"] + box["height"] <= end, selector
            assert box["x"] + box["width"] <= width, selector
    assert page.locator(".card").count() == 3


def cell(table: str, row: str, column: str) -> str:
    """Return the text of a cell of a published table."""
    with (PUBLISHED.parent / table).open(newline="") as file:
        return next(
            one["text"]
            for one in csv.DictReader(file)
            if (one["row"], one["column"]) == (row, column)
        )


def rows(table: str) -> set[str]:
    """Return the rows of a published table, without the mean of all."""
    with (PUBLISHED.parent / table).open(newline="") as file:
        return {one["row"] for one in csv.DictReader(file)} - {POOLED}


def test_six_questions_are_answered_on_the_first_screen(page: Page) -> None:
    open_page(page, PUBLISHED)
    cards = {card.locator("h2").inner_text(): card for card in page.locator(".card").all()}
    one, tuned, rounds = (cards[title].inner_text().replace("\xa0", " ") for title in cards)
    words = [page.locator(".card .chip").nth(k).inner_text() for k in range(3)]
    pooled, decisions = "pooled/pooled.csv", "claims-webnlg_star/decisions.csv"
    # Does interaction help? By how much, how sure?
    assert words[0] == cell(pooled, "pooled", "Verdict")
    assert f"{cell(pooled, 'pooled', 'Δ F1')} F1" in one
    assert f"95 % CI {cell(pooled, 'pooled', '95 % CI')}" in one
    assert words[1] == cell(pooled, "webnlg_star one-round-tuned", "Verdict")
    assert f"{cell(pooled, 'webnlg_star one-round-tuned', 'Δ F1')} F1" in tuned
    assert f"95 % CI {cell(pooled, 'webnlg_star one-round-tuned', '95 % CI')}" in tuned
    # On which corpora?
    for row in rows(pooled):
        corpus = corpus_title(row.partition(" ")[0])
        word = cell(pooled, row, "Verdict").partition(",")[0]
        assert f"{corpus} {cell(pooled, row, 'Δ F1')}, {word}" in one
    # Do more rounds help?
    assert words[2] == cell(decisions, "rounds", "State")
    assert f"{cell(decisions, 'rounds', 'Δ F1')} F1" in rounds
    assert "rounds" in rounds.lower()
    # Is it interaction, or is it parameters?
    equal = cell(decisions, "capacity", "Δ F1")
    sure = cell(decisions, "capacity", "95 % CI, all looks")
    assert f"K = 0 with as many parameters: {equal} (95 % CI {sure})" in rounds
    # What does tuning bring?
    gain = cell("fair_rounds-webnlg_star/tuning.csv", "k-1", "Δ F1")
    assert f"K = 1 {gain}" in tuned


def test_no_verdict_is_cut(page: Page) -> None:
    open_page(page, PUBLISHED)
    page.evaluate("document.querySelectorAll('details.chapter').forEach(d => d.open = true)")
    cut = page.evaluate(
        """() => [...document.querySelectorAll('.table')].flatMap(box => {
          const heads = [...box.querySelectorAll('thead th')];
          const right = box.querySelector('.wide').getBoundingClientRect().right;
          return heads.filter(h => h.textContent.includes('erdict'))
            .filter(h => h.getBoundingClientRect().right > right + 1)
            .map(h => `${box.id}: ${h.textContent}`);
        })"""
    )
    assert cut == []


def serious(page: Page) -> list[tuple[str, str]]:
    """Return the serious rules that a page breaks, each with an element."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    page.evaluate("document.querySelectorAll('details.chapter').forEach(d => d.open = true)")
    found = axe.Axe().run(page).response["violations"]
    broken = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    return [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in broken]


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("path", [PUBLISHED, ERRORS], ids=["index", "errors"])
def test_axe_finds_nothing_serious(page: Page, path: Path, width: int) -> None:
    open_page(page, path, width)
    assert serious(page) == []


def test_axe_finds_nothing_serious_in_a_case_study(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "case.html"
    path.write_text(render_page(read_cases(record(tmp_path, CASE), "some")))
    open_page(page, path, 390)
    table = page.locator(".wide").first
    assert table.evaluate("e => e.scrollWidth > e.clientWidth"), "the table is not cut"
    assert serious(page) == []


@pytest.mark.parametrize("width", [390, 1400])
def test_a_chapter_begins_beside_its_triangle(page: Page, width: int) -> None:
    open_page(page, PUBLISHED, width)
    # A title below the triangle would begin one line of 1.55 × 14 pixels lower.
    begin = page.evaluate(
        """() => [...document.querySelectorAll('details.chapter > summary')].map(summary => {
          const above = parseFloat(getComputedStyle(summary).paddingTop);
          const title = summary.querySelector('h2').getClientRects()[0];
          return title.top - summary.getBoundingClientRect().top - above;
        })"""
    )
    assert len(begin) > 5
    assert max(map(abs, begin)) < 10


def test_the_page_is_small() -> None:
    assert PUBLISHED.stat().st_size <= 2_000_000


def test_text_of_figures_can_be_selected(page: Page) -> None:
    open_page(page, PUBLISHED)
    assert page.locator("#effects svg text", has_text="GRU over RNN").count() == 2


def test_the_skip_link_is_first(page: Page) -> None:
    open_page(page, PUBLISHED)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"


def test_a_column_is_sorted(page: Page, reported: Reported) -> None:
    open_page(page, reported.out / "index.html")
    page.locator("#chapter-curve > summary").click()
    table = page.locator("[id$=-results] table").first
    head = table.locator("thead th", has_text="F1").first
    column = 1 + head.evaluate("e => e.cellIndex")

    def values() -> list[float]:
        texts = table.locator(f"tbody tr > :nth-child({column})").all_inner_texts()
        return [float(text.split(" ")[0]) for text in texts if text[0].isdigit()]

    before = values()
    head.locator("button").click()
    assert values() == sorted(before, reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    head.locator("button").click()
    assert values() == sorted(before)


def test_a_table_is_downloaded_as_csv(page: Page, reported: Reported) -> None:
    open_page(page, reported.out / "index.html")
    page.locator("#chapter-curve > summary").click()
    with page.expect_download() as download:
        page.locator("[id$=-results] .more button", has_text="CSV").first.click()
    head = download.value.path().read_text().splitlines()[0]
    assert head.startswith('"Model",')


def test_a_link_opens_its_chapter(page: Page) -> None:
    open_page(page, PUBLISHED)
    assert not page.locator("#chapter-tuned section").first.is_visible()
    page.locator("nav a", has_text="Tuned").click()
    assert page.locator("#chapter-tuned section").first.is_visible()
