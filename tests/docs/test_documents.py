"""The documents: sentences stay short, and links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from search_spaces import SEARCHES, SPACES
from tests.docs.sentences import median_words, sentences

ROOT = Path(__file__).parents[2]
#: The log is history, and stays as it was written.
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(path for path in (ROOT / "docs").glob("*.md") if path.name != "log.md"),
]
LONGEST, MEDIAN = 40, 18
PACKAGES = ("../rin_core/", "../search_spaces/", "../study/", "../reports/")


def test_sentences_are_short() -> None:
    found = [sentence for path in DOCUMENTS for sentence in sentences(path)]
    assert [(s.file, s.text) for s in found if s.words > LONGEST] == []
    assert median_words(found) <= MEDIAN


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 90


def test_sentences_end_at_stops_list_items_and_cells(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A heading is left out\n\n"
        "One sentence of `some code`\nover two lines. Is this **one** more?\n\n"
        "- An item without a stop\n- Another [item](somewhere.md), over\n  two lines\n\n"
        "| A head | one cell |\n|---|---|\n| `x` | Two. Sentences. |\n\n"
        "```\nthis is code. not text.\n```\n\n    nor is this\n"
    )
    found = sentences(page)
    assert [(s.words, s.in_table) for s in found] == [
        *((7, False), (4, False), (5, False), (5, False)),
        *((2, True), (2, True), (1, True), (1, True), (1, True)),
    ]
    assert median_words(found) == 5


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
    dead = []
    for target in targets:
        name, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = document.parent / name if name else document
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            dead.append(target)
    assert dead == []


def test_the_site_has_the_api_of_packages_and_no_links_to_other_files() -> None:
    spec = importlib.util.spec_from_file_location("site_links", ROOT / "docs" / "site_links.py")
    assert spec is not None
    assert spec.loader is not None
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    given = "[study](../study/), [a file](../study/api.py) and [data](data.md)"
    on_site = hook.on_page_markdown(given)
    assert on_site == "[study](api/study/index.md), a file and [data](data.md)"
    home = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    packages = {package for package in PACKAGES if f"]({package})" in home}
    assert packages == set(PACKAGES)
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text().partition("validation:")[0])
    (made,) = (p["api-autonav"] for p in navigation["plugins"] if "api-autonav" in p)
    assert {f"../{package}/" for package in made["modules"]} == set(PACKAGES)


def test_contributing_names_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:rin_core|search_spaces|study|reports|tests|results)/[^`]*)`", text)
    assert len(named) > 10
    files = [name for name in named if "NAME" not in name]  # a file that is to be written
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_the_guide_has_a_row_for_each_space() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    assert [name for name in SPACES | SEARCHES if f"\n| `{name}` | " not in guide] == []
