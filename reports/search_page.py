"""A search for a reader: two figures, the tables, and what they do not say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.figures import STYLE
from reports.search import SearchData, expected_best, ranked, read_search
from reports.search_rows import notes
from reports.search_tables import search_tables
from reports.section import Drawing, Section, write_section

RATE = "training.learning_rate"
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
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
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


def search_section(data: SearchData) -> Section:
    """Return everything there is to see of a search."""
    drawings = [
        Drawing(
            name="expected_best",
            caption="Expected best dev F1 of n trials drawn from those found.",
            figure=draw_expected(expected_info(data)),
        )
    ]
    if (info := parameter_info(data)) is not None:
        caption = f"Dev F1 of every trial against {info.name}; open, stopped early."
        first = Drawing(name="parameter", caption=caption, figure=draw_parameter(info))
        drawings.insert(0, first)
    intro: tuple[str, ...] = (f"{data.title} Scores on dev of {data.corpus}, in points.",)
    if ranked(data.trials).empty:
        intro = (*intro, "No trial has finished yet.", *notes(data))
    return Section(
        key=data.experiment,
        title=data.experiment,
        page="search.md",
        intro=intro,
        drawings=tuple(drawings),
        tables=tuple(search_tables(data)),
    )


def build_search(runs: Path, out: Path, experiment: str) -> list[Path]:
    """Write a search's page, tables, figures and trials, and return the files.

    Args:
        runs: A study's output folder.
        out: Folder for the reports, one folder in it for each experiment.
        experiment: The search.

    Raises:
        LedgerError: There is no such search, or its record cannot be read.
    """
    return write_search(read_search(runs, experiment), out)


def write_search(data: SearchData, out: Path) -> list[Path]:
    """Write what :func:`search_section` has, and every trial as CSV; return the files."""
    made = write_section(search_section(data), out)
    table = out / data.experiment / "trials.csv"
    data.trials.to_csv(table, index=False, lineterminator="\n", encoding="utf-8")
    return [*made, table]
