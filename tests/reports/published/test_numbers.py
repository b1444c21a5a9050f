"""The numbers that the paper and those it cites have published."""

from __future__ import annotations

from collections import defaultdict

import pytest

from reports.published.numbers import PUBLISHED, TABLE_1_ROWS, published
from reports.tables.cells import published_cell
from search_spaces import SPACES


@pytest.mark.parametrize("corpus", ["nyt", "webnlg_star"])
def test_f1_is_the_harmonic_mean_of_precision_and_recall(corpus: str) -> None:
    """Finds a mistyped score: all three are rounded to 0.1."""
    for arm, row in TABLE_1_ROWS:
        precision, recall, f1 = (
            score.value
            for metric in ("precision", "recall", "f1")
            if (score := published(corpus, arm, metric)) is not None
        )
        assert f1 == pytest.approx(2 * precision * recall / (precision + recall), abs=0.11), row


def test_numbers_printed_twice_agree() -> None:
    values = defaultdict(set)
    for number in PUBLISHED:
        values[number.corpus, number.arm, number.metric].add(number.value)
    assert all(len(found) == 1 for found in values.values())


def test_a_published_spread_is_shown() -> None:
    assert published_cell(published("webnlg_star", "camera-ready", "f1")).text == "87.3 ± 0.4"
    assert published_cell(published("webnlg_star", "gru-1", "f1")).text == "86.3"


def test_arms_of_the_published_version_are_those_of_its_space() -> None:
    arms = {arm.name for arm in SPACES["version"].arms}
    assert {arm for arm in arms if published("nyt", arm, "f1")} == {
        "camera-ready",
        "camera-ready-no-interaction",
    }


@pytest.mark.parametrize("corpus", ["nyt5k_star", "demo"])
def test_other_corpora_have_no_published_numbers(corpus: str) -> None:
    assert published(corpus, "gru-1", "f1") is None
    assert published("webnlg_star", "gru-2", "f1") is None
