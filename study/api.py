"""The Python interface: run a study, read its trials, draw them and compare them.

Everything here is available as ``import study``. That import is cheap: a function loads Ray, torch
or pandas when it is called.
"""

from __future__ import annotations

import dataclasses
import io
import signal
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rin_core.cli import INTERRUPTED
from rin_core.problems import first_problem, short
from rin_core.suggestions import suggestion
from study.execution.signals import set_handler
from study.ledger.files import StudyError

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from matplotlib.axes import Axes

    from rin_core.predict.ensemble import Ensemble
    from study.commands.options import Options


class Incomplete(StudyError):
    """Some trials of a study have no result; the message names them. Run it again to resume."""


def run(
    space: str | Path | Iterable[str | Path] = "rounds_curve",
    data: str | Path | Iterable[str | Path] = "demo",
    *,
    arms: str | Iterable[str] = (),
    seeds: int | str | Iterable[int] | None = None,
    settings: Mapping[str, object] | None = None,
    runs: str | Path = "runs",
    progress: bool = False,
    **options: Any,
) -> pd.DataFrame:
    """Run a study or a search, and return the trials that you ask for.

    It does what the command ``rin-study`` does. Finished trials are read from the ledger and not
    trained again, so a second call returns at once. Nothing is printed unless you ask. A call may
    come from any thread; from the main thread, Ctrl-C ends it.

    Args:
        space: What to compare or tune: a name from ``rin-study --list``, or a TOML file. Several
            studies, or one search.
        data: The corpora: ``demo``, names under ``data_root`` or ``$RIN_DATA_ROOT``, or folders.
        arms: Only these arms, by name or shell pattern.
        seeds: How many seeds, or which.
        settings: Settings of all trials, as in ``{"training.learning_rate": 5e-4}``.
        runs: The folder of the ledger, the reports and the MLflow database.
        progress: Print what the command prints.
        options: Any other option of the command, as in ``max_epochs=10`` or ``trials=24``.

    Returns:
        The trials of these arms, seeds and settings, see :func:`trials`. Earlier calls may have
        given the study others: ``trials(runs, NAME)`` returns all. After a search, the trials are
        the runs on fresh seeds; ``trials(runs, NAME)`` has those of the search itself.

    Raises:
        ValueError: An option, a setting, the space or the corpus is invalid.
        Incomplete: Trials failed or are missing.
        KeyboardInterrupt: The study was interrupted; the same call resumes it.
    """
    from rich.console import Console

    with _restored_process():  # around imports, too, which warn
        parsed = _options(space, data, arms, seeds, settings, runs, options)
        parsed.check()
        from study.commands.start import run_study

        file = sys.stdout if progress else io.StringIO()
        # In Jupyter, rich would otherwise display each line as an output of its own.
        output = Console(
            file=file, force_jupyter=False, force_terminal=False, width=100, emoji=False
        )
        ended = run_study(parsed, output)
    if ended.code == INTERRUPTED:
        raise KeyboardInterrupt
    found = trials(runs, ended.studies)
    found = found[found["fingerprint"].isin(ended.runs)].reset_index(drop=True)
    if ended.code:
        left = found[found["status"] != "finished"]
        names = ", ".join(f"{row.arm} seed {row.seed} ({row.status})" for row in left.itertuples())
        raise Incomplete(f"{len(left)} of {len(found)} trials have no result: {names}")
    return found


def trials(runs: str | Path = "runs", study: str | Iterable[str] | None = None) -> pd.DataFrame:
    """Return trials as a data frame: one row per trial, finished or not.

    The first columns are ``study``, ``corpus``, ``arm``, ``label``, ``rounds`` (K), ``cell``,
    ``seed``, ``status``, ``test_f1`` and ``dev_f1``. Scores are in points, 0 to 100. A score is NaN
    if the trial has no result. Each other setting that varies within a study has a column under its
    name, as in ``encoder.dropout``.

    Args:
        runs: A study's output folder.
        study: Its name, or several names; all studies when ``None``. The name of a search returns
            the trials of the search, with a column for each tuned setting.

    Raises:
        ValueError: There is no ledger, or no such study or search.
    """
    from reports.frames.tidy import tidy_trials

    names = [study] if isinstance(study, str) else study
    return tidy_trials(Path(runs), None if names is None else list(names))


def epochs(df: pd.DataFrame, runs: str | Path = "runs") -> pd.DataFrame:
    """Return the training curves of trials: one row per epoch.

    The columns are ``study``, ``fingerprint``, ``arm``, ``seed``, ``epoch`` (from 1),
    ``train_loss``, ``dev_f1`` in points, and ``seconds``. Dev F1 is NaN if test selects the epoch.
    A trial that has not finished has its epochs so far.

    Args:
        df: Trials of studies or of a search, see :func:`trials`.
        runs: Their output folder.

    Raises:
        ValueError: ``df`` has not the columns of :func:`trials`, or a finished trial is not there.
    """
    from reports.frames.tidy import tidy_epochs

    return tidy_epochs(df, Path(runs))


def curve(df: pd.DataFrame, metric: str = "test_f1", ax: Axes | None = None) -> Axes:
    """Draw a score against K or the share of training sentences, and return the axes.

    Points are means over seeds, with a 95 % confidence interval from three seeds on. A curve over
    K has single seeds beside them. Diamonds are the paper's scores, if it has them.

    Args:
        df: Trials of one study, see :func:`trials`, whose arms differ in K and cell only, or have
            a learning curve.
        metric: ``test_f1``, ``test_precision`` or ``test_recall``.
        ax: Where to draw; a new figure of pyplot when ``None``.

    Raises:
        ValueError: The trials are not such a curve, or ``metric`` is not one of these.
    """
    from reports.figures import learning_curve, rounds_curve
    from reports.frames.learning_curves import learning_curves
    from reports.frames.tidy import as_ledger

    frame, name = as_ledger(df), metric.removeprefix("test_")
    if learning_curves(frame):
        return learning_curve.draw_axes(frame, name, ax)
    return rounds_curve.draw_axes(frame, name, ax)


def differences(
    df: pd.DataFrame,
    baseline: str,
    *,
    metric: str = "test_f1",
    pool: pd.DataFrame | None = None,
    margin: float = 0.5,
) -> pd.DataFrame:
    """Compare each arm with a baseline: difference, 95 % interval, p and verdict.

    The test is that of the reports: one residual variance for all arms, and Holm's correction for
    the rows of the table.

    Args:
        df: Trials on one corpus under one set of settings, see :func:`trials`.
        baseline: Name of the arm to compare with.
        metric: The score to compare.
        pool: More trials to estimate the variance from, as ``trials(runs)`` for the numbers that
            the report page of that ledger has; ``df`` alone when ``None``.
        margin: Differences of at most so many points count as equal.

    Returns:
        A row for each arm, the baseline first, with ``label``, ``n`` (seeds), ``mean``, ``sd``,
        ``difference``, ``low``, ``high``, ``se``, ``df``, ``p``, ``p_holm`` and ``verdict``.

    Raises:
        ValueError: ``df`` mixes corpora or settings, or has no such arm or metric.
    """
    from reports.frames.tidy import as_ledger
    from reports.tables.differences import differences_frame

    everything = None if pool is None else as_ledger(pool)
    return differences_frame(as_ledger(df), baseline, metric, everything, margin)


def ensemble(
    df: pd.DataFrame,
    runs: str | Path = "runs",
    *,
    device: torch.device | str | None = None,
    threshold: float = 0.5,
) -> Ensemble:
    """Load the models of trials: they find entities and triples by majority vote.

        models = study.ensemble(df[df["arm"] == "gru-1"])
        models.predict(models.split("Ann Smith was born in Oslo."))

    The models are those that the verdicts are about: the averaged weights if all these trials have
    them, and otherwise the weights of the selected epoch.

    Args:
        df: Trials on one corpus, see :func:`trials`. Those that are not finished are left out.
        runs: Their output folder.
        device: Where to compute, as in ``"cuda"``; the CPU when ``None``.
        threshold: Least probability at which a model votes for a triple.

    Raises:
        ValueError: No trial is finished, a run is not in the ledger or has no model, such as an
            imported one, or the models cannot vote.
    """
    import torch

    from reports.frames.scores import AVERAGED, primary_endpoint
    from reports.frames.tidy import require_run
    from rin_core.layout import AVERAGED_WEIGHTS
    from rin_core.predict.ensemble import Ensemble
    from rin_core.predict.loading import find_weights
    from study.ledger.state import TrialState

    finished = df.loc[df["status"] == TrialState.FINISHED, "fingerprint"]
    if finished.empty:
        raise ValueError("ensemble(): no trial is finished")
    for name in finished.unique():
        require_run(runs, name, "ensemble()")
    weights = [find_weights(name, Path(runs)) for name in finished.unique()]
    # Trials of a search, and trials without averaged weights, do not have the column.
    if AVERAGED.column in df and primary_endpoint(df) is AVERAGED:
        weights = [path.with_name(AVERAGED_WEIGHTS) for path in weights]
    where = None if device is None else torch.device(device)
    return Ensemble.load(weights, where, threshold=threshold)


def _options(
    space: str | Path | Iterable[str | Path],
    data: str | Path | Iterable[str | Path],
    arms: str | Iterable[str],
    seeds: int | str | Iterable[int] | None,
    settings: Mapping[str, object] | None,
    runs: str | Path,
    others: Mapping[str, Any],
) -> Options:
    """Return the options of the command; raises ``ValueError`` for one that is wrong."""
    from pydantic import TypeAdapter, ValidationError

    from study.commands.options import Options

    known = {field.name for field in dataclasses.fields(Options)} - {"list", "dry_run", "set"}
    for name in others:
        if name not in known:
            raise ValueError(f"run(): no option {name}; {suggestion(name, sorted(known))}")
    if not isinstance(settings := settings or {}, Mapping):
        raise ValueError(
            f"run(): settings = {short(settings)}: must be a mapping, as in "
            '{"training.learning_rate": 5e-4}'
        )
    given = {
        **others,
        "space": _texts(space),
        "data": _texts(data),
        "arms": _texts(arms),
        "seeds": _seeds(seeds),
        "set": tuple(f"{name}={value}" for name, value in settings.items()),
        "runs": runs,
    }
    try:
        return TypeAdapter(Options).validate_python(given)
    except ValidationError as error:
        details: Any = error.errors(include_url=False)[0]
        raise ValueError(f"run(): {first_problem(details)}") from None


def _texts(given: object) -> object:
    """Return one name or path as a list, and paths as text; what is neither is left as it is."""
    if isinstance(given, str | Path):
        given = [given]
    if not isinstance(given, Iterable):
        return given
    return [str(one) if isinstance(one, Path) else one for one in given]


def _seeds(given: object) -> str | None:
    """Return seeds as the command line has them."""
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, Iterable):
        return "".join(f"{seed}," for seed in given)
    return str(given)


@contextmanager
def _restored_process() -> Iterator[None]:
    """Restore the caller's signal handlers at the end, and hide tqdm's warning about Jupyter."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
    handlers = {number: signal.getsignal(number) for number in numbers}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        try:
            yield
        finally:
            for number, handler in handlers.items():
                set_handler(number, handler)
