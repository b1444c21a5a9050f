"""Trials as a person analyses them: one row a trial, the scores in points.

:func:`as_ledger` turns such a frame, or rows of it, back into what the reports compute with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import pandas as pd

from reports.frames.searches import read_search
from reports.frames.trials import SCHEMA, UnknownExperiment, experiments, read_ledger
from rin_core.suggestions import suggestion
from study.ledger.ledger import Ledger
from study.ledger.state import TrialState

#: What people look at first; the other columns follow.
FIRST = (
    "study",
    "corpus",
    "arm",
    "label",
    "rounds",
    "cell",
    "seed",
    "status",
    "test_f1",
    "dev_f1",
    "test_precision",
    "test_recall",
    "test_entity_f1",
    "epochs",
    "best_epoch",
    "seconds",
    "core_hours",
    "caveat",
)
#: Last, because they are long.
LAST = ("problem", "variant", "settings", "settings_except_rounds", "fingerprint")
_LEFT_OUT = (
    "losses",
    "config",
    "options",
    "command",
    "exact",
    "title",
    "updated",
    "encoder",
    "rates",
)
#: Settings that are columns of every frame, under a name of their own.
_NAMED = (
    "training.seed",
    "model.rounds",
    "model.cell",
    "training.selection",
    "data.entity_word",
    "data.dev_fraction",
    "data.train_share",
)
SCORES = tuple(name for name in SCHEMA if name.endswith(("_f1", "_precision", "_recall")))


def tidy_trials(runs: Path, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the trials of studies, or of one search.

    A setting that varies within a study is a column under its dotted name, unless it is one of
    :data:`_NAMED`. A tuned setting of a search is a column, too.

    Args:
        runs: The ledger.
        names: Studies; all of them when ``None``. The name of a search must be alone.

    Raises:
        UnknownExperiment: There is no ledger, or no such study or search.
        LedgerError: A record cannot be read.
    """
    ledger = Ledger(runs)
    searches = ledger.search_names()
    if names is not None and len(names) == 1 and names[0] in searches:
        return _search_trials(runs, names[0])
    for name in names or ():
        if name not in (known := [*ledger.study_names(), *searches]):
            raise UnknownExperiment(
                f"{name}: no such study or search in {runs}; {suggestion(name, known)}"
            )
        if name in searches:
            raise UnknownExperiment(f"{name}: is a search; name it alone")
    experiments(runs)  # says what is missing in a folder without a ledger
    frame = read_ledger(runs, names).rename(columns={"experiment": "study"})
    varied = _varied_settings(frame)
    frame = frame.drop(columns=list(_LEFT_OUT))
    empty = [name for name in SCORES if frame[name].isna().all()]
    frame = frame.drop(columns=[name for name in empty if name not in FIRST])
    scores = [name for name in SCORES if name in frame]
    frame[scores] = 100 * frame[scores]
    between = [name for name in frame if name not in (*FIRST, *LAST)]
    ordered = [name for name in (*FIRST, *between, *LAST) if name in frame]
    ordered[len(FIRST) : len(FIRST)] = varied
    return frame.join(varied)[ordered]


def _varied_settings(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the settings of trials that vary within a study."""
    configs = pd.DataFrame(list(frame["config"]), index=frame.index)
    varied = configs.groupby(frame["study"]).nunique(dropna=False).max() > 1
    return configs[[name for name in varied.index[varied] if name not in _NAMED]]


def tidy_epochs(frame: pd.DataFrame, runs: Path) -> pd.DataFrame:
    """Return the epochs of trials: a row for each epoch, with dev F1 in points.

    Args:
        frame: Of :func:`tidy_trials`, or rows of it.
        runs: The ledger.

    Raises:
        ValueError: Columns are missing, or a finished trial is not in the ledger.
        LedgerError: A record cannot be read.
    """
    head = ("study", "fingerprint", "arm", "seed")
    _require_columns(frame, {*head, "status"})
    ledger, rows = Ledger(runs), []
    for trial in frame.to_dict("records"):
        if trial["status"] == TrialState.FINISHED:
            require_run(runs, trial["fingerprint"], "epochs()")
        history = ledger.run(str(trial["fingerprint"])).history()
        on_dev = trial.get("selection", "dev") == "dev"  # a search always selects on dev
        for epoch in history:
            scores = {
                "epoch": epoch.epoch,
                "train_loss": epoch.train_loss,
                "dev_f1": 100 * epoch.selection_f1 if on_dev else math.nan,
                "seconds": epoch.seconds,
            }
            rows.append({name: trial[name] for name in head} | scores)
    return pd.DataFrame(rows, columns=[*head, "epoch", "train_loss", "dev_f1", "seconds"])


def require_run(runs: str | Path, fingerprint: str, call: str) -> None:
    """Raise ``ValueError`` if a ledger does not have a run that a data frame names."""
    if not Ledger(Path(runs)).run(fingerprint).path.exists():
        raise ValueError(
            f"{call}: {fingerprint}: no such run in {runs}; name its ledger with runs=…"
        )


def _search_trials(runs: Path, name: str) -> pd.DataFrame:
    found = read_search(runs, name)
    frame = found.trials.drop(columns="config").rename(columns={"state": "status"})
    frame.insert(0, "study", name)
    frame.insert(1, "corpus", found.corpus)
    scores = ["dev_f1", "end_dev_f1"]
    frame[scores] = 100 * frame[scores]
    return frame


def as_ledger(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of :func:`tidy_trials`, or rows of it, with scores as fractions.

    Raises:
        ValueError: Columns are missing: it is a frame of something else, such as a search.
    """
    _require_columns(frame, {"study", *SCHEMA} - {"experiment", *_LEFT_OUT, *SCORES})
    scores = [name for name in SCORES if name in frame]
    ledger = frame.rename(columns={"study": "experiment"})
    ledger[scores] = ledger[scores] / 100
    return ledger.reindex(columns=[name for name in SCHEMA if name not in _LEFT_OUT])


def _require_columns(frame: pd.DataFrame, needed: AbstractSet[str]) -> None:
    if missing := sorted(needed - set(frame.columns)):
        raise ValueError(
            f"trials: column {missing[0]} is missing; pass rows of what trials() returns for a "
            "study, with all columns"
        )
