"""The paper's tables from a small ledger, and Table 2 from hand-made corpora."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from scipy import stats

from reports.document.table import NO_CELL, Cell, Row, Table
from reports.frames.predictions import read_corpora
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import no_trials, pool, read_ledger
from reports.page.build import build
from reports.page.corpora import paper_sections
from reports.paper.registry import PAPER, make_tables
from reports.stats.verdicts import Word
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
    judged = found["gru-1", "Verdict"].judged
    assert judged is not None
    assert judged.difference.value == pytest.approx(87.0 - 86.3)
    assert judged.verdict.word is Word.UNDECIDED
    assert found["gru-3", "Verdict"].text == "one seed"
    assert (found["gru-5", "F1"].text, found["gru-5", "Verdict"].text) == ("not run",) * 2
    hbt = [found["hbt", column].text for column in ("F1", "Paper's F1", "Verdict", "Source")]
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
    # Four arms of sd 1 with 3 runs each: SE = √(2 / 3), 8 degrees of freedom, t = 2.306.
    assert found["bilstm-s", "Δ F1"].text == "−2.0"
    assert found["bilstm-s", "Paper's Δ"].text == "−0.9"
    assert found["bilstm-s", "SE (df)"].text == "0.82 (8)"
    assert found["bilstm-s", "p"].text == "0.04"
    assert found["bilstm-s", "95 % CI"].text == "−3.9 to −0.1"
    assert found["bilstm-s", "Verdict of Δ"].text == "worse"
    assert found["bilstm-s", "p permutation"].text == "0.2"  # 4 of 20 splits
    assert found["linear", "Δ F1"].text == "+1.0"
    assert found["no-shared-input", "Δ F1"].text == "not run"
    assert len(found["bilstm-s", "Δ F1"].fingerprints) == 6


def test_orderings(made: dict[str, Table]) -> None:
    found = cells(made["orderings"])
    differences = {row: found[row, "Δ F1"].text for row, column in found if column == "Δ F1"}
    assert differences["gru-1/bilstm-s"] == "+2.0"
    assert differences["no-relation-input/bilstm-s"] == "+1.0"
    assert differences["gru-1/linear"] == "−1.0"
    assert differences["gru-3/gru-1"] == "+3.0"
    assert found["gru-3/gru-1", "Verdict"].text == "one seed"
    assert differences["bert-2/bert-1"] == "not run"
    assert found["gru-3/gru-1", "Paper's Δ"].text == "+0.7"
    assert found["gru-3/rnn-3", "Paper's Δ"].text == "–"  # a figure


def test_claims(made: dict[str, Table], ledger: Ledger) -> None:
    found = cells(made["claims"])
    verdicts = {row: found[row, "Verdict"].text for row, column in found if column == "Verdict"}
    words = {row: text.partition(",")[0] for row, text in verdicts.items()}
    assert words == {
        **{"interaction": "undecided", "rounds": "one seed", "cell": "not run"},
        **{"parts": "undecided", "capacity": "not run", "entities": "better"},
        **{"peak": "not run", "inputs": "undecided", "partial": "undecided"},
        **{"pivotal": "not run", "linear": "worse"},
        **{"encoder": "not run", "encoder-rounds": "not run"},
    }
    assert found["linear", "Holds in pairs"].text == "0 of 2"
    assert found["linear", "Δ F1"].text == "−3.0"
    assert found["inputs", "Holds in pairs"].text == "1 of 1, 2 not run"
    assert found["parts", "Role"].text == "primary"
    assert len(found["linear", "Verdict"].fingerprints) == 6
    assert "claims" not in tables(ledger.runs, "mine")


def test_an_arm_with_one_run_waits_for_its_second(ledger: Ledger) -> None:
    before = cells(tables(ledger.runs)["claims"])["interaction", "Verdict"]
    assert before.judged is not None
    assert before.judged.difference.n == 3, "K = 3 has one run"
    ledger.plan("gru-3", 1)
    ledger.trials[-1]["fingerprint"] = "e" * 16
    ledger.finish("e" * 16, 0.9)
    ledger.save("rounds_curve-webnlg_star", updated="2020-01-02")
    after = cells(tables(ledger.runs)["claims"])["interaction", "Verdict"]
    assert after.judged is not None
    assert after.judged.difference.n == 2


def test_how_large_the_papers_gain_is(ledger: Ledger) -> None:
    found = cells(tables(ledger.runs)["claims"])
    sizes = {
        row: (cell.text, found[row, "Verdict on size"].text.partition(",")[0])
        for (row, column), cell in found.items()
        if column == "Paper's Δ"
    }
    assert sizes["interaction"] == ("+0.9", "undecided")
    assert sizes["linear"] == ("+0.5", "worse")  # the pair with the smallest Δ
    assert sizes["rounds"] == sizes["cell"] == sizes["encoder"] == ("–", "–")
    assert len(found["interaction", "Verdict on size"].fingerprints) == 6
    assert found["linear", "Paper's Δ"].source == "Table 1, BiLSTM_s (100d); Table 5, RIN −γ"


def test_a_verdict_follows_from_the_columns_of_its_row(ledger: Ledger, tmp_path: Path) -> None:
    text = tables(ledger.runs)["claims"].csv()
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["column"] == "Verdict"]
    words = set()
    for row in rows:
        word = row["text"].partition(",")[0]
        if word in ("not run", "one seed"):
            continue
        value, se, df, margin = (float(row[n]) for n in ("value", "se", "df", "margin"))
        p, p_equal = 2 * stats.t.sf(abs(value) / se, df), stats.t.sf((margin - abs(value)) / se, df)
        assert (float(row["p"]), float(row["p_equal"])) == pytest.approx((p, p_equal))
        used, used_equal = (float(row[f"{n}_holm"] or row[n]) for n in ("p", "p_equal"))
        derived = "better" if value > 0 else "worse"
        derived = derived if used < 0.05 else "undecided"
        assert word == ("equal within 0.5" if used_equal < 0.05 else derived)
        words.add(word)
    assert words == {"undecided", "better", "worse"}


def test_runs_are_compared_on_other_sentences(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.describe(GOLD * 40)
    said = [(n + 3 * k, i, t, j) for k in range(40) for n, i, t, j in SAID]
    first = [row for row in said if row[0] % 3 == 0]
    for seed in range(2):
        ledger.predict(ledger.plan("gru-1", seed), F1, said)
        ledger.predict(ledger.plan("bilstm-s", seed), 0.4, first)
    ledger.save("ablation-webnlg_star")
    frame = pool(read_ledger(tmp_path), "webnlg_star", SETTINGS)
    found = cells(paper_tables(study_data(tmp_path, frame))["table5"])
    over = found["bilstm-s", "95 % CI, other sentences"].estimate
    assert over.mean == pytest.approx(100 * (0.4 - F1))
    assert over.low < over.mean < over.high


def test_other_corpora_have_rows_for_what_is_planned(ledger: Ledger) -> None:
    frame = pool(read_ledger(ledger.runs), "webnlg_star", SETTINGS).assign(corpus="mine")
    made = paper_tables(StudyData(corpus="mine", frame=frame))
    assert list(made) == ["table1", "claims", "orderings", "table5", "table4"]
    claims = {row.key for row in made["claims"].rows}
    assert claims == {"interaction", "parts", "entities", "inputs", "partial", "linear", "rounds"}
    assert {c.text for (_, column), c in cells(made["claims"]).items() if "size" in column} == {"–"}
    demo = paper_tables(StudyData(corpus="demo", frame=frame.assign(corpus="demo")))
    assert "claims" not in demo
    assert {row.key for row in made["table1"].rows} == {"gru-1", "bilstm-s", "gru-3"}
    assert paper_tables(StudyData(corpus="mine", frame=frame.iloc[:0])) == {}


@pytest.mark.parametrize("by_space", [False, True])
def test_runs_with_whole_entities_stand_beside(ledger: Ledger, by_space: bool) -> None:
    last = {"data.entity_word": "last"}
    own = Ledger(ledger.runs)
    own.trials = [{"fingerprint": "0" * 16}] * 90  # later fingerprints are new ones
    for seed, f1 in enumerate((0.80, 0.82)):
        name = own.plan("gru-1", seed, NEW if by_space else {**NEW, **last}, last)
        own.finish(name, f1)
    first_words = own.plan("bilstm-s", 0)  # the entity's first word
    own.finish(first_words, 0.5)
    own.trials = own.trials[90:]
    own.save("main_results-webnlg", "webnlg")
    frame = read_ledger(ledger.runs)
    studies = [frame[frame["experiment"] == "ablation-webnlg_star"]]
    sections = {
        study.corpus: paper_tables(study)
        for study, _ in paper_sections(ledger.runs, frame, studies, no_trials())
    }
    found = cells(sections["webnlg_star"]["table1"])
    assert found["gru-1/webnlg", "F1"].text == "81.0 ± 1.4"
    assert found["gru-1/webnlg", "Paper's F1"].text == "86.3"
    assert found["gru-1/webnlg", "Verdict"].judged is not None
    assert ("bilstm-s/webnlg", "F1") not in found
    assert found["gru-1", "F1"].text == "87.0 ± 1.0"
    relations = cells(sections["webnlg_star"]["table4"])
    assert relations["gru-1/webnlg", "Relation F1"].text == "81.0 ± 1.4"
    assert relations["gru-1/webnlg", "Entity F1"].text != "–"


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
    assert found["nyt/train", "Sentences"].text == "not read [56,195]"
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


def test_a_table_begins_with_the_columns_that_answer_it() -> None:
    row = Row(key="a", label="A", cells=dict.fromkeys("abc", NO_CELL))
    table = Table(name="t", title="T", head="H", rows=(row,), first=("c", "not in this one"))
    assert table.answer_first().columns == ("c", "a", "b")
    assert Table(name="t", title="T", head="H", rows=()).answer_first().columns == ()


def test_words_are_aligned_to_the_left_and_numbers_to_the_right(made: dict[str, Table]) -> None:
    table = made["table1"]
    assert [c for c in table.columns if table.is_text(c)] == [
        *("Verdict", "Verdict, paper exact", "Source")
    ]
    rule = table.markdown().splitlines()[3]
    assert rule.split(" | ")[4:8] == ["---:", "---", "---:", "---:"]


def test_latex_is_escaped_and_complete(made: dict[str, Table]) -> None:
    text = made["table5"].latex()
    assert r"RIN $-$$\hat{y}$" not in text  # planned arms have their own labels
    assert r"85.0 $\pm$ 1.0 & $-$2.0 & $-$3.9 to $-$0.1 & 85.4 & $-$0.9 & worse &" in text
    assert r"95 \% CI, other sentences" in text
    assert [line for line in text.splitlines() if line.startswith("\\")] == [
        r"\begin{table}",
        r"\centering",
        r"\caption{Table 5: what each part of RIN (K = 1) adds on webnlg\_star}",
        r"\begin{tabular}{llrrrrrllrrrrrr}",
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


def test_latex_escapes_what_latex_reads() -> None:
    table = Table(
        name="t",
        title="T",
        head="a_b",
        rows=(
            Row(
                key="r",
                label="x & y #1",
                cells={"95 %": Cell(text="1 ± 2"), "→ ≤": Cell(text="<0.001 {x}")},
            ),
        ),
    )
    assert table.latex().splitlines()[5:9] == [
        r"a\_b & 95 \% & $\rightarrow$ $\leq$ \\",
        r"\midrule",
        r"x \& y \#1 & 1 $\pm$ 2 & $<$0.001 \{x\} \\",
        r"\bottomrule",
    ]
