"""The numbers that the paper and those it cites have published."""

from __future__ import annotations

from collections import defaultdict

import pytest

from reports.published.numbers import PUBLISHED, published
from reports.tables.cells import published_cell
from search_spaces import SPACES


@pytest.mark.parametrize(
    ("corpus", "arm", "metric", "value", "source"),
    [
        ("webnlg_star", "gru-1", "f1", 86.3, "Table 1, RIN (100d, K = 1)"),
        ("webnlg_star", "gru-3", "recall", 88.0, "Table 1, RIN (100d, K = 3)"),
        ("nyt", "gru-5", "precision", 82.2, "Table 1, RIN (100d, K = 5)"),
        ("nyt", "bilstm-s", "f1", 78.1, "Table 1, BiLSTM_s (100d)"),
        ("webnlg_star", "bilstm", "recall", 86.3, "Table 1, BiLSTM (100d)"),
        ("webnlg_star", "bert-2", "f1", 90.1, "Table 1, RIN (BERT, K = 2)"),
        ("nyt", "hbt", "recall", 85.4, "Table 1, HBT (Wei et al., 2019)"),
        ("webnlg_star", "corpus", "test_sentences", 703, "Table 2, WebNLG"),
        ("nyt", "gru-5", "entity_f1", 90.9, "Table 4, RIN (100d, k = 5)"),
        ("webnlg_star", "no-relation-input", "f1", 85.5, "Table 5, RIN −ŷ"),
        ("nyt", "linear", "f1", 77.8, "Table 5, RIN −γ"),
        ("webnlg_star", "corpus", "test_EPO", 26, "Zeng et al. (2018), Table 1, WebNLG"),
        ("nyt", "camera-ready", "f1", 87.3, "Sun et al. (2020), partial match"),
    ],
)
def test_published_numbers(corpus: str, arm: str, metric: str, value: float, source: str) -> None:
    found = published(corpus, arm, metric)
    assert found is not None
    assert (found.value, found.source) == (value, source)


def test_numbers_printed_twice_agree() -> None:
    values = defaultdict(set)
    for number in PUBLISHED:
        values[number.corpus, number.arm, number.metric].add(number.value)
    assert all(len(found) == 1 for found in values.values())
    assert len(PUBLISHED) == 12 * 6 + 2 * 3 + 2 * 3 + 4 * 2 + 6 * 2 + 2 * 2


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
