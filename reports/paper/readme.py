"""The results in README, made from the published tables: ``python -m reports.paper.readme``.

Every number of README stands between two markers and comes from the CSV files in ``results/`` and
``benchmarks/results/``, so a result that changes there changes in README too.
"""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd

from reports.document.formatting import mean_sd
from reports.document.table import NO_CELL, Cell, Row, Table, words
from reports.published.numbers import published
from reports.stats.intervals import Estimate
from reports.stats.verdicts import Verdict, order, verdict
from reports.tables.cells import interval_cell, mean_cell, p_cell, published_difference_cell
from search_spaces import main_results

BEGIN = "<!-- results:begin (written by `make results`) -->"
END = "<!-- results:end -->"
_ROOT = Path(__file__).parents[2]
_SPEED = "speed-webnlg_star-cpu"
_Cells = dict[tuple[str, str], dict[str, str]]
_MEANING = {
    Verdict.REPRODUCED: "inside our 95 % CI",
    Verdict.BELOW: "above our CI",
    Verdict.ABOVE: "below our CI",
}
_NO_INTERACTION, _ONE_ROUND = "bilstm-s", "gru-1"


def with_results(readme: str, root: Path = _ROOT) -> str:
    """Return README's text with the results of today.

    Args:
        readme: The text, with both markers.
        root: Folder of ``results/`` and ``benchmarks/``.

    Raises:
        ValueError: A marker is missing.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md: the marker {BEGIN if not begin else END} is missing")
    return f"{before}{BEGIN}\n{results_block(root)}\n{END}{after}"


def results_block(root: Path = _ROOT) -> str:
    """Return what stands between the markers: a table and its notes."""
    results = root / "results"
    rows = (
        _given_row(results, "webnlg_star", "WebNLG, the paper's settings"),
        _tuned_row(results),
        _given_row(results, "nyt5k_star", "`nyt5k_star`, a part of NYT, the paper's settings"),
    )
    scores = ("K = 0", "K = 1", "Gain")
    seeds = min(row.cells[name].estimate.n for row in rows for name in scores)
    table = Table(
        name="interaction",
        title="One round of interaction against none",
        head="Corpus and settings",
        rows=rows,
        notes=(
            f"Test F1 in points, mean ± standard deviation over {seeds} seeds. *Supported*: the "
            "95 % CI of the gain lies above 0. *Undecided*: it contains 0.",
            "The p-value is from a paired test over seeds. The value in brackets is corrected for "
            f"all comparisons of the study. With {seeds} seeds, p cannot be below "
            f"{2 / 2**seeds:.2g}.",
            *_paper_notes(results),
            _speed_note(root / "benchmarks" / "results"),
        ),
    )
    return table.markdown().replace("## ", "### ", 1)


def _given_row(results: Path, corpus: str, label: str) -> Row:
    """Compare under the paper's settings."""
    scores = _read(results / f"main_results-{corpus}" / "results.csv")
    differences = _read(results / f"main_results-{corpus}" / "differences.csv")
    loss = _estimate(differences, _NO_INTERACTION, "Δ F1")
    gain = replace(loss, mean=-loss.mean, low=-loss.high, high=-loss.low)
    before, after = (_estimate(scores, arm, "F1") for arm in (_NO_INTERACTION, _ONE_ROUND))
    p = _p(differences, _NO_INTERACTION)
    paper = published_difference_cell(corpus, _ONE_ROUND, _NO_INTERACTION)
    return _row(corpus, label, (before, after, gain), p, paper)


def _tuned_row(results: Path) -> Row:
    """Compare after the same number of trials for both."""
    folder = results / "fair_rounds-webnlg_star"
    arms = pd.read_csv(folder / "trials.csv").groupby("arm")["label"].agg(["first", "size"])
    labels, budgets = arms.loc[["k-0", "k-1"], "first"], arms.loc[["k-0", "k-1"], "size"].unique()
    scores, comparison = _read(folder / "confirmation.csv"), _read(folder / "comparison.csv")
    before, after = (_estimate(scores, f"{label}, tuned", "test F1") for label in labels)
    gain, p = _estimate(comparison, "k-1/k-0", "Δ F1, each tuned"), _p(comparison, "k-1/k-0")
    label = f"WebNLG, each tuned with {' or '.join(map(str, budgets))} trials"
    return _row("tuned", label, (before, after, gain), p, NO_CELL)


def _row(
    key: str,
    label: str,
    found: tuple[Estimate, Estimate, Estimate],
    p: Cell,
    paper: Cell,
) -> Row:
    before, after, gain = found
    cells = {
        "K = 0": mean_cell(before, ()),
        "K = 1": mean_cell(after, ()),
        "Gain": mean_cell(gain, (), sign="+"),
        "95 % CI": interval_cell(gain),
        "p (Holm)": p,
        "Verdict": words(order([gain])),
        "Paper's gain": paper,
    }
    return Row(key=key, label=label, cells=cells)


def _paper_notes(results: Path) -> list[str]:
    """Compare our scores with the paper's Table 1, one note for each verdict."""
    scores = _read(results / "main_results-webnlg_star" / "results.csv")
    judged: dict[Verdict, list[str]] = {}
    for arm in main_results.SPACE.arms:
        ours, printed = _estimate(scores, arm.name, "F1"), published("webnlg_star", arm.name, "f1")
        if printed is not None and ours.n > 1:
            text = f"{arm.label} {mean_sd(ours)} (paper {printed.value})"
            judged.setdefault(verdict(ours, printed.value), []).append(text)
    return [
        f"*{found.capitalize()}* on WebNLG (the paper's score lies {_MEANING[found]}): "
        f"{'; '.join(texts)}."
        for found, texts in judged.items()
    ]


def _speed_note(benchmarks: Path) -> str:
    """Say how long an epoch takes, against the dense formulation."""
    measured = json.loads((benchmarks / f"{_SPEED}.json").read_text(encoding="utf-8"))
    table = pd.read_csv(benchmarks / f"{_SPEED}.csv", index_col="formulation")
    # A cell is a median, then its range in brackets.
    medians = table.map(lambda cell: float(str(cell).split(" ")[0]))
    seconds = medians["seconds an epoch"].to_dict()
    ratio = medians["times the product at that K"].to_dict()
    return (
        f"An epoch of WebNLG with K = 1 takes {seconds['product, K = 1']:.1f} s "
        f"({measured['device']}). It takes {ratio['dense, K = 1']:.1f} times as long if the "
        "scores of all word pairs are stored, and "
        f"{ratio['dense on random batches, K = 1']:.0f} times if batches also mix sentence lengths "
        "([figures](benchmarks/results/))."
    )


def _read(path: Path) -> _Cells:
    """Return the cells of a table by row and column."""
    with path.open(encoding="utf-8", newline="") as file:
        return {(cell["row"], cell["column"]): cell for cell in csv.DictReader(file)}


def _estimate(table: _Cells, row: str, column: str) -> Estimate:
    cell = table[row, column]
    mean, sd, low, high = (float(cell[name]) for name in ("value", "sd", "low", "high"))
    return Estimate(n=int(cell["n"]), mean=mean, sd=sd, low=low, high=high)


def _p(table: _Cells, row: str) -> Cell:
    cell = table[row, "p over seeds (Holm)"]
    return p_cell(float(cell["p"]), float(cell["p_holm"]))


def main() -> None:
    """Rewrite the results in README.md."""
    readme = _ROOT / "README.md"
    readme.write_text(with_results(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
