"""What notebooks show: the ledger's tables and figures, or one sentence where there are none.

The notebooks themselves stay thin; what they compute is computed and tested elsewhere.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reports.document.formatting import settings_text
from reports.document.section import Drawing, Section
from reports.document.table import Table
from reports.figures.rounds_curve import is_rounds_curve
from reports.frames.searches import SearchData, read_search, searches
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import experiments, read_json, read_ledger, select_settings
from reports.page.page import page_environment

#: Names the ledger that notebooks read; ``runs`` where it is not set.
RUNS_VARIABLE = "RIN_RUNS"


class NothingToShow(LookupError):
    """The ledger lacks what a notebook is about: says so in one sentence, and what makes it."""


def runs_folder() -> Path:
    """Return the ledger that a notebook reads."""
    return Path(os.environ.get(RUNS_VARIABLE, "runs"))


@dataclass(frozen=True, slots=True)
class Shown:
    """Tables, figures and sections as a notebook's cell displays them."""

    items: tuple[Table | Drawing | Section, ...]

    def _repr_html_(self) -> str:
        template = page_environment().get_template("shown.html.jinja")
        kinds = [(type(item).__name__, item) for item in self.items]
        return template.render(items=kinds)

    def __repr__(self) -> str:
        # Without an address, which would be another in every run.
        return "\n\n".join(
            item.markdown() if isinstance(item, Table) else type(item).__name__
            for item in self.items
        )


def show(*items: Table | Drawing | Section | None) -> Shown:
    """Return what a cell's last line displays; None is left out."""
    return Shown(tuple(item for item in items if item is not None))


def heading(frame: pd.DataFrame) -> Section:
    """Say which study a notebook is about, and how much of it is there."""
    name, corpus = (str(frame[column].iloc[0]) for column in ("experiment", "corpus"))
    done = int((frame["status"] == "done").sum())
    settings = settings_text(str(frame["settings"].iloc[0]))
    return Section(
        key=name,
        title=name,
        intro=(f"Corpus {corpus}; {done} of {len(frame)} trials finished; settings: {settings}.",),
    )


def any_studies(runs: Path) -> pd.DataFrame:
    """Return every study's trials.

    Raises:
        NothingToShow: There is no study.
    """
    if not any((runs / "studies").glob("*.json")):
        raise NothingToShow("No study in this ledger yet: `make study` runs one.")
    return read_ledger(runs)


def curves(runs: Path) -> list[pd.DataFrame]:
    """Return the studies that are a curve over the rounds, each under its last settings.

    Raises:
        NothingToShow: There is none.
    """
    any_studies(runs)
    frames = [select_settings(read_ledger(runs, [name])) for name in experiments(runs)]
    found = [frame for frame in frames if is_rounds_curve(frame)]
    if not found:
        raise NothingToShow(
            "No study of this ledger compares numbers of rounds: "
            "`python study/run.py --space rounds_curve` does."
        )
    return found


def last_search(runs: Path) -> SearchData:
    """Return the search that was updated last.

    Raises:
        NothingToShow: There is none.
    """
    names = searches(runs)
    if not names:
        raise NothingToShow(
            "No search in this ledger yet: `python study/run.py --space fair_rounds` makes one."
        )
    updated = {n: read_json(runs / "searches" / f"{n}.json").get("updated", "") for n in names}
    return read_search(runs, max(names, key=lambda name: (updated[name], name)))


def answered_study(runs: Path) -> StudyData:
    """Return a study with predictions: a rounds curve before others, then the last updated.

    Raises:
        NothingToShow: No trial of any study has left its predictions.
    """
    any_studies(runs)
    frames = [select_settings(read_ledger(runs, [name])) for name in experiments(runs)]
    frames.sort(key=lambda frame: (is_rounds_curve(frame), str(frame["updated"].iloc[0])))
    for frame in reversed(frames):
        study = study_data(runs, frame)
        if study.counts.answers:
            return study
    raise NothingToShow(
        "No finished trial of this ledger has both its predictions and its corpus's record, "
        "from which errors are counted."
    )
