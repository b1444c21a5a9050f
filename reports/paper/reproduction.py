"""``REPRODUCTION.md``: what was run, what it says of the paper, and what it cost."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pandas as pd

from reports.document.section import Section
from reports.document.table import Cell, Row, Table
from reports.document.templates import markdown_environment
from reports.errors.tables import MATCHING_COLUMNS
from reports.frames.runs import RunCard
from reports.frames.searches import SearchData
from reports.frames.trials import STATUS_WORDS, complete_command
from reports.published.numbers import ARMS, best_without_bert, published
from reports.stats.intervals import widened
from reports.stats.verdicts import Order, Verdict, verdict
from reports.tables.confirmation import budgets, comparison_rows, confirmation_rows
from reports.tables.experiment import OPTIMISM_COLUMNS
from reports.tables.search_rows import origins
from search_spaces.space import START, TUNED

#: Tables in the order of the paper's argument; the last is a study's and not the paper's.
TABLES = ("table1", "claims", "orderings", "table5", "table4", "optimism")
#: What ``make bench`` measured on each kind of processor that the runs had: dense tensors on
#: random batches, as released code has them.
BENCHMARKS = Path(__file__).parents[2] / "benchmarks" / "results"
TIMED = "webnlg_star"
SPEEDS = f"speed-{TIMED}-cpu*.json"
#: Runs behind each published mean (Table 1).
PUBLISHED_SEEDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """What there is to say of one corpus."""

    corpus: str
    verdicts: str
    """How many of the paper's F1 scores were reproduced."""
    claims: tuple[str, ...]
    tuned: tuple[str, ...]
    """What each search's best came to on fresh seeds."""
    optimism: tuple[str, ...]
    """What each arm's score would have been with the epoch chosen on test."""
    others: tuple[str, ...]
    """What comparisons came to that are not of the paper's models."""
    beside: tuple[str, ...]
    """What the scores of Table 1's arms hang on that is neither model nor epoch."""
    figures: tuple[str, ...]
    tables: tuple[str, ...]


def write_reproduction(
    frame: pd.DataFrame,
    found: Sequence[Replication],
    searched: Sequence[SearchData],
    searches: Sequence[Section],
    cards: Mapping[str, RunCard],
    out: Path,
) -> Path:
    """Write the results section of a replication, as far as the ledger goes.

    Args:
        frame: All trials of studies, see :func:`~reports.frames.trials.read_ledger`.
        found: From :func:`replications`.
        searched: The searches.
        searches: Their sections.
        cards: Every run, by fingerprint.
        out: Folder of the reports.
    """
    trials = frame.drop_duplicates("fingerprint")
    text = (
        markdown_environment()
        .get_template("reproduction.md.jinja")
        .render(
            done=int((trials["status"] == "done").sum()),
            planned=len(trials),
            corpora=found,
            compute=_compute(cards.values()),
            experiments=_experiments(frame, searched, cards).markdown(),
            searches=[(s.title, _figures(s), [*map(_markdown, s.tables)]) for s in searches],
            lacking=_lacking(trials[trials["status"] == "done"]),
        )
    )
    path = out / "REPRODUCTION.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _lacking(done: pd.DataFrame) -> list[str]:
    """Return what of the paper is in no finished trial: ``nyt``, ``bert``, ``vectors``."""
    has = {
        "nyt": (done["corpus"] == "nyt").any(),
        "bert": done["arm"].str.startswith("bert-").any(),
        "vectors": done["settings"].str.contains("vectors=").any(),
    }
    return [name for name, there in has.items() if not there]


def replications(
    frame: pd.DataFrame,
    studies: Sequence[Section],
    paper: Sequence[Section],
    searched: Sequence[SearchData],
) -> list[Replication]:
    """Return what there is to say of each corpus on which something is finished.

    Args:
        frame: All trials of studies, see :func:`~reports.frames.trials.read_ledger`.
        studies: The studies' sections, for their figures and what they measure.
        paper: The paper's tables, a section for each corpus.
        searched: The searches.
    """
    done = set(frame.loc[frame["status"] == "done", "corpus"])
    found = []
    for section in paper:
        corpus = section.key.removeprefix("paper-")
        if corpus not in done:
            continue
        own = [
            s for s in studies if s.key in set(frame.loc[frame["corpus"] == corpus, "experiment"])
        ]
        tables = {t.name: t for s in (section, *own) for t in s.tables}
        found.append(
            Replication(
                corpus=corpus,
                verdicts=_verdicts(tables),
                claims=_claims(tables.get("claims")),
                tuned=_tuned(corpus, [data for data in searched if data.corpus == corpus]),
                optimism=_optimism(tables.get("optimism")),
                others=tuple(filter(None, (_comparison(frame, study) for study in own))),
                beside=_beside(corpus, {table.name: table for table in section.tables}),
                figures=tuple(figure for study in own for figure in _figures(study)),
                tables=tuple(_markdown(tables[name]) for name in TABLES if name in tables),
            )
        )
    return found


def in_short(found: Replication) -> Section:
    """Return what a reader of the page should know first."""
    chosen = (f"With the epoch chosen on test, {text}" for text in found.optimism)
    verdicts = f"F1 scores of models that the paper prints: {found.verdicts}"
    return Section(
        key=f"short-{found.corpus}",
        title=f"In short: {found.corpus}",
        intro=(verdicts if found.verdicts else "The paper has no scores on this corpus.",),
        points=(*found.claims, *chosen, *found.beside, *found.tuned, *found.others),
    )


def _verdicts(tables: Mapping[str, Table]) -> str:
    """Say what became of each F1 score that the paper prints for a model."""
    found: dict[str, str] = {}
    labels: dict[str, str] = {}
    for name, column in (("table5", "Verdict"), ("table1", "Verdict on F1")):
        for row in tables[name].rows if name in tables else ():
            found[row.key], labels[row.key] = _cell(tables[name], row, column).text, row.label
    parts = []
    for word in (v for v in Verdict if v != Verdict.NOTHING_PUBLISHED):
        arms = [labels[arm] for arm, verdict in found.items() if verdict == word]
        if arms:
            parts.append(f"{len(arms)} {word} ({', '.join(arms)})")
    return "; ".join(parts) + "." + _unsure(tables, found) if parts else ""


def _unsure(tables: Mapping[str, Table], found: Mapping[str, str]) -> str:
    """Name the verdicts that hang on taking the published means, of five runs, for exact."""
    labels: dict[str, str] = {}
    for name in ("table1", "table5"):
        for row in tables[name].rows if name in tables else ():
            ours = _cell(tables[name], row, "F1").estimate
            paper = _cell(tables[name], row, "Paper's F1").estimate.mean
            unsure = verdict(widened(ours, PUBLISHED_SEEDS), paper) == Verdict.REPRODUCED
            if unsure and found.get(row.key) in (Verdict.ABOVE, Verdict.BELOW):
                labels.setdefault(row.key, row.label)
    if not labels:
        return ""
    return (
        f" The verdicts take the published means for exact; they are over {PUBLISHED_SEEDS} runs, "
        "with a spread that was not printed. With one like ours, and so with wider intervals, "
        f"{len(labels)} more would be reproduced: {', '.join(labels.values())}."
    )


def _claims(table: Table | None) -> tuple[str, ...]:
    return () if table is None else tuple(_claim(table, row) for row in table.rows)


def _claim(table: Table, row: Row) -> str:
    columns = ("Where", "Verdict", "Holds in pairs", "Mean Δ F1", "Common seeds", "95 % over seeds")
    where, verdict, holds, delta, seeds, interval = (_cell(table, row, c).text for c in columns)
    if not int(seeds):
        return f"{row.label} ({where}): **{verdict}**."
    pairs = "" if holds == "–" else f", holds in pairs: {holds}"
    found = f"**{verdict}**, {delta}{_between(interval)}, seeds: {seeds}"
    size = _size(table, row, needed=verdict == Order.UNDECIDED)
    return f"{row.label} ({where}): {found}{pairs}{size}."


def _size(table: Table, row: Row, *, needed: bool) -> str:
    """Say what the paper's difference is, and what ours of the pairs that it prints says of it."""
    columns = ("Paper's Δ", "Ours of its pairs", "95 % of that", "Verdict on its size")
    theirs, ours, interval, verdict = (_cell(table, row, c).text for c in columns)
    if theirs == "–":
        return ""
    of_all = ours == _cell(table, row, "Mean Δ F1").text
    of_those = "" if of_all else f"of the pairs with printed scores {ours}{_between(interval)}, "
    seeds = _cell(table, row, "Seeds to show it").text
    more = f" (seeds to show it: {seeds})" if needed and seeds != "–" else ""
    return f"; {of_those}the paper's {theirs}: **{verdict}**{more}"


def _optimism(table: Table | None) -> tuple[str, ...]:
    """Say what choosing the epoch on test adds, for each arm that has a seed of both."""
    if table is None:
        return ()
    found = []
    for row in table.rows:
        on_test, on_dev, paper, verdict, delta, seeds, interval, _ = (
            _cell(table, row, c).text for c in OPTIMISM_COLUMNS
        )
        if int(seeds):
            found.append(
                f"{row.label}: {on_test} for {on_dev} on dev ({delta}{_between(interval)}, "
                f"seeds: {seeds}); the paper's {paper}: **{verdict}**."
            )
    return tuple(found)


def _comparison(frame: pd.DataFrame, study: Section) -> str:
    """Say what a study of other models than the paper's came to; empty for any other."""
    arms = set(frame.loc[frame["experiment"] == study.key, "arm"])
    tables = {table.name: table for table in study.tables}
    is_confirmation = any(arm.endswith((START, TUNED)) for arm in arms)
    told_elsewhere = arms <= ARMS or is_confirmation or "optimism" in tables
    if told_elsewhere or "differences" not in tables:
        return ""
    results, differences = tables["results"], tables["differences"]
    compared = {row.key: row for row in differences.rows}
    scores = []
    # The arm that the others are compared with comes first.
    for row in sorted(results.rows, key=lambda row: row.key in compared):
        f1, seeds = (_cell(results, row, column).text for column in ("F1", "Seeds"))
        if seeds.startswith("0/"):
            continue
        text = f"{row.label} {f1} ({seeds} seeds)"
        if own := compared.get(row.key):
            delta, interval = (
                _cell(differences, own, column).text for column in ("Δ F1", "95 % over seeds")
            )
            text += f", Δ {delta}{_between(interval)}"
        scores.append(text)
    listed = "; ".join(scores)
    return f"`{study.key}`, test F1, and Δ to the first: {listed}." if scores else ""


def _beside(corpus: str, tables: Mapping[str, Table]) -> tuple[str, ...]:
    """Say what another rule of matching gives, and how triples without word vectors fare."""
    found = []
    if matching := tables.get("errors_matching"):
        hbt = published(corpus, "hbt", "f1")
        theirs = f" ({hbt.value} there)" if hbt else ""
        place, word, _ = MATCHING_COLUMNS
        found.append(
            f"By the word of an argument wherever it stands, as HBT of Table 1{theirs} was "
            f"scored, and not by its place: {_each(matching, word, place)}."
        )
    if vectors := tables.get("errors_vectors"):
        both, lacking, _ = vectors.columns
        found.append(
            f"Gold triples by word vectors of their words: {', '.join(vectors.columns)}. F1 where "
            f"one has none, for where both have one: {_each(vectors, lacking, both)}."
        )
    return tuple(found)


def _each(table: Table, first: str, second: str) -> str:
    """Say two columns of every row."""
    return "; ".join(
        f"{row.label} {_cell(table, row, first).text} for {_cell(table, row, second).text}"
        for row in table.rows
    )


def _tuned(corpus: str, searched: Sequence[SearchData]) -> tuple[str, ...]:
    """Say what tuning bought, for each search with results on fresh seeds."""
    found = []
    for data in searched:
        known = origins(data)
        scores = "; ".join(
            f"{row['settings']} {row['test F1']} ({row['seeds']} seeds"
            + (f"; {known[row['settings']]})" if row["settings"] in known else ")")
            for row in confirmation_rows(data)
            if not row["seeds"].startswith("0/")
        )
        if scores:
            trials = f"{budgets(data)} of each arm, chosen on dev"
            found.append(f"`{data.experiment}`, {trials}; test F1 on fresh seeds: {scores}.")
            found += map(_compared, comparison_rows(data))
    if found and (best := best_without_bert(corpus)):
        found.append(
            f"For comparison, the paper's best without BERT: {best.value} ({best.source})."
        )
    return tuple(found)


def _compared(row: Mapping[str, str]) -> str:
    """Say how two arms compare that had the same budget, and how they do without tuning."""
    how = "each tuned alike" if row["Verdict"] in [*Order] else "tuned"
    text = f"{row['arms']}, {how}: **{row['Verdict']}**"
    if not int(row["Common seeds"]):
        return f"{text}."
    return (
        f"{text}, {row['Δ F1, each tuned']}{_between(row['95 % over seeds'])}, seeds: "
        f"{row['Common seeds']}; untuned {row['Δ F1, untuned']}{_between(row['95 %, untuned'])}."
    )


def _between(interval: str) -> str:
    """Add an interval to a sentence where there is one."""
    return f", 95 % {interval}" if interval != "–" else ""


def _cell(table: Table, row: Row, column: str) -> Cell:
    return row.cells[table.columns.index(column)]


def _figures(section: Section) -> list[str]:
    return [f"![{d.caption}]({section.key}/{d.name}.svg)" for d in section.drawings]


def _markdown(table: Table) -> str:
    """Return a table one heading lower than on its own page."""
    return f"#{table.markdown()}"


def _experiments(
    frame: pd.DataFrame, searched: Sequence[SearchData], cards: Mapping[str, RunCard]
) -> Table:
    groups = [
        (str(name), trials, trials["status"].map(STATUS_WORDS), complete_command(trials))
        for name, trials in frame.groupby("experiment", sort=False)
    ]
    groups += [
        (f"{data.experiment} (search)", data.trials, data.trials["state"], data.command)
        for data in searched
    ]
    rows = []
    for name, trials, became, command in groups:
        own = [cards[fingerprint] for fingerprint in dict.fromkeys(trials["fingerprint"])]
        texts = (
            ", ".join(f"{count} {word}" for word, count in became.value_counts().items()),
            str(sum(card.epochs or 0 for card in own)),
            f"{_core_hours(own):.1f}",
            f"`{command}`",
        )
        rows.append(Row(key=name, label=name, cells=tuple(Cell(text=text) for text in texts)))
    return Table(
        name="experiments",
        title="What was run",
        head="Experiment",
        columns=("Trials", "Epochs", "Core-hours", "Command"),
        rows=tuple(rows),
        notes=("Experiments share runs; each counts a shared run as its own.",),
    )


def _core_hours(cards: Iterable[RunCard]) -> float:
    """Return the time of finished and stopped runs, by the threads each had."""
    return sum(
        card.seconds * float(card.provenance.get("threads", 1)) / 3600
        for card in cards
        if not math.isnan(card.seconds)
    )


def _compute(cards: Iterable[RunCard]) -> str:
    known = [card for card in cards if not math.isnan(card.seconds)]
    text = f"All of it took {_core_hours(known):.1f} core-hours in {len(known)} runs."
    ratios = [ratio for path in BENCHMARKS.glob(SPEEDS) for ratio in _ratios(path)]
    hours = _core_hours(card for card in known if _is_like_the_benchmarks(card))
    if not ratios or not hours:
        return text
    low, high = min(ratios), max(ratios)
    return (
        f"{text} With the L²·R scores of all word pairs written out, on random batches, an epoch "
        f"of WebNLG takes {low:.0f} to {high:.0f} times as long (`make bench`), by processor and "
        f"K: the {hours:.1f} core-hours of runs like those timed (`{TIMED}`, at least one round of "
        f"the paper's widths) would have been some {hours * low:,.0f} to {hours * high:,.0f}."
    )


def _is_like_the_benchmarks(card: RunCard) -> bool:
    """Tell a run of the model and on the corpus that were timed, whatever its rate and dropout."""
    settings = dict(s.partition("=")[::2] for s in card.settings.split(", ") if s)
    alike = all(
        name in ("model.rounds", "encoder.dropout", "vectors")
        or (name.startswith("training.") and name != "training.batch_size")
        for name in settings
    )
    return card.corpus == TIMED and alike and settings.get("model.rounds") != "0"


def _ratios(path: Path) -> list[float]:
    """Return the median ratio of dense to ours at each K of a benchmark's record."""
    seconds = json.loads(path.read_text(encoding="utf-8"))["seconds an epoch"]
    # Formulations were timed in turns, so that each round of them has its own ratio.
    return [
        median(
            dense / ours
            for dense, ours in zip(
                seconds[f"dense on random batches, K = {k}"],
                seconds[f"product, K = {k}"],
                strict=True,
            )
        )
        for k in (1, 5)
    ]
