"""What README and ``results/`` say is what the ledger beside them and the benchmark say."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from reports.build import build
from reports.paper import best_without_bert
from search_spaces.ablation import FULL
from study.exported import read_exported
from study.ledger import Ledger
from study.portable import merge

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAPER = ROOT / "results" / "paper-webnlg_star"
SPEED = ROOT / "benchmarks" / "results" / "speed-webnlg_star-cpu.csv"


def rows(markdown: str) -> list[dict[str, str]]:
    """Read the first Markdown table of a text."""
    found = re.search(r"(?:^\|.*\n)+", markdown, flags=re.MULTILINE)
    lines = found.group().splitlines() if found else []
    head, _, *body = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return [dict(zip(head, cells, strict=False)) for cells in body]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Table 1 as it is made from the published ledger alone."""
    folder = tmp_path_factory.mktemp("published")
    for file in sorted((ROOT / "results" / "ledger").glob("*.jsonl.xz")):
        merge(Ledger(folder / "runs"), read_exported(file))
    build(folder / "runs", folder / "out", ["rounds_curve-webnlg_star"])
    return pd.read_csv(folder / "out" / PAPER.name / "table1.csv")


def test_the_published_table_can_be_made_from_the_published_ledger(made: pd.DataFrame) -> None:
    kept = pd.read_csv(PAPER / "table1.csv")
    scores = ["Precision", "Recall", "F1", "95 % of F1", "Verdict on F1"]
    numbers = [
        frame[frame["column"].isin(scores)].reset_index(drop=True)
        for frame in (kept.drop(columns="table"), made.drop(columns="table"))
    ]
    pd.testing.assert_frame_equal(*numbers)
    assert kept["n"].max() >= 5


def test_readmes_table_is_a_part_of_the_published_one() -> None:
    published = {row["Model"]: row for row in rows((PAPER / "tables.md").read_text())}
    headline = rows(README)
    assert {"BiLSTM_s", "RIN (GRU, K = 1)"} <= {row["Model"] for row in headline}
    for row in headline:
        assert row == {name: published[row["Model"]][name] for name in row}


def test_readmes_tuned_score_is_the_searchs() -> None:
    found = re.search(
        r"`--space (\w+)`, (\d+) trials\).*? test F1 is (\S+ ± \S+), "
        r"the paper's best without BERT (\S+); "
        r".*? K = (\d)",
        " ".join(README.split()),
    )
    assert found
    space, trials, f1, best, rounds = found.groups()
    folder = ROOT / "results" / f"{space}-webnlg_star"
    tuned = pd.read_csv(folder / "confirmation.csv", index_col="column").iloc[:3]
    assert tuned.loc["seeds", "text"] == "5/5"
    assert tuned.loc["test F1", "text"] == f1
    searched = pd.read_csv(folder / "trials.csv")
    assert len(searched) == int(trials)
    finished = searched[searched["state"] == "finished"]
    assert finished.loc[finished["dev_f1"].idxmax(), "model.rounds"] == int(rounds)
    published = best_without_bert("webnlg_star")
    assert published is not None
    assert str(published.value) == best


def test_what_readme_says_of_choosing_on_test_was_measured() -> None:
    found = re.search(
        r"`--space (\w+)`\), (RIN \(.+?\)) would have (\S+ ± \S+), and the paper's (\S+) lies"
        r".*?; BiLSTM_s would have (\S+ ± \S+), lifted",
        " ".join(README.split()),
    )
    assert found
    space, label, f1, paper, baseline = found.groups()
    table = pd.read_csv(ROOT / "results" / f"{space}-webnlg_star" / "optimism.csv", dtype=str)
    assert label == FULL.label
    cells = table[table["row"] == FULL.name].set_index("column")["text"]
    assert (cells["Chosen on test"], cells["Paper's F1"]) == (f1, paper)
    assert cells["Common seeds"] == "5"
    on_dev, on_test = (float(cells[f"Chosen on {s}"].split(" ")[0]) for s in ("dev", "test"))
    assert on_dev < float(paper) < on_test
    cells = table[table["row"] == "bilstm-s"].set_index("column")["text"]
    assert (cells["Chosen on test"], cells["Common seeds"]) == (baseline, "5")


def test_what_readme_says_of_nyt5k_star_is_what_its_claims_came_to() -> None:
    found = re.search(
        r"On `nyt5k_star`, .*? one round beats none by (\S+ ± \S+) F1 "
        r"\(95 % (\S+ to \S+), five seeds\)",
        " ".join(README.split()),
    )
    assert found
    table = pd.read_csv(ROOT / "results" / "paper-nyt5k_star" / "claims.csv", dtype=str)
    claims = table.pivot_table(index="row", columns="column", values="text", aggfunc="first")
    helps, more = claims.loc["interaction"], claims.loc["rounds"]
    assert found.groups() == (helps["Mean Δ F1"], helps["95 % over seeds"])
    assert (helps["Verdict"], helps["Common seeds"]) == ("supported", "5")
    assert more["Verdict"] in ("undecided", "contradicted")
    assert more["Mean Δ F1"].startswith("−")


def test_what_readme_says_of_vectors_and_of_entities_is_in_the_tables() -> None:
    text = " ".join(README.split())
    share = re.search(r"A word of (\d+) % of the test triples has no vector", text)
    gain = re.search(r"entity F1 rises by (\S+) \(95 % (\S+ to \S+)\)", text)
    assert share
    assert gain
    vectors = pd.read_csv(PAPER / "errors_vectors.csv", dtype=str)
    groups = {re.sub(r" \(\d+\)$", "", c): c for c in vectors["column"].unique()}
    gold = {name: int(re.findall(r"\d+", column)[-1]) for name, column in groups.items()}
    assert int(share.group(1)) == round(100 * gold["one has none"] / sum(gold.values()))
    scores = vectors.pivot_table(index="row", columns="column", values="value", aggfunc="first")
    over = scores.loc[["gru-1", "gru-3", "gru-5"]].astype(float) - scores.loc["bilstm-s"].astype(
        float
    )
    assert (over[groups["both have one"]] > 0).all()
    assert (over[groups["one has none"]] < 0).all()
    claims = pd.read_csv(PAPER / "claims.csv", dtype=str)
    entities = claims[claims["row"] == "entities"].set_index("column")["text"]
    assert entities["Mean Δ F1"].startswith(f"+{gain.group(1)} ")
    assert (entities["95 % over seeds"], entities["Verdict"]) == (gain.group(2), "supported")


def test_readmes_speed_is_the_benchmarks() -> None:
    found = re.search(
        r"at K = 1 takes (\S+) s on one core .*? takes (\S+) times as long on our batches .*? "
        r"and (\S+) times on random",
        " ".join(README.split()),
    )
    assert found
    speed = pd.read_csv(SPEED, index_col="formulation")
    # A cell is a median, then its range.
    medians = speed.map(lambda cell: float(str(cell).split(" ")[0]))
    ratio = medians["times the product at that K"]
    assert found.groups() == (
        f"{medians.loc['product, K = 1', 'seconds an epoch']:.1f}",
        f"{ratio['dense, K = 1']:.1f}",
        f"{ratio['dense on random batches, K = 1']:.0f}",
    )
