"""The page and a notebook as a browser sees them: no error, no request, cells that open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Reported
from tests.ledgers import EXPERIMENT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def out(executed: Reported) -> Path:
    return executed.out


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab that may say nothing on its console and ask for nothing but files."""
    context = browser.new_context(color_scheme=request.param)
    page = context.new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda asked: messages.extend(_elsewhere(asked.url)))
    yield page
    context.close()
    assert messages == []


def _elsewhere(url: str) -> list[str]:
    return [] if url.startswith(("file:", "data:")) else [f"asked for {url}"]


def open_chapters(page: Page, out: Path) -> None:
    page.goto((out / "index.html").as_uri())
    page.evaluate("document.querySelectorAll('details.chapter').forEach(d => d.open = true)")


def test_a_cell_leads_to_its_runs_and_on_to_one_of_them(page: Page, out: Path) -> None:
    open_chapters(page, out)
    row = page.locator(f"#{EXPERIMENT}-results tr", has_text="RIN (GRU, K = 2)")
    opened = page.locator("[popover]:popover-open")
    assert opened.count() == 0
    row.locator("button", has_text="1/3").click()
    assert "1 of 3 runs finished" in opened.inner_text()
    link = opened.locator("tbody a").nth(2)
    name = link.inner_text()
    first = opened.locator("tbody a").first.inner_text()
    assert f"rin-study rerun {first}" in opened.inner_text()
    link.click()
    assert opened.count() == 0, "the list makes way for the run"
    run = page.locator(f"#run-{name}")
    assert run.is_visible()
    assert "<script>alert(1)</script> & more" in run.inner_text()


def test_a_list_of_runs_opens_and_closes_from_the_keyboard(page: Page, out: Path) -> None:
    open_chapters(page, out)
    page.locator("td button").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("[popover]:popover-open").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("[popover]:popover-open").count() == 0


def test_text_is_read_in_the_light_and_in_the_dark(page: Page, out: Path) -> None:
    open_chapters(page, out)
    for selector in ("body", "figcaption", "td button", "thead th", "nav a"):
        colours = page.locator(selector).first.evaluate(
            "e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]"
        )
        assert contrast(*colours) >= 4.5, (selector, colours)


def contrast(ink: str, paper: str) -> float:
    """The contrast of WCAG 2, from 1 to 21."""
    low, high = sorted(_luminance(colour) for colour in (ink, paper))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in colour[4:-1].split(",")]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_is_no_wider_than_the_window(page: Page, out: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    open_chapters(page, out)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto((out / EXPERIMENT / "errors.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_an_executed_notebook_is_a_page_of_its_own(page: Page, out: Path) -> None:
    page.goto((out / "notebooks" / "errors.html").as_uri())
    assert page.locator("h1").inner_text() == "Errors"
    figures: Any = page.locator("figure img")
    assert figures.count() == 4
    assert figures.first.bounding_box()["width"] > 300
