"""The results in README, made from the published tables: ``python -m reports.paper.readme``.

Every number of README stands between two markers and comes from the CSV files in ``results/`` and
``benchmarks/results/``, so a result that changes there changes in README too.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import median

import tyro

from reports.document.table import Cell, Row, Table, words
from reports.figures.answers import POOLED
from reports.paper.compute import times_the_product
from reports.published.numbers import corpus_title, published
from reports.stats.verdicts import Word
from rin_core.cli import exit_with_clear_errors
from search_spaces import main_results

BEGIN = "<!-- results:begin (written by `make results`) -->"
END = "<!-- results:end -->"
_ROOT = Path(__file__).parents[2]
_SPEED = "speed-webnlg_star-cpu"
_Cells = dict[tuple[str, str], dict[str, str]]
#: Studies over pretrained encoders with tuned rates, and the encoder's name.
_ENCODERS = {"encoder_minilm": "all-MiniLM-L6-v2", "encoder_mpnet": "all-mpnet-base-v2"}
#: Studies whose runs with K = 1 vote.
_VOTES = ("main_results-webnlg_star", "main_results-nyt5k_star", "claims-scierc")


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
    """Return what stands between the markers: a table with its notes, and the details."""
    results = root / "results"
    pooled = _read(results / "pooled" / "pooled.csv")
    parts = [key for key in dict.fromkeys(row for row, _ in pooled) if key != POOLED]
    table = Table(
        name="interaction",
        title="One round of interaction against none",
        head="Corpus and settings",
        rows=tuple(_row(pooled, key) for key in parts),
        notes=(
            _pooled_note(pooled),
            _rounds_note(results),
            _tuning_note(results),
            _encoder_note(results),
            _vote_note(results),
        ),
    )
    seeds = min(int(pooled[key, side]["n"]) for key in parts for side in ("K = 0", "K = 1"))
    margin = float(pooled[parts[0], "Verdict"]["margin"])
    no_verdict = any(pooled[key, "Verdict"]["text"] == Word.NO_VERDICT for key in parts)
    planned = " *No verdict*: a plan that stops by the scores does not test this gain."
    details = (
        f"Test F1 in points, mean ± standard deviation over {seeds} seeds or more. It is that of "
        "the selected epoch, or of averaged weights if the row says so. The CI and p of the gain "
        "are from a t test with one variance for all models of a corpus. The CI covers other "
        "seeds, but not other test sentences or another search. In brackets: p after Holm's "
        "correction. Verdict: *equal* if a test shows that the gain is within "
        f"± {margin:g} F1. Otherwise *better* or *worse* if p < 0.05. Otherwise *undecided*, with "
        "the number of further seeds that decide it with a probability of 80 % "
        "([formulas](results/REPRODUCTION.md))."
        f"{planned if no_verdict else ''}",
        f"{_paper_note(results)} {_speed_note(root / 'benchmarks' / 'results')}",
    )
    shown = table.markdown().partition("\n\n")[2].rstrip()  # README has its own title
    summary = "<summary>What the columns mean, the paper's own scores, and speed</summary>"
    listed = "\n".join(f"- {text}" for text in details)
    return f"{shown}\n\n<details>{summary}\n\n{listed}\n</details>"


def _row(pooled: _Cells, key: str) -> Row:
    """Return an effect of the pooled table with the headings of README."""
    corpus = key.partition(" ")[0]
    texts = {column: cell["text"] for (row, column), cell in pooled.items() if row == key}
    cells = {
        "K = 0": Cell(text=texts["K = 0"]),
        "K = 1": Cell(text=texts["K = 1"]),
        "Gain": Cell(text=texts["Δ F1"]),
        "95 % CI": Cell(text=texts["95 % CI"]),
        "p": Cell(text=texts["p"]),
        "Verdict": words(texts["Verdict"]),
        "Paper's gain": Cell(text=texts["Paper's Δ"]),
    }
    return Row(key=key, label=f"{corpus_title(corpus)}, {texts['Settings']}", cells=cells)


def _pooled_note(pooled: _Cells) -> str:
    """Say what one round adds over all of them."""
    mean, interval, verdict = (pooled[POOLED, c] for c in ("Δ F1", "95 % CI", "Verdict"))
    rows = len({row for row, _ in pooled}) - 1  # the mean is one, too
    return (
        f"**Pooled over these rows**: {mean['text']} F1 (95 % CI {interval['text']}): "
        f"*{verdict['text']}*. Between the rows, the true gain has an estimated standard deviation "
        f"of {float(mean['sd']):.1f} F1, but {rows} rows say little about it "
        "([random effects](results/pooled/tables.md))."
    )


def _encoder_note(results: Path) -> str:
    """Say what pretrained encoders reach, and what a round adds to them."""
    texts = []
    for folder, encoder in _ENCODERS.items():
        found = _read(results / f"{folder}-webnlg_star" / "results.csv")
        name = folder.removeprefix("encoder_")
        scores = " and ".join(
            f"{found[f'k-{k}-{name}', 'F1, averaged weights']['text']} (K = {k})" for k in (0, 1)
        )
        counts = [found[f"k-{k}-{name}", "Seeds"]["value"].partition(".")[0] for k in (0, 1)]
        texts.append(f"{scores} with {encoder}, {' and '.join(dict.fromkeys(counts))} seeds")
    return f"**Pretrained encoders** on WebNLG, averaged weights: {'; '.join(texts)}."


def _vote_note(results: Path) -> str:
    """Say what the runs of one model reach together."""
    texts = []
    for study in _VOTES:
        found = _read(results / study / "endpoints.csv")
        ends = ("selected epoch", "majority vote")
        one, vote = (found["gru-1", f"Test F1, {end}"]["text"] for end in ends)
        texts.append(f"{corpus_title(study.rpartition('-')[2])} {vote}, one run {one}")
    return (
        f"**Majority vote** of the runs with K = 1: {'; '.join(texts)} "
        "([how to use it](docs/guide.md#a-trained-model))."
    )


def _rounds_note(results: Path) -> str:
    """Say what more rounds than one add, and whether it is the interaction or its parameters."""
    found = _read(results / "paper-webnlg_star" / "claims.csv")
    rounds, capacity = (_claim(found, key) for key in ("rounds", "capacity"))
    return (
        "**More rounds, more parameters** (WebNLG, the paper's settings, averaged weights): the "
        f"gain of four more rounds, by the slope in K, is {rounds}. The gain of interaction over "
        f"K = 0 with the same number of parameters is {capacity}."
    )


def _claim(found: _Cells, key: str) -> str:
    """Return a claim's difference with its interval, in words that all claims have, and verdict."""
    gain, interval, verdict = (found[key, c] for c in ("Δ F1", "95 % CI", "Verdict"))
    if not gain["value"]:
        return f"*{verdict['text'].partition(',')[0]}*"
    difference = f"{float(gain['value']):+.1f}"
    low, high = (f"{float(interval[end]):.1f}" for end in ("low", "high"))
    text = f"{difference} F1 (95 % CI {low} to {high}): *{verdict['text'].partition(',')[0]}*"
    return text.replace("-", "−")


def _tuning_note(results: Path) -> str:
    """Say what tuning adds to both models."""
    found = _read(results / "fair_rounds-webnlg_star" / "tuning.csv")
    texts = [
        f"{found[arm, 'Δ F1']['text']} F1 for {label} (95 % CI {found[arm, '95 % CI']['text']})"
        for arm, label in (("k-0", "K = 0"), ("k-1", "K = 1"))
    ]
    return f"**Tuning** on WebNLG adds {' and '.join(texts)}."


def _paper_note(results: Path) -> str:
    """Compare our scores with the paper's Table 1, by verdict."""
    scores = _read(results / "main_results-webnlg_star" / "results.csv")
    judged: dict[str, list[str]] = {}
    for arm in main_results.SPACE.arms:
        printed = published("webnlg_star", arm.name, "f1")
        if printed is not None:
            verdict = scores[arm.name, "Verdict"]["text"].partition(",")[0]
            ours = scores[arm.name, "F1"]["text"]
            judged.setdefault(verdict, []).append(f"{arm.label} {ours} (paper {printed.value})")
    verdicts = "; ".join(f"*{verdict}*: {', '.join(texts)}" for verdict, texts in judged.items())
    return (
        "Our scores on WebNLG against the paper's. The paper gives no spread over seeds, so ours "
        f"is used for both. The scores are tested one by one, without correction. {verdicts}."
    )


def _speed_note(benchmarks: Path) -> str:
    """Say how long an epoch takes, against the two other formulations on the same batches."""
    measured = json.loads((benchmarks / f"{_SPEED}.json").read_text(encoding="utf-8"))
    seconds = measured["seconds an epoch"]
    dense, plain = (times_the_product(seconds, name, 1) for name in ("dense", "plain"))
    return (
        f"An epoch of WebNLG with K = 1 takes {median(seconds['product, K = 1']):.1f} s "
        f"({measured['device']}). On the same batches, factored scores in plain autograd take "
        f"{plain:.1f} times as long. A dense formulation, with a vector for every word pair, takes "
        f"{dense:.1f} times as long ([figures](benchmarks/results/))."
    )


def _read(path: Path) -> _Cells:
    """Return the cells of a table by row and column."""
    with path.open(encoding="utf-8", newline="") as file:
        return {(cell["row"], cell["column"]): cell for cell in csv.DictReader(file)}


def main() -> int:
    """Rewrite the results in README.md."""
    readme = _ROOT / "README.md"
    readme.write_text(with_results(readme.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    exit_with_clear_errors(lambda: tyro.cli(main, prog="python -m reports.paper.readme"))
