"""Labels in other scripts are drawn in a font that has them, or one line says what to install."""

from __future__ import annotations

import logging
import warnings

import pytest
from matplotlib.figure import Figure

from reports.document import fonts
from reports.document.fonts import FONT, find_font, missing_characters
from reports.document.style import render_figure
from reports.document.svg import inline_svg

CIRCLED = "\u24b6"  # another font of matplotlib has it
CHINESE = "身体部位_症状"


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_said", [])


def bars(*names: str) -> Figure:
    figure = Figure()
    figure.subplots().barh(names, range(len(names)))
    return figure


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == fonts.__name__]


def test_missing_characters() -> None:
    assert missing_characters("Ann −H ŷ\n") == frozenset()
    assert missing_characters(f"a{CIRCLED}{CHINESE[:2]}") == {CIRCLED, "身", "体"}


def test_an_installed_font_is_used(caplog: pytest.LogCaptureFixture) -> None:
    family = find_font(frozenset(CIRCLED))
    assert family is not None
    assert family != FONT
    figure = bars(CIRCLED, "plain")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert f"'{family}'".encode() in render_figure(figure, "svg")
    families = {
        label.get_text(): label.get_fontfamily() for label in figure.axes[0].get_yticklabels()
    }
    assert families[CIRCLED] == [FONT, family]
    assert family not in families["plain"]
    assert messages(caplog) == []


def test_without_a_font_one_line_says_what_to_install(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "find_font", lambda characters: None)
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        for name in ("one", "two"):
            inline_svg(bars(CHINESE, name), name)
            render_figure(bars(CHINESE + "的"), "png")
    (message,) = messages(caplog)
    assert "fonts-noto-cjk" in message


def test_the_boxes_of_matplotlib_are_no_font(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {name: file for name, file in fonts.font_files().items() if name.startswith("Last")}
    monkeypatch.setattr(fonts, "font_files", lambda: files)
    assert find_font(frozenset("龘")) is None
