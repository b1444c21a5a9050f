"""The results table: raw numbers for a program, a Markdown page for a reader."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from reports.paper import published
from reports.results import STATUSES, settings_of, summarise

_STATUS_WORDS = {
    "failed": "failed",
    "corrupt": "unreadable",
    "unfinished": "unfinished",
    "planned": "not run",
}
_PAPER_METRICS = ("precision", "recall", "f1", "entity_f1")


def rounds_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each planned arm, whatever became of it.

    Args:
        frame: One experiment under one settings value.

    Returns:
        Indexed by arm: how many trials are in each status, the columns of
        :func:`~reports.results.summarise` as fractions, the paper's numbers
        (``paper_f1_points`` …) as printed, their source, and the fingerprints of the
        trials averaged (``fingerprints``) and missing (``fingerprints_missing``).
    """
    summary = summarise(frame)
    rows = [_describe(frame[frame["arm"] == arm]) for arm in summary.index]
    described = pd.DataFrame(rows, index=summary.index)
    order = ["label", "rounds", "cell", "selection", "settings", *STATUSES]
    sources = [name for name in described if name not in order]
    return pd.concat([described[order], summary, described[sources]], axis=1)


def _describe(cells: pd.DataFrame) -> dict[str, object]:
    first = cells.iloc[0]
    done = cells["status"] == "done"
    row: dict[str, object] = {
        name: first[name] for name in ("label", "rounds", "cell", "selection", "settings")
    }
    row |= {status: int((cells["status"] == status).sum()) for status in STATUSES}
    printed = {m: published(str(first["corpus"]), str(first["arm"]), m) for m in _PAPER_METRICS}
    row |= {f"paper_{m}_points": p.value if p else math.nan for m, p in printed.items()}
    row["paper_source"] = printed["f1"].source if printed["f1"] else ""
    row["fingerprints"] = " ".join(cells.loc[done, "fingerprint"])
    row["fingerprints_missing"] = " ".join(cells.loc[~done, "fingerprint"])
    return row


def write_csv(table: pd.DataFrame, path: Path) -> Path:
    """Write :func:`rounds_table` with every digit; empty where there is no number."""
    table.to_csv(path, lineterminator="\n", encoding="utf-8")
    return path


def write_markdown(
    frame: pd.DataFrame,
    table: pd.DataFrame,
    path: Path,
    figure: str | None = None,
    others: Sequence[str] = (),
) -> Path:
    """Write the readable page: heading, figure, table and the notes that qualify it.

    Args:
        frame: The trials of the table.
        table: Their :func:`rounds_table`.
        path: File to write.
        figure: File name of a figure in the same folder.
        others: Settings the experiment was also run with, which are not in the table.
    """
    name, corpus = frame["experiment"].iloc[0], frame["corpus"].iloc[0]
    parts = [f"# {name}", f"Scores on the test split of {corpus}, in points."]
    if figure:
        parts.append(f"![Test scores against the number of updating rounds]({figure})")
    parts += [markdown_table(table), "\n".join(f"- {note}" for note in notes(frame, others))]
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8", newline="\n")
    return path


def markdown_table(table: pd.DataFrame) -> str:
    """Return :func:`rounds_table` as a Markdown table in points."""
    head = (
        *("Model", "Seeds", "Precision", "Recall", "F1", "95 % interval of F1"),
        *("Dev F1", "Entity F1", "Exact F1", "Paper's F1", "Source"),
    )
    body = [_cells(row) for _, row in table.iterrows()]
    rule = ["---", *["---:"] * (len(head) - 2), "---"]
    return "\n".join(_line(cells) for cells in (head, rule, *body))


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cells(row: pd.Series) -> list[str]:
    label = f"{row['label']} (epoch chosen on test)" if row["selection"] == "test" else row["label"]
    paper = row["paper_f1_points"]
    f1 = _with_sd(row, "test_f1") if row["done"] else _without_result(row)
    return [
        *(str(label), _seeds(row)),
        *(_with_sd(row, "test_precision"), _with_sd(row, "test_recall"), f1, _interval(row)),
        *(_with_sd(row, name) for name in ("dev_f1", "test_entity_f1", "test_exact_f1")),
        *("–" if math.isnan(paper) else f"{paper:.1f}", str(row["paper_source"]) or "–"),
    ]


def _seeds(row: pd.Series) -> str:
    """Return ``5/5``, or what became of the others: ``2/5 (1 failed, 2 not run)``."""
    others = [f"{row[status]} {word}" for status, word in _STATUS_WORDS.items() if row[status]]
    return f"{row['n']:.0f}/{row['n_planned']:.0f}" + (f" ({', '.join(others)})" if others else "")


def _without_result(row: pd.Series) -> str:
    return "not run" if row["planned"] == row["n_planned"] else "no result"


def _with_sd(row: pd.Series, name: str) -> str:
    mean, sd = 100 * row[f"{name}_mean"], 100 * row[f"{name}_sd"]
    if math.isnan(mean):
        return "–"
    return f"{mean:.1f}" if math.isnan(sd) else f"{mean:.1f} ± {sd:.1f}"


def _interval(row: pd.Series) -> str:
    low, high = 100 * row["test_f1_low"], 100 * row["test_f1_high"]
    return "–" if math.isnan(low) else f"{low:.1f} – {high:.1f}"


def notes(frame: pd.DataFrame, others: Sequence[str] = ()) -> list[str]:
    """Return what a reader must know to read the table, one sentence or two each."""
    found = [
        _selection_note(frame),
        "Precision, Recall and F1 are of triples with both entity words right; Exact F1 wants "
        "both whole spans, and Entity F1 is of the spans alone.",
        "± is one standard deviation over finished seeds (n − 1). The interval is a 95 % "
        "bootstrap (BCa) of the mean over seeds; over few seeds it is on the narrow side. "
        "A single seed has neither.",
        f"Settings given for this study: {shown(settings_of(frame)[0])}.",
    ]
    if others:
        listed = "; ".join(shown(settings) for settings in others)
        found.append(f"Also run, and not averaged in, with these settings: {listed}.")
    if len(digests := set(frame.loc[frame["status"] == "done", "digest"])) > 1:
        found.append(
            f"**The corpus changed between runs** ({len(digests)} different contents): "
            "these rows are not comparable until the study is run again."
        )
    found += _missing(frame)
    command = str(frame["command"].iloc[0])
    return (
        [*found, f"Made by `{command}`; run again, it adds what is missing."] if command else found
    )


def shown(settings: str) -> str:
    """Return a settings text for a reader."""
    return settings or "none"


def _selection_note(frame: pd.DataFrame) -> str:
    if (frame["selection"] == "test").any():
        return (
            "**The epoch was chosen on the test split** where the model says so, "
            "which flatters its scores."
        )
    return "The epoch was chosen on dev F1 alone; test was scored once, with that epoch's weights."


def _missing(frame: pd.DataFrame) -> list[str]:
    """Name each trial that began and gave no result; those not begun are only counted."""
    named = frame[frame["status"].isin(["failed", "corrupt", "unfinished"])]
    found = [_missing_trial(trial) for _, trial in named.iterrows()]
    waiting = int((frame["status"] == "planned").sum())
    return found + ([f"Not run yet: {waiting} of {len(frame)} planned trials."] if waiting else [])


def _missing_trial(trial: pd.Series) -> str:
    reason = textwrap.shorten(str(trial["problem"]), 240, placeholder=" …")
    word = _STATUS_WORDS[str(trial["status"])].capitalize()
    where = f"{trial['label']}, seed {trial['seed']} (`{trial['fingerprint']}`)"
    return f"{word}: {where}" + (f": {reason}" if reason else "")
