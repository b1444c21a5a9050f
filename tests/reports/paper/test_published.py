"""What README and ``results/`` say is what the ledger beside them and the benchmark say."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from reports.build import build
from reports.published.numbers import best_without_bert
from search_spaces.ablation import FULL
from study.ledger.ledger import Ledger
from study.ledger.schema import read_exported
from study.ledger.transfer import merge

ROOT = Path(__file__).parents[3]
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
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The paper's tables as they are made from the published ledger alone."""
    folder = tmp_path_factory.mktemp("published")
    for file in sorted((ROOT / "results" / "ledger").glob("*.jsonl.xz")):
        merge(Ledger(folder / "runs"), read_exported(file))
    build(folder / "runs", folder / "out", ["rounds_curve-webnlg_star"])
    return folder / "out" / PAPER.name


@pytest.mark.parametrize("name", ["table1", "table4", "table5", "claims", "orderings"])
def test_a_published_table_can_be_made_from_the_published_ledger(made: Path, name: str) -> None:
    frames = [pd.read_csv(folder / f"{name}.csv") for folder in (PAPER, made)]
    # Redrawing sentences takes their gold triples, which the ledger does not hold.
    without_sentences = [
        frame[~frame["column"].str.contains("over sentences")].reset_index(drop=True)
        for frame in frames
    ]
    pd.testing.assert_frame_equal(*without_sentences)
    assert frames[0]["n"].max() >= 5


def test_readmes_table_is_a_part_of_the_published_one() -> None:
    published = {row["Model"]: row for row in rows((PAPER / "tables.md").read_text())}
    headline = rows(README)
    assert {"BiLSTM_s", "RIN (GRU, K = 1)"} <= {row["Model"] for row in headline}
    for row in headline:
        assert row == {name: published[row["Model"]][name] for name in row}


def test_what_readme_says_of_uncertain_published_means() -> None:
    below = [row["Model"] for row in rows(README) if row["Verdict on F1"] == "ours below"]
    text = (ROOT / "results" / "REPRODUCTION.md").read_text()
    found = re.search(r"(\d+) more would be reproduced: (.*?)\.\n", text)
    assert found
    said = re.search(
        r"as uncertain as ours, all (\w+) \"ours below\" would be", README.replace("\n", " ")
    )
    assert said
    assert ["zero", "one", "two", "three", "four", "five"][len(below)] == said.group(1)
    assert set(below) <= set(re.split(r", (?=RIN|BiLSTM)", found.group(2)))


def confirmed(space: str, label: str) -> str:
    """Return the published test F1 of a search's best on fresh seeds."""
    table = pd.read_csv(ROOT / "results" / f"{space}-webnlg_star" / "confirmation.csv", dtype=str)
    (text,) = table[(table["row"] == label) & (table["column"] == "test F1")]["text"]
    return str(text)


def test_scores_of_tuned_models_in_readme_equal_the_search() -> None:
    found = re.search(
        r"with (\d+) trials of .*? \(`--space (\w+)`\), (RIN \(.+?\)) has (\S+ ± \S+) test F1 and "
        r"(\w+) (\S+ ± \S+), a difference of (\S+ ± \S+) "
        r"\(95 % (\S+ to \S+), (\d) seeds; p (\S+), .*? and (\S+) among \w+ pairs\), "
        r"where the paper's best without BERT is (\S+)\.",
        " ".join(README.split()),
    )
    assert found
    trials, space, rin, f1, baseline, baselines, difference, interval, seeds, *ps, best = (
        found.groups()
    )
    assert confirmed(space, f"{rin}, tuned") == f1
    assert confirmed(space, f"{baseline}, tuned") == baselines
    table = pd.read_csv(ROOT / "results" / f"{space}-webnlg_star" / "comparison.csv", dtype=str)
    compared = table[table["row"] == "k-1/k-0"].set_index("column")["text"]
    assert compared["Verdict"] == "supported"
    assert compared["Δ F1, each tuned"] == difference
    assert (compared["95 % over seeds"], compared["Common seeds"]) == (interval, seeds)
    p, corrected = compared["p over seeds (Holm)"].rstrip(")").split(" (")
    assert [f"{float(p):.2f}", corrected] == ps
    searched = pd.read_csv(ROOT / "results" / f"{space}-webnlg_star" / "trials.csv")
    assert set(searched.groupby("arm").size()) == {int(trials)}
    published = best_without_bert("webnlg_star")
    assert published is not None
    assert str(published.value) == best


def test_the_tuned_score_in_readme_equals_the_search() -> None:
    found = re.search(
        r"`--space (\w+)`, (\d+) trials\) took K = (\d), .*?: (\S+ ± \S+)\.",
        " ".join(README.split()),
    )
    assert found
    space, trials, rounds, f1 = found.groups()
    assert confirmed(space, "RIN, tuned") == f1
    searched = pd.read_csv(ROOT / "results" / f"{space}-webnlg_star" / "trials.csv")
    assert len(searched) == int(trials)
    finished = searched[searched["state"] == "finished"]
    assert finished.loc[finished["dev_f1"].idxmax(), "model.rounds"] == int(rounds)


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
    gain = re.search(r"entity F1 rises by (\S+) \(95 % (\S+ to \S+); p (\S+), and (\d)", text)
    assert share
    assert gain
    vectors = pd.read_csv(PAPER / "errors_vectors.csv", dtype=str)
    groups = {re.sub(r" \(\d+\)$", "", c): c for c in vectors["column"].unique()}
    gold = {name: int(re.findall(r"\d+", column)[-1]) for name, column in groups.items()}
    assert int(share.group(1)) == round(100 * gold["one has none"] / sum(gold.values()))
    claims = pd.read_csv(PAPER / "claims.csv", dtype=str)
    entities = claims[claims["row"] == "entities"].set_index("column")["text"]
    assert entities["Mean Δ F1"].startswith(f"+{gain.group(1)} ")
    assert (entities["95 % over seeds"], entities["Verdict"]) == (gain.group(2), "supported")
    assert entities["p over seeds (Holm)"] == f"{gain.group(3)} ({gain.group(4)})"


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


def test_what_readme_says_of_more_rounds_at_tuned_settings_was_measured() -> None:
    text = " ".join(README.split())
    found = re.search(
        r"K = 3's search found nothing better than where it began "
        r"\((\S+ ± \S+) for (\S+ ± \S+)\)\. With the learning rate and dropout found for K = 1, "
        r"K = 0, 1, 2 and 3 have (\S+ ± \S+), (\S+ ± \S+), (\S+ ± \S+) and (\S+ ± \S+) "
        r"\(`--space results/spaces/(\w+)\.toml`",
        text,
    )
    assert found
    searched, start, *by_rounds, space = found.groups()
    assert confirmed("fair_rounds", "RIN (GRU, K = 3), tuned") == searched
    assert confirmed("fair_rounds", "RIN (GRU, K = 3), paper's") == start
    table = pd.read_csv(ROOT / "results" / f"{space}-webnlg_star" / "results.csv", dtype=str)
    cells = table.pivot_table(index="row", columns="column", values="text", aggfunc="first")
    arms = ("k-0-as-k-1", "k-1-setting", "k-2-as-k-1", "k-3-as-k-1")
    assert [cells.loc[arm, "F1"] for arm in arms] == by_rounds
    assert set(cells.loc[list(arms), "Seeds"]) == {"5/5"}
    gain = re.search(r"one round gains (\S+) \(95 % (\S+) to (\S+)\), more add nothing", text)
    assert gain
    differences = pd.read_csv(
        ROOT / "results" / f"{space}-webnlg_star" / "differences.csv", dtype=str
    )
    cells = differences.pivot_table(index="row", columns="column", values="text", aggfunc="first")
    mean, low, high = gain.groups()  # of K = 1; the table has K = 0 less it
    assert cells.loc["k-0-as-k-1", "Δ F1"].startswith(f"−{mean} ")
    assert cells.loc["k-0-as-k-1", "95 % over seeds"] == f"−{high} to −{low}"
    assert all(cells.loc[arm, "Δ F1"].startswith("−") for arm in arms[2:])
    assert (ROOT / "results" / "spaces" / f"{space}.toml").exists()
