"""A search for a reader: two figures, the tables, and what they do not say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reports.figures import STYLE, save_figure
from reports.search import (
    SearchData,
    audited,
    confirmation_table,
    expected_best,
    outcomes,
    ranked,
    read_search,
    to_end,
)

TOP, RATE = 10, "training.learning_rate"
#: Okabe and Ito's palette, one colour an arm.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One arm's trials against a parameter: value and dev F1 in points."""

    label: str
    finished: tuple[tuple[float, float], ...]
    stopped: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterInfo:
    """Dev F1 against a numeric parameter."""

    name: str
    log: bool
    clouds: tuple[Cloud, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedInfo:
    """Expected best dev F1, in points, by number of trials; for each arm."""

    curves: tuple[tuple[str, tuple[float, ...]], ...]


def parameter_info(data: SearchData) -> ParameterInfo | None:
    """Describe the figure of the learning rate, else of the first numeric parameter, or None."""
    kinds = {name: parameter["name"] for name, parameter in data.parameters.items()}
    numeric = [n for n, kind in kinds.items() if kind in ("FloatDistribution", "IntDistribution")]
    if not numeric:
        return None
    name = RATE if RATE in numeric else numeric[0]
    clouds = tuple(_cloud(data, arm, label, name) for arm, label in data.arms.items())
    log = bool(data.parameters[name]["attributes"]["log"])
    return ParameterInfo(name=name, log=log, clouds=clouds)


def _cloud(data: SearchData, arm: str, label: str, name: str) -> Cloud:
    trials = data.trials[(data.trials["arm"] == arm) & data.trials[name].notna()]

    def points(state: str) -> tuple[tuple[float, float], ...]:
        chosen = trials[trials["state"] == state]
        return tuple(zip(chosen[name].astype(float), 100 * chosen["dev_f1"], strict=True))

    return Cloud(label=label, finished=points("finished"), stopped=points("stopped"))


def expected_info(data: SearchData) -> ExpectedInfo:
    """Describe the figure of the expected best dev F1."""
    judged = data.trials[data.trials["state"].isin(["finished", "stopped"])]
    judged = judged[judged["dev_f1"].notna()]
    return ExpectedInfo(
        curves=tuple(
            (label, tuple(100 * expected_best(judged.loc[judged["arm"] == arm, "dev_f1"].tolist())))
            for arm, label in data.arms.items()
            if (judged["arm"] == arm).any()
        )
    )


def draw_parameter(info: ParameterInfo) -> Figure:
    """Draw :class:`ParameterInfo`: finished trials filled, stopped ones open."""
    figure, axes = _canvas()
    for colour, cloud in zip(_cycle(len(info.clouds)), info.clouds, strict=True):
        if cloud.finished:
            x, y = zip(*cloud.finished, strict=True)
            axes.scatter(x, y, color=colour, s=26, label=cloud.label)
        if cloud.stopped:
            label = f"{cloud.label}, stopped early"
            x, y = zip(*cloud.stopped, strict=True)
            axes.scatter(x, y, facecolors="none", edgecolors=colour, s=22, label=label)
    if info.log:
        axes.set_xscale("log")
    axes.set(xlabel=info.name, ylabel="dev F1, points")
    return _finish(figure, axes)


def draw_expected(info: ExpectedInfo) -> Figure:
    """Draw :class:`ExpectedInfo`."""
    figure, axes = _canvas()
    for colour, (label, values) in zip(_cycle(len(info.curves)), info.curves, strict=True):
        axes.plot(range(1, len(values) + 1), values, color=colour, label=label)
    axes.set(xlabel="trials", ylabel="expected best dev F1, points")
    return _finish(figure, axes)


def _canvas() -> tuple[Figure, Axes]:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        FigureCanvasAgg(figure)
        return figure, figure.add_subplot()


def _finish(figure: Figure, axes: Axes) -> Figure:
    with mpl.rc_context(STYLE):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=8)
    return figure


def _cycle(count: int) -> list[str]:
    return [_COLOURS[k % len(_COLOURS)] for k in range(count)]


def build_search(runs: Path, out: Path, experiment: str) -> list[Path]:
    """Write a search's page, figures and trials, and return the files.

    Args:
        runs: A study's output folder.
        out: Folder for the reports, one folder in it for each experiment.
        experiment: The search.

    Raises:
        LedgerError: There is no such search, or its record cannot be read.
    """
    data = read_search(runs, experiment)
    folder = out / experiment
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"expected_best": draw_expected(expected_info(data))}
    if (info := parameter_info(data)) is not None:
        figures = {"parameter": draw_parameter(info)} | figures
    stems = {folder / stem: figure for stem, figure in figures.items()}
    made = [
        save_figure(figure, stem.with_suffix(suffix))
        for stem, figure in stems.items()
        for suffix in (".svg", ".png")
    ]
    table = folder / "trials.csv"
    data.trials.to_csv(table, index=False, lineterminator="\n", encoding="utf-8")
    page = folder / "search.md"
    page.write_text(markdown(data, [stem.name for stem in stems]), encoding="utf-8", newline="\n")
    return [*made, table, page]


def markdown(data: SearchData, figures: Iterable[str]) -> str:
    """Return the page; figures are named by the stem of their files."""
    parts = [f"# {data.experiment}", f"{data.title} Scores on dev of {data.corpus}, in points."]
    parts += [f"![{stem.replace('_', ' ')}]({stem}.svg)" for stem in figures]
    parts += ["## Best trials", _table(top_rows(data))]
    if rows := confirmation_rows(data):
        parts += ["## Tuned against the paper's settings, on fresh seeds", _table(rows)]
    parts += ["## Compute", _table(outcome_rows(data)), saving(data)]
    if rows := audit_rows(data):
        parts += ["## Stopped trials run to their end", _table(rows), audit_verdict(data)]
    parts.append("\n".join(f"- {note}" for note in _notes(data)))
    return "\n\n".join(parts) + "\n"


def top_rows(data: SearchData, count: int = TOP) -> list[dict[str, str]]:
    """Return the best finished trials with their parameters, as texts."""
    return [
        {"trial": f"{row['arm']} #{row['trial']}", "dev F1": _points(row["dev_f1"])}
        | {"epochs": str(row["epochs"])}
        | {name.rpartition(".")[2]: _value(row[name]) for name in data.parameters}
        for _, row in ranked(data.trials).head(count).iterrows()
    ]


def confirmation_rows(data: SearchData) -> list[dict[str, str]]:
    """Return :func:`~reports.search.confirmation_table` as texts."""
    return [
        {
            "settings": str(row["label"]),
            "seeds": f"{row['n']}/{row['n_planned']}",
            "dev F1": _with_sd(row, "dev_f1"),
            "test F1": _with_sd(row, "test_f1"),
        }
        for _, row in confirmation_table(data).iterrows()
    ]


def outcome_rows(data: SearchData) -> list[dict[str, str]]:
    """Return :func:`~reports.search.outcomes` as texts."""
    return [
        {
            "outcome": str(state),
            "trials": str(int(row["trials"])),
            "epochs": str(int(row["spent_epochs"])),
            "hours": f"{row['spent_seconds'] / 3600:.2f}",
        }
        for state, row in outcomes(data).iterrows()
    ]


def saving(data: SearchData) -> str:
    """Say what stopping early saved, and how much of that is an estimate."""
    found = to_end(data.trials)
    if not found.known + found.estimated or math.isnan(found.share):
        return "No trial was stopped early."
    basis = f"the mean epochs of the ended trials of their arm for {found.estimated} (an estimate)"
    if found.known:
        exact = f"known ends for {found.known} stopped trials"
        basis = f"{exact}, {basis}" if found.estimated else exact
    return (
        f"All trials to their end would have taken {found.to_end / 3600:.2f} h of training; "
        f"the search took {found.spent / 3600:.2f} h, {100 * found.share:.0f} % of it. "
        f"Taken for that: {basis}."
    )


def audit_rows(data: SearchData) -> list[dict[str, str]]:
    """Return the stopped trials whose end is known, as texts."""
    return [
        {
            "trial": f"{row['arm']} #{row['trial']}",
            "stopped after": f"epoch {row['epochs']}",
            "dev F1 then": _points(row["dev_f1"]),
            "dev F1 at its end": _points(row["end_dev_f1"]),
            "best of its arm": _points(row["best"]),
        }
        for _, row in audited(data.trials).iterrows()
    ]


def audit_verdict(data: SearchData) -> str:
    """Say whether stopping early cost an arm its best trial, as far as is known."""
    table = audited(data.trials)
    killed = table[table["would_have_won"]]
    if killed.empty:
        return f"None of these {len(table)} would have been its arm's best."
    worst = (killed["end_dev_f1"] - killed["best"]).max()
    names = ", ".join(f"{row['arm']} #{row['trial']}" for _, row in killed.iterrows())
    return f"**ASHA stopped a winner**: {names}, by up to {100 * worst:.1f} points of dev F1."


def _notes(data: SearchData) -> list[str]:
    counts = data.trials.groupby("arm").size().to_dict()
    budgets = ", ".join(f"{arm} {count}" for arm, count in counts.items())
    notes = [
        "The best trial is chosen on dev alone, among finished trials; stopped trials have the "
        "scores of the epochs they got, and are averaged with nothing.",
        f"Trials by arm: {budgets}, of {data.budget} each.",
        "Expected best: of n trials drawn from those found, with replacement (Dodge et al. 2019), "
        "stopped trials with the best dev F1 they had reached.",
    ]
    if data.confirmed is not None:
        notes.append(
            "Fresh seeds are none that a configuration was chosen on; test was scored once each; "
            "± is one standard deviation over seeds (n − 1)."
        )
    settings = ", ".join(f"{k}={v}" for k, v in data.settings.items()) or "none"
    return [*notes, f"Settings given: {settings}.", f"Made by `{data.command}`."]


def _table(rows: list[dict[str, str]]) -> str:
    if not rows:
        return "None yet."
    lines = [rows[0].keys(), ["---"] * len(rows[0]), *(row.values() for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _points(fraction: float) -> str:
    return "–" if pd.isna(fraction) else f"{100 * fraction:.1f}"


def _with_sd(row: Mapping[str, float] | pd.Series, name: str) -> str:
    mean, sd = row[f"{name}_mean"], row[f"{name}_sd"]
    return _points(mean) if pd.isna(sd) else f"{_points(mean)} ± {_points(sd)}"


def _value(value: object) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.3g}"
    return str(value)
