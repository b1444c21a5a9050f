"""The published tables equal those made from the published ledger."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reports.page.build import build
from study.ledger.exported import read_exported
from study.ledger.ledger import Ledger
from study.ledger.transfer import merge

ROOT = Path(__file__).parents[3]
PAPER = ROOT / "results" / "paper-webnlg_star"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The paper's tables as they are made from the published ledger alone."""
    folder = tmp_path_factory.mktemp("published")
    for file in sorted((ROOT / "results" / "ledger").glob("*.jsonl.xz")):
        merge(Ledger(folder / "runs"), read_exported(file))
    build(folder / "runs", folder / "out", ["rounds_curve-webnlg_star"])
    return folder / "out" / PAPER.name


TESTS = ["se", "df", "p", "p_holm", "p_equal", "p_equal_holm", "margin"]
NUMBERS = ["value", "sd", "n", "low", "high", *TESTS]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["table1", "table4", "table5", "claims", "orderings"])
def test_a_published_table_can_be_made_from_the_published_ledger(made: Path, name: str) -> None:
    frames = [pd.read_csv(folder / f"{name}.csv") for folder in (PAPER, made)]
    # Resampling sentences requires their gold triples, which the exported ledger does not hold.
    without_sentences = [
        frame[~frame["column"].str.contains("other sentences")].reset_index(drop=True)
        for frame in frames
    ]
    published, again = (frame[["row", *NUMBERS]] for frame in without_sentences)
    pd.testing.assert_frame_equal(published, again)
    assert frames[0]["n"].max() >= 5
