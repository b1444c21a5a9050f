"""Find what a notebook shows: studies, a rounds curve, predictions, a search."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reports.figures.rounds_curve import is_rounds_curve
from reports.frames.searches import SearchData, read_search
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import (
    UnknownExperiment,
    experiments,
    read_ledger,
    select_settings,
)
from study.ledger.ledger import Ledger


class NothingToShow(ValueError):
    """The ledger does not have what a notebook shows; the message says how to produce it."""


def ledger_folder(runs: str | Path | None = None) -> Path:
    """Return the ledger: by default ``runs`` in this folder, or else in the checkout."""
    if runs is not None:
        return Path(runs)
    here = Path("runs").resolve()
    return here if here.is_dir() else Path(__file__).parents[2] / "runs"


def find_studies(runs: str | Path | None = None, study: str | None = None) -> list[pd.DataFrame]:
    """Return studies, one row for each run, each study under its last settings.

    Args:
        runs: A study's output folder.
        study: The name of one study; every study when ``None``.

    Raises:
        NothingToShow: There is no study.
        UnknownExperiment: There is no study of that name.
    """
    folder = ledger_folder(runs)
    try:
        names = experiments(folder)
    except UnknownExperiment as error:
        raise NothingToShow(str(error)) from None
    return [select_settings(read_ledger(folder, [name])) for name in ([study] if study else names)]


def find_curves(runs: str | Path | None = None, study: str | None = None) -> list[pd.DataFrame]:
    """Return the studies whose arms differ only in the number of rounds and the cell.

    Raises:
        NothingToShow: There is none.
    """
    found = [frame for frame in find_studies(runs, study) if is_rounds_curve(frame)]
    if not found:
        raise NothingToShow(
            "no study of this ledger compares numbers of rounds; "
            "run one with: rin-study --space rounds_curve"
        )
    return found


def curve_names(runs: str | Path | None = None, study: str | None = None) -> list[str]:
    """Return the names of the studies of :func:`find_curves`; raises what it raises."""
    return [str(frame["experiment"].iloc[0]) for frame in find_curves(runs, study)]


def find_predictions(runs: str | Path | None = None, study: str | None = None) -> StudyData:
    """Return a study with predictions: a rounds curve if there is one, else the last updated.

    Raises:
        NothingToShow: No run has predictions.
    """
    frames = find_studies(runs, study)
    frames.sort(
        key=lambda frame: (
            frame["space"].iloc[0] == "rounds_curve",
            is_rounds_curve(frame),
            str(frame["updated"].iloc[0]),
        )
    )
    for frame in reversed(frames):
        found = study_data(ledger_folder(runs), frame)
        if found.counts.answers:
            return found
    raise NothingToShow("no finished run of this ledger has predictions and a record of its corpus")


def find_search(runs: str | Path | None = None, search: str | None = None) -> SearchData:
    """Return a search by name, or the one that was updated last.

    Raises:
        NothingToShow: There is no search.
        UnknownExperiment: There is no search of that name.
    """
    folder = ledger_folder(runs)
    names = [search] if search else Ledger(folder).search_names()
    found = [read_search(folder, name) for name in names]
    if not found:
        raise NothingToShow("no search in this ledger; run one with: rin-study --space fair_rounds")
    return max(found, key=lambda data: (data.updated, data.experiment))
