"""The ledger as one data frame.

One row is one planned run, whatever became of it: a report that saw finished runs only could not
say which are missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from reports.frames.encoders import fine_tuned_encoder, rates_text
from reports.frames.outcomes import outcome_columns
from rin_core.config import Config, canonical_settings, nondefault_settings
from rin_core.encoder_traits import ENCODERS
from rin_core.suggestions import suggestion
from study.ledger.command import render, without_machine
from study.ledger.commands import infer_commands, options_of
from study.ledger.fields import SCORES, TYPED_SCORES, Options
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.ledger.schema import PlannedRun
from study.ledger.state import TrialState

#: What the arms of a curve over K may differ in.
_OF_ROUNDS = ("model.rounds", "model.cell")
#: Every column and its type.
SCHEMA: dict[str, str] = {
    "experiment": "object",
    "space": "object",
    "title": "object",
    "corpus": "object",
    "arm": "object",
    "label": "object",
    "seed": "int64",
    "fingerprint": "object",
    "settings": "object",
    "config": "object",
    "options": "object",
    "command": "object",
    "exact": "bool",
    "updated": "object",
    "variant": "object",
    "settings_except_rounds": "object",
    "selection": "object",
    "entity_word": "object",
    "dev_fraction": "float64",
    "train_share": "float64",
    "tagged": "bool",
    "encoder": "object",
    "rates": "object",
    "rounds": "int64",
    "cell": "object",
    "status": "object",
    "problem": "object",
    "epochs": "Int64",
    "best_epoch": "Int64",
    "end_reason": "object",
    "caveat": "object",
    "losses": "object",
    "processor": "object",
    "seconds": "float64",
    "core_hours": "float64",
    "digest": "object",
    "content": "object",
    "as_read": "object",
    "averaged_dev_f1": "float64",
    "late_dev_f1": "float64",
    "averaged_test_f1": "float64",
    "averaged_test_precision": "float64",
    "averaged_test_recall": "float64",
    "averaged_test_strict_f1": "float64",
} | {f"{s}_{name}": "float64" for s in ("dev", "test") for name in (*SCORES, *TYPED_SCORES)}


class UnknownExperiment(ValueError):
    """An experiment or a settings value that the ledger does not have."""


def experiments(runs: Path) -> list[str]:
    """Return the names of the experiments in a ledger, sorted.

    Raises:
        UnknownExperiment: There is no ledger, or nothing in it.
    """
    names = Ledger(runs).study_names()
    if not names:
        raise UnknownExperiment(
            f"{runs}: no experiments there; run a study first, import one with "
            "rin-study import, or name another output folder"
        )
    return names


def read_ledger(runs: Path, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Read experiments into one frame with the columns of :data:`SCHEMA`.

    Only runs on the newest content of a corpus are in it, see :func:`read_contents`.

    Args:
        runs: A study's output folder.
        names: Which experiments; all of them when ``None``.

    Raises:
        UnknownExperiment: There is no ledger, or no such experiment.
        LedgerError: A study that cannot be read. A run that cannot be read is a row with status
            ``unreadable`` instead.
    """
    return read_contents(runs, names)[0]


def read_contents(
    runs: Path, names: Sequence[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read experiments as :func:`read_ledger` does, and their runs on other contents apart.

    A corpus or a file of vectors may change under the same name. The newest plan of an experiment
    decides which content its reports show.

    Returns:
        The runs on the newest content, and the finished runs on other contents.
    """
    ledger, known = Ledger(runs), experiments(runs)
    chosen = list(dict.fromkeys(known if names is None else names))
    for name in chosen:
        if name not in known:
            hint = suggestion(name, known, "'rin-study show' lists them")
            raise UnknownExperiment(f"{name}: no such experiment in {runs}; {hint}")
    rows = [row for name in chosen for row in _study_rows(ledger, name)]
    every = pd.DataFrame(rows, columns=list(SCHEMA)).astype(SCHEMA)
    frame, others = split_contents(every, "experiment")
    # An arm planned again as another model replaces all its runs, of other seeds too.
    arm = ["experiment", "settings", "arm"]
    meant = frame[frame["variant"] == frame.groupby(arm)["variant"].transform("last")]
    meant = meant.drop_duplicates([*arm, "seed"], keep="last").reset_index(drop=True)
    return meant, others[others["status"] == TrialState.FINISHED].reset_index(drop=True)


def split_contents(frame: pd.DataFrame, by: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Separate the runs on the newest content of the data from those on other contents.

    Args:
        frame: Runs, those that were planned last at the end.
        by: The column within which contents are compared: ``experiment`` or ``corpus``.

    Returns:
        The runs on the newest content, and the others. A run of an old record that does not name
        its content is taken for one on the newest.
    """
    cut = [by, "dev_fraction"]
    other = (
        _differs_from_last(frame, "as_read", cut)
        # Old records have no ``as_read``, and a tagger's tags are part of ``content``.
        | _differs_from_last(frame, "content", [*cut, "tagged"])
        # Covers the vectors, too. Arms may differ in vectors, an arm may not.
        | _differs_from_last(frame, "digest", [by, "settings", "arm", "variant"])
    )
    return frame[~other], frame[other]


def _differs_from_last(frame: pd.DataFrame, column: str, by: list[str]) -> pd.Series:
    """Return which rows have another value than the last row of their group that has one."""
    known = frame[column].where(frame[column] != "")
    last = known.groupby([frame[name] for name in by], sort=False).transform("last")
    return known.notna() & (known != last)


def no_trials() -> pd.DataFrame:
    """Return a frame as :func:`read_ledger` does, of nothing."""
    return pd.DataFrame(columns=list(SCHEMA)).astype(SCHEMA)


def _study_rows(ledger: Ledger, name: str) -> list[dict[str, object]]:
    study = ledger.study(name)
    if study is None or not study.trials:
        raise LedgerError(f"{ledger.study_path(name)}: plans no runs; run the study again")
    head = {
        "experiment": name,
        "space": study.space,
        "title": study.title,
        "corpus": study.corpus,
        "updated": study.updated,
    }
    given = {run: one.options for one in reversed(study.commands) for run in one.makes}
    rows = []
    for planned in study.trials:
        exact = planned.fingerprint in given
        options = given[planned.fingerprint] if exact else options_of(study, planned)
        command = "" if options is None else render(options)
        own = {"options": options or study.options, "command": command, "exact": exact}
        rows.append(head | own | _row(planned, ledger))
    return rows


def _row(planned: PlannedRun, ledger: Ledger) -> dict[str, object]:
    config = planned.config
    rounds, complete = int(config["model.rounds"]), {**Config().flat(), **config}
    traits = ENCODERS.get(complete["encoder.kind"])  # None: an encoder of a later version
    reads_tags = traits is not None and "data.pos" in traits.settings
    return {
        "arm": planned.arm,
        "label": planned.label,
        "fingerprint": planned.fingerprint,
        "seed": planned.seed,
        "settings": canonical_settings(planned.settings),
        "config": complete,
        "variant": nondefault_settings(config),
        "settings_except_rounds": nondefault_settings(
            {k: v for k, v in config.items() if k not in _OF_ROUNDS}
        ),
        "selection": complete["training.selection"],
        "entity_word": complete["data.entity_word"],
        "dev_fraction": float(complete["data.dev_fraction"]),
        "train_share": float(complete["data.train_share"]),
        "tagged": reads_tags and complete["data.pos"] == "auto",
        "encoder": fine_tuned_encoder(complete),
        "rates": rates_text(complete),
        "rounds": rounds,
        "cell": config["model.cell"] if rounds else "none",
        "as_read": planned.content,
        "digest": planned.digest,
        **outcome_columns(ledger.run(planned.fingerprint)),
    }


def settings_of(frame: pd.DataFrame) -> list[str]:
    """Return the distinct settings of a frame, in the order of their first trial."""
    return list(dict.fromkeys(frame["settings"]))


def select_settings(frame: pd.DataFrame, number: int | None = None) -> pd.DataFrame:
    """Return the trials of one settings value, because others must not be averaged in.

    Args:
        frame: One experiment.
        number: Which of :func:`settings_of`, from 1; the last trial's when ``None``.

    Raises:
        UnknownExperiment: There is no such number.
    """
    known = settings_of(frame)
    if number is not None and not 1 <= number <= len(known):
        raise UnknownExperiment(
            f"--settings {number}: {frame['experiment'].iloc[0]} has "
            + ("one settings value: 1" if len(known) == 1 else f"settings 1 to {len(known)}")
        )
    chosen = frame["settings"].iloc[-1] if number is None else known[number - 1]
    return frame[frame["settings"] == chosen].reset_index(drop=True)


def pool(frame: pd.DataFrame, corpus: str, settings: str) -> pd.DataFrame:
    """Take the trials of all experiments on a corpus together, each once.

    Spaces share arms, and shared arms share runs. Where two experiments mean different things
    by one arm's name, or had different contents of the corpus, those of the study updated last
    are meant.

    Args:
        frame: Experiments, see :func:`read_ledger`.
        corpus: Name of the corpus.
        settings: The one settings value to take, see :func:`settings_of`.
    """
    newest, _ = newest_content(frame, corpus)
    ordered = newest[newest["settings"] == settings]
    last_variant = ordered.groupby("arm")["variant"].transform("last")
    meant = ordered[ordered["variant"] == last_variant]
    return meant.drop_duplicates(["arm", "seed"], keep="last").reset_index(drop=True)


def newest_content(frame: pd.DataFrame, corpus: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Separate a corpus's trials of all experiments by content, see :func:`split_contents`.

    Returns:
        The trials on the content of the study updated last, and the others; each in the order
        in which their studies were updated.
    """
    own = frame[frame["corpus"] == corpus].sort_values("updated", kind="stable")
    return split_contents(own, "corpus")


def complete_commands(trials: pd.DataFrame) -> list[str]:
    """Return the commands that made the runs of a study, and that run those without a result.

    Args:
        trials: Of one study. Old records have the command given last only: the others follow from
            the runs, as far as these say.
    """
    found: list[Options] = []
    known = trials[trials["command"] != ""]
    for (exact, _), own in known.groupby(["exact", "command"], sort=False):
        options = own["options"].iloc[0]
        if exact:
            found.append(options)
            continue
        runs = own[["arm", "seed", "fingerprint"]].itertuples(index=False, name=None)
        found += [command.options for command in infer_commands(options, runs)]
    return list(dict.fromkeys(render(without_machine(options)) for options in found))


def require_one_setting(frame: pd.DataFrame) -> None:
    """Raise ``ValueError`` for a frame whose trials must not be averaged together."""
    for column in ("corpus", "settings"):
        values = list(dict.fromkeys(frame[column]))
        if len(values) > 1:
            remedy = "select one first"
            if column == "settings":
                remedy += (
                    "; to compare them, define them as arms of a TOML file, which reuses finished "
                    "runs (docs/guide.md, Your own comparison)"
                )
            raise ValueError(f"{column}: {values} must not be averaged together; {remedy}")
    _, others = split_contents(frame, "corpus")
    if not others.empty:
        names = ", ".join(others["fingerprint"])
        raise ValueError(f"content: {names}: are versions of one corpus; select one first")
