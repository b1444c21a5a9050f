"""The paper's tables from a small ledger, and Table 2 from hand-made corpora."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from reports.document.table import NO_CELL, Cell, Row, Table
from reports.frames.predictions import read_corpora
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import pool, read_ledger
from reports.page.build import build
from reports.paper.claims import largest_balanced_design
from reports.paper.registry import PAPER, make_tables
from reports.tables.corpora import corpus_table, findings_table
from rin_core.config import canonical_settings
from tests.ledgers import NEW, OLD, Ledger
from tests.reports.tables.test_breakdown import F1, GOLD, SAID

SETTINGS = canonical_settings(NEW)
ARMS = {
    "gru-1": (0.86, 0.87, 0.88),
    "bilstm-s": (0.84, 0.86, 0.85),
    "no-relation-input": (0.85, 0.86, 0.87),
    "linear": (0.87, 0.88, 0.89),
}


def two_studies(runs: Path) -> Ledger:
    """An ablation; then a rounds curve that shares its full model and adds K = 3."""
    made = Ledger(runs)
    for arm, scores in ARMS.items():
        for seed, f1 in enumerate(scores):
            made.finish(made.plan(arm, seed), f1)
    made.save("ablation-webnlg_star", updated="2020-01-01")
    made.trials = made.trials[:3]
    made.plan("gru-3", 0)
    made.trials[-1]["fingerprint"] = "f" * 16
    made.finish("f" * 16, 0.9)
    made.save("rounds_curve-webnlg_star", updated="2020-01-02")
    return made


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """The two studies, for a test that adds to them."""
    return two_studies(tmp_path / "runs")


def cells(table: Table) -> Mapping[tuple[str, str], Cell]:
    return {(row.key, column): cell for row in table.rows for column, cell in row.cells.items()}


def tables(runs: Path, corpus: str = "webnlg_star") -> dict[str, Table]:
    frame = pool(read_ledger(runs), corpus, SETTINGS)
    return paper_tables(StudyData(corpus=corpus, frame=frame))


def paper_tables(study: StudyData) -> dict[str, Table]:
    return {table.name: table for table in make_tables(PAPER, study)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    """The paper's tables of the two studies, for all tests that only read them."""
    return tables(two_studies(tmp_path_factory.mktemp("two") / "runs").runs)


def test_shared_runs_are_counted_once(ledger: Ledger) -> None:
    frame = pool(read_ledger(ledger.runs), "webnlg_star", SETTINGS)
    assert dict(frame.groupby("arm").size()) == dict.fromkeys(ARMS, 3) | {"gru-3": 1}


def test_an_arm_name_with_two_meanings_is_the_last_studys(ledger: Ledger) -> None:
    ledger.trials = []
    for seed in (0, 5):
        fingerprint = ledger.plan("gru-1", seed, config={"training.batch_size": 10})
        ledger.trials[-1]["fingerprint"] = fingerprint.replace("0", "e")
    ledger.save("version-webnlg_star", updated="2020-01-03")
    frame = pool(read_ledger(ledger.runs), "webnlg_star", SETTINGS)
    assert list(frame.loc[frame["arm"] == "gru-1", "seed"]) == [0, 5]


def test_table_1(made: dict[str, Table]) -> None:
    table = made["table1"]
    assert len(table.rows) == 12
    found = cells(table)
    assert found["gru-1", "F1"].text == "87.0 ± 1.0"
    assert found["gru-1", "Paper's recall"].text == "86.0"
    assert found["gru-1", "Verdict on F1"].text == "reproduced"
    assert found["gru-3", "Verdict on F1"].text == "one seed"
    assert (found["gru-5", "F1"].text, found["gru-5", "Verdict on F1"].text) == ("not run",) * 2
    hbt = [found["hbt", column].text for column in ("F1", "Paper's F1", "Verdict on F1", "Source")]
    assert hbt == ["–", "88.8", "–", "Table 1, HBT (Wei et al., 2019)"]


def test_table_4(made: dict[str, Table], ledger: Ledger) -> None:
    found = cells(made["table4"])
    assert found["gru-1", "Relation F1"].text == "87.0 ± 1.0"
    assert found["gru-1", "Entity F1"].text == "92.0 ± 1.0"
    assert found["gru-1", "Verdict on entities"].text == "–"
    nyt = cells(tables(ledger.runs, "nyt")["table4"])
    assert nyt["gru-5", "Paper's entity F1"].text == "90.9"
    assert nyt["gru-5", "Verdict on entities"].text == "not run"


def test_table_5(made: dict[str, Table]) -> None:
    table = made["table5"]
    found = cells(table)
    assert table.rows[0].key == "gru-1"
    # −2, −1, −3: mean −2, sd 1; all of one sign, so p is 2 / 2³; three rows are tested
    assert found["bilstm-s", "Δ F1"].text == "−2.0 ± 1.0"
    assert found["bilstm-s", "Paper's Δ"].text == "−0.9"
    assert found["bilstm-s", "Common seeds"].text == "3"
    assert found["bilstm-s", "p over seeds (Holm)"].text == "0.25 (0.75)"
    assert found["bilstm-s", "95 % CI over seeds"].text == "−4.5 to 0.5"
    assert found["linear", "Δ F1"].text == "+1.0 ± 0.0"
    assert found["no-shared-input", "Δ F1"].text == "not run"
    assert len(found["bilstm-s", "Δ F1"].fingerprints) == 6


def test_orderings(made: dict[str, Table]) -> None:
    found = cells(made["orderings"])
    holds = {row: found[row, "Holds"].text for row, column in found if column == "Holds"}
    assert holds["gru-1/bilstm-s"] == "yes"
    assert holds["no-relation-input/bilstm-s"] == "yes"
    assert holds["gru-1/linear"] == "no"
    assert holds["gru-3/gru-1"] == "yes"
    assert holds["bert-2/bert-1"] == "not run"
    assert found["gru-3/gru-1", "Paper's Δ"].text == "+0.7"
    assert found["gru-3/rnn-3", "Paper's Δ"].text == "–"  # a figure


def test_claims(made: dict[str, Table], ledger: Ledger) -> None:
    found = cells(made["claims"])
    verdicts = {row: found[row, "Verdict"].text for row, column in found if column == "Verdict"}
    assert verdicts == {
        "interaction": "undecided",  # one of its pairs was run: 2, 1, 3
        "rounds": "one seed",
        "entities": "undecided",
        "cell": "not run",
        "peak": "not run",
        "inputs": "undecided",  # one of three was run: 1, 1, 1
        "partial": "undecided",
        "pivotal": "not run",
        "linear": "contradicted",
        "encoder": "not run",
        "encoder-rounds": "not run",
    }
    assert found["interaction", "Holds in pairs"].text == "1 of 1, 2 incomplete"
    assert found["linear", "Holds in pairs"].text == "0 of 2"
    assert found["inputs", "95 % CI over seeds"].text == "1.0 to 1.0"
    # -1 and -3, -1 and -2, -1 and -4: a mean for each seed
    assert found["linear", "Mean Δ F1"].text == "−2.0 ± 0.5"
    assert found["linear", "95 % CI over seeds"].text == "−3.2 to −0.8"
    assert len(found["linear", "Verdict"].fingerprints) == 9
    assert "claims" not in tables(ledger.runs, "mine")


def test_a_claim_of_each_pair_has_to_hold_in_each(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    arms = {"gru-1": 0.90, "no-relation-input": 0.80, "no-entity-input": 0.80}
    arms["no-shared-input"] = 0.901
    for arm, f1 in arms.items():
        for seed in range(3):
            ledger.finish(ledger.plan(arm, seed), f1 + (seed - 1) * (0.01 if f1 < 0.9 else 0))
    ledger.save("ablation-webnlg_star")
    found = cells(tables(tmp_path)["claims"])
    # 10 ± 1, 10 ± 1 and −0.1 ± 0: above 0 on average, below it in one.
    assert found["inputs", "Mean Δ F1"].text == "+6.6 ± 0.7"
    assert found["inputs", "Holds in pairs"].text == "2 of 3"
    assert found["inputs", "Verdict"].text == "contradicted"
    assert found["pivotal", "Verdict"].text == "supported"


def test_pairs_of_unlike_seeds_are_not_one_claim(tmp_path: Path) -> None:
    """The largest set of seeds judges; of several as large, the one that most pairs have."""
    ledger = Ledger(tmp_path)
    seeds = {"no-relation-input": (0, 1), "no-entity-input": (1, 2), "no-shared-input": (1, 2)}
    for arm, finished in {"gru-1": (0, 1, 2), **seeds}.items():
        for seed in finished:
            lost = {"gru-1": 0, "no-relation-input": 0.3}.get(arm, 0.01 * seed)
            ledger.finish(ledger.plan(arm, seed), 0.9 - lost)
    ledger.save("ablation-webnlg_star")
    found = cells(tables(tmp_path)["claims"])
    assert found["inputs", "Holds in pairs"].text == "2 of 2, 1 incomplete"
    assert found["inputs", "Common seeds"].text == "2"
    assert found["inputs", "Mean Δ F1"].text == "+1.5 ± 0.7"  # 1 and 2, without the 30 of the other
    assert found["inputs", "Verdict"].text == "undecided"


def test_the_largest_balanced_design() -> None:
    a, b, c = ("a", "x"), ("b", "x"), ("c", "x")
    one, two, three = frozenset({0}), frozenset({0, 1}), frozenset({0, 1, 2})
    assert largest_balanced_design({}) == (frozenset(), ())
    assert largest_balanced_design({a: frozenset()}) == (frozenset(), ())
    assert largest_balanced_design({a: three, b: three, c: one}) == (three, (a, b))
    assert largest_balanced_design({a: three, b: two, c: two}) == (two, (a, b, c))
    assert largest_balanced_design({a: two, b: one}) == (two, (a,)), "as many, and more seeds"


def test_a_seed_more_of_one_pair_does_not_leave_out_the_others(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    lost = {"gru-1": (0, 0, 0, 0), "no-relation-input": (0.01, 0.02, 0.03, 0.3)}
    lost |= {"no-entity-input": (0.01, 0.02, 0.03), "no-shared-input": (0.01, 0.02, 0.03)}
    for arm, by_seed in lost.items():
        for seed, less in enumerate(by_seed):
            ledger.finish(ledger.plan(arm, seed), 0.9 - less)
    ledger.save("ablation-webnlg_star")
    found = cells(tables(tmp_path)["claims"])
    assert found["inputs", "Holds in pairs"].text == "3 of 3"
    assert found["inputs", "Common seeds"].text == "3"
    assert found["inputs", "Mean Δ F1"].text == "+2.0 ± 1.0"
    # Each of the three is judged by the seeds that all have: none by that with 30.
    assert found["inputs", "Verdict"].text == "undecided"
    assert found["inputs", "95 % CI over seeds"].text == "−0.5 to 4.5"


def test_how_large_the_papers_gain_is_and_whether_ours_can_be(ledger: Ledger) -> None:
    ledger.plan("rnn-1", 0)  # printed in a figure, in no table
    ledger.trials[-1]["fingerprint"] = "d" * 16
    ledger.finish("d" * 16, 0.9)
    ledger.save("rounds_curve-webnlg_star", updated="2020-01-02")
    found = cells(tables(ledger.runs)["claims"])
    sizes = {
        row: (cell.text, found[row, "Verdict on size"].text)
        for (row, column), cell in found.items()
        if column == "Paper's Δ"
    }
    # A pair with one seed does not take the three of the others.
    assert found["interaction", "Holds in pairs"].text == "1 of 1, 2 incomplete"
    assert found["interaction", "Common seeds"].text == "3"
    # K = 1 over BiLSTM_s: 2, 1, 3, whose interval holds 0, too
    assert sizes["interaction"] == ("+0.9", "not ruled out")
    assert sizes["rounds"] == ("+0.7", "one seed")
    assert sizes["linear"] == ("+0.9", "ours below")  # (1.4 + 0.5) / 2
    assert sizes["cell"] == sizes["peak"] == sizes["encoder"] == ("–", "–")
    assert len(found["interaction", "Verdict on size"].fingerprints) == 6
    assert found["linear", "Paper's Δ"].source == (
        "Table 1, RIN (100d, K = 1); Table 5, RIN −γ; Table 1, BiLSTM_s (100d)"
    )


def test_the_round_of_the_best_dev_score_is_compared_seed_by_seed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    scores = {"gru": ((0.8, 0.81, 0.84), (0.8, 0.83, 0.82)), "rnn": ((0.8, 0.7, 0.6),) * 2}
    for cell, seeds in scores.items():
        for seed, values in enumerate(seeds):
            for k, f1 in enumerate(values, start=1):
                ledger.finish(ledger.plan(f"{cell}-{k}", seed), f1)
    ledger.finish(ledger.plan("gru-4", 0), 0.9)  # the RNN has no K = 4
    ledger.save("rounds_curve-webnlg_star")
    found = cells(tables(tmp_path)["claims"])["peak", "Mean Δ F1"]
    assert found.text == "+1.5 ± 0.7"


def test_rounds_in_which_all_seeds_agree_have_no_scatter_to_judge_by(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for seed in range(2):
        for arm, f1 in {"gru-1": 0.8, "gru-2": 0.9, "rnn-1": 0.9, "rnn-2": 0.8}.items():
            ledger.finish(ledger.plan(arm, seed), f1)
    ledger.save("rounds_curve-webnlg_star")
    found = cells(tables(tmp_path)["claims"])
    assert found["peak", "95 % CI over seeds"].text == "1.0 to 1.0"
    assert found["peak", "Verdict"].text == "undecided"


def test_runs_are_compared_sentence_by_sentence(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.describe(GOLD * 40)
    said = [(n + 3 * k, i, t, j) for k in range(40) for n, i, t, j in SAID]
    first = [row for row in said if row[0] % 3 == 0]
    ledger.predict(ledger.plan("gru-1", 0), F1, said)
    ledger.predict(ledger.plan("bilstm-s", 0), 0.4, first)
    ledger.save("ablation-webnlg_star")
    frame = pool(read_ledger(tmp_path), "webnlg_star", SETTINGS)
    found = cells(paper_tables(study_data(tmp_path, frame))["table5"])
    over = found["bilstm-s", "95 % CI over sentences"].estimate
    assert over.mean == pytest.approx(100 * (0.4 - F1))
    assert over.low < over.mean < over.high
    assert over.n == 120
    assert found["bilstm-s", "p over seeds (Holm)"].text == "–"


def test_other_corpora_have_rows_for_what_is_planned(ledger: Ledger) -> None:
    frame = pool(read_ledger(ledger.runs), "webnlg_star", SETTINGS).assign(corpus="mine")
    made = paper_tables(StudyData(corpus="mine", frame=frame))
    assert list(made) == ["table1", "claims", "orderings", "table5", "table4"]
    claims = {row.key for row in made["claims"].rows}
    assert claims == {"interaction", "rounds", "entities", "inputs", "partial", "linear"}
    assert {c.text for (_, column), c in cells(made["claims"]).items() if "size" in column} == {"–"}
    demo = paper_tables(StudyData(corpus="demo", frame=frame.assign(corpus="demo")))
    assert "claims" not in demo
    assert {row.key for row in made["table1"].rows} == {"gru-1", "bilstm-s", "gru-3"}
    assert paper_tables(StudyData(corpus="mine", frame=frame.iloc[:0])) == {}


def test_settings_are_not_mixed(ledger: Ledger) -> None:
    ledger.finish(ledger.plan("gru-1", 0, OLD), 0.1)
    ledger.save("ablation-webnlg_star", updated="2020-01-05")
    frame = read_ledger(ledger.runs)
    with pytest.raises(ValueError, match=r"settings: .* must not be averaged together"):
        StudyData(corpus="webnlg_star", frame=frame)
    made = build(ledger.runs, ledger.runs / "out", ["rounds_curve-webnlg_star"])
    page = next(p for p in made.pages if p.parent.name == "paper-webnlg_star" and p.suffix == ".md")
    text = page.read_text()
    assert "| 87.0 ± 1.0 |" in text
    assert "with other settings (training.max_epochs=2)" in text


def test_what_a_search_confirmed_last_leaves_the_tables_alone(ledger: Ledger) -> None:
    ledger.finish(ledger.plan("rin-tuned", 0, OLD), 0.99)
    ledger.save("tune_rin-webnlg_star-confirmed", updated="2020-01-05")
    made = build(ledger.runs, ledger.runs / "out")
    page = next(p for p in made.pages if p.parent.name == "paper-webnlg_star" and p.suffix == ".md")
    text = page.read_text()
    assert "| 87.0 ± 1.0 |" in text
    assert "with other settings" not in text


# --- Table 2 -------------------------------------------------------------------------------


def test_table_2(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.describe(GOLD)
    ledger.describe(GOLD, "the same with tags")
    table = corpus_table(read_corpora(tmp_path).values())
    assert [row.key for row in table.rows] == [
        f"{corpus}/{split}"
        for corpus in ("nyt", "webnlg_star")
        for split in ("train", "dev", "test")
    ]
    found = cells(table)
    assert found["nyt/train", "Sentences"].text == "not here [56,195]"
    assert found["webnlg_star/test", "Sentences"].text == "3 ≠ [703]"
    assert found["webnlg_star/test", "Sentences"].source == "Table 2, WebNLG"
    assert found["webnlg_star/test", "Triples"].estimate.mean == 4
    assert found["webnlg_star/test", "Missing"].text == "25.00 %"
    assert found["webnlg_star/dev", "Normal"].text == "1"
    assert found["webnlg_star/test", "SEO"].text == "1 ≠ [457]"


def test_findings_are_recorded_and_shown_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.describe(GOLD)
    ledger.describe(GOLD, "the same with tags")
    table = findings_table(read_corpora(tmp_path).values())
    assert table is not None
    keys = [row.key for row in table.rows]
    assert len(set(keys)) == len(keys)
    assert "webnlg_star/dev/split-equals-train" in keys
    count = cells(table)["webnlg_star/train/few-sentences", "Count"]
    assert count.estimate.mean == len(GOLD)


def test_older_records_have_no_findings(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.describe(GOLD)
    path = tmp_path / "corpora" / "c.json"
    record = json.loads(path.read_text())
    del record["findings"]
    path.write_text(json.dumps(record))
    assert findings_table(read_corpora(tmp_path).values()) is None


# --- renderings ----------------------------------------------------------------------------


def test_all_rows_have_the_same_columns() -> None:
    rows = (
        Row(key="a", label="A", cells={"F1": NO_CELL}),
        Row(key="b", label="B", cells={"Recall": NO_CELL}),
    )
    with pytest.raises(ValueError, match=r"table table4, row b: columns Recall differ from .*: F1"):
        Table(name="table4", title="", head="", rows=rows)


def test_words_are_aligned_to_the_left_and_numbers_to_the_right(made: dict[str, Table]) -> None:
    table = made["table1"]
    assert [c for c in table.columns if table.is_text(c)] == ["Verdict on F1", "Source"]
    rule = table.markdown().splitlines()[3]
    assert rule.split(" | ")[4:7] == ["---:", "---", "---:"]


def test_latex_is_escaped_and_complete(made: dict[str, Table]) -> None:
    text = made["table5"].latex()
    assert r"RIN $-$$\hat{y}$" not in text  # planned arms have their own labels
    assert r"BiLSTM\_s & 3/3 & 85.0 $\pm$ 1.0 & 85.4" in text
    assert r"95 \% CI over seeds" in text
    assert [line for line in text.splitlines() if line.startswith("\\")] == [
        r"\begin{table}",
        r"\centering",
        r"\caption{Table 5: what each part of RIN (K = 1) adds on webnlg\_star}",
        r"\begin{tabular}{lrrrlrrrrrrr}",
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def test_a_separator_in_a_label_does_not_break_the_row() -> None:
    row = Row(key="x", label="a | b_c & 5 %", cells={"one": Cell(text="1")})
    table = Table(name="t", title="T", head="Model", rows=(row,))
    assert "| a \\| b_c & 5 % | 1 |" in table.markdown()
    assert r"a | b\_c \& 5 \% & 1" in table.latex()
