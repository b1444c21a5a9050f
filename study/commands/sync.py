"""Databases of MLflow and Optuna from the ledger: rebuilt, or with what an import has brought.

``rin-study sync`` computes the importance of the parameters of each search again, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import Path

from rich.console import Console

from rin_core.cli import without_credentials
from rin_core.plural import plural
from search_spaces import SPACES
from study.commands.arguments import Sync
from study.commands.options import database_uri
from study.commands.printing import say
from study.ledger.command import sync_command
from study.ledger.databases import MLFLOW, OPTUNA, explanation, move_away
from study.ledger.files import StudyError
from study.ledger.ledger import Ledger
from study.ledger.schema import Search, Study
from study.ledger.state import ENDED_WITHOUT_ERROR
from study.tracking.base import DISABLED, ExperimentSpec, StudyEnd, Summary
from study.tracking.open import is_mlflow
from study.tracking.specs import search_spec, study_spec


def run(options: Sync, console: Console) -> int:
    """Move both databases away and write new ones; return 1 if a run could not be written.

    Raises:
        ValueError: The folder has no study and no search.
        LedgerError: A study is running, or a record is damaged.
        TrackingError: MLflow cannot write its database.
    """
    runs = options.runs
    ledger = Ledger(runs)
    if not ledger.study_names() and not ledger.search_names():
        raise ValueError(f"--runs {runs}: has no study or search; name a ledger")
    with ledger.exclusive():
        # Read first: a damaged record must not cost a database.
        searches = ledger.searches()
        experiments = list(_experiments(ledger, searches))
        for name in (MLFLOW, OPTUNA):
            if (runs / name).exists():
                moved = move_away(runs / name)
                say(console, f"{name} renamed to {moved.name}, which may be deleted")
        unsent = _send(experiments, database_uri(runs), runs)
        for search in searches:
            from study.search.importance import record_importance  # imports Optuna

            record_importance(ledger, search.experiment)
        _record(searches, ledger)
    written = plural(sum(len(experiment.runs) for experiment in experiments), "run")
    say(console, f"{plural(len(experiments), 'experiment')} with {written} written from the ledger")
    if unsent:
        say(console, f"{plural(unsent, 'run')} not written completely", "red")
    return 1 if unsent else 0


def update(ledger: Ledger, touched: Set[str], uri: str | None, console: Console) -> int:
    """Send an import to the tracker and to Optuna's database.

    Args:
        ledger: Where the records are now.
        touched: Names of the imported studies and searches, and fingerprints of the runs.
        uri: Tracking URI, or ``none``. By default MLflow's database in the ledger, if it exists.
        console: Where to print.

    Returns:
        How many runs the tracker did not get completely.

    Raises:
        LedgerError: A record is damaged.
        TrackingError: The tracker cannot be reached, or cannot write.
    """
    known = {name for name in (MLFLOW, OPTUNA) if (ledger.root / name).exists()}
    if uri is None and not known:
        text = f"for MLflow and optuna-dashboard: {sync_command(ledger.root)}"
        say(console, text, "dim", whole=True)
        return 0
    uri = uri or (database_uri(ledger.root) if MLFLOW in known else DISABLED)
    searches = ledger.searches()
    experiments = [
        experiment
        for experiment in _experiments(ledger, searches)
        if experiment.name in touched or not touched.isdisjoint(experiment.runs)
    ]
    unsent = 0
    if uri != DISABLED:
        where = "MLflow" if is_mlflow(uri) else without_credentials(uri)
        say(console, f"sending {plural(len(experiments), 'experiment')} to {where} …")
        unsent = _send(experiments, uri, ledger.root)
    if OPTUNA in known:
        from study.search.optuna_store import move_unusable  # imports Optuna

        imported = [search for search in searches if search.experiment in touched]
        _record(searches if move_unusable(ledger.root / OPTUNA) else imported, ledger)
    if unsent:
        say(console, f"{plural(unsent, 'run')} not sent completely; import again", "red")
    return unsent


def _record(searches: Iterable[Search], ledger: Ledger) -> None:
    """Write searches into Optuna's database.

    Raises:
        StudyError: It cannot be written.
    """
    path = ledger.root / OPTUNA
    for search in searches:
        from study.search.optuna_store import record_again  # imports Optuna

        started = ledger.started(trial.fingerprint for trial in search.trials)
        try:
            record_again(search, path, started)
        except Exception as error:  # of SQLAlchemy and Optuna
            if (line := explanation(path, error)) is None:
                raise
            raise StudyError(line) from error


def _experiments(ledger: Ledger, searches: Iterable[Search]) -> Iterator[ExperimentSpec]:
    for study in ledger.studies():
        # A record that is older than the title gets that of the built-in space.
        title = study.title or (SPACES[study.space].title if study.space in SPACES else "")
        yield study_spec(study, ledger, _description(title, study))
    for search in searches:
        yield search_spec(search, ledger, _description(search.title, search))


def _description(title: str, record: Study | Search) -> str:
    runs = {trial.fingerprint for trial in record.trials}
    about = f"Corpus `{record.corpus}` · {plural(len(runs), 'run')}, written from the ledger."
    return f"**{title}**\n\n{about}" if title else about


def _send(experiments: Sequence[ExperimentSpec], uri: str, runs: Path) -> int:
    """Send experiments with their reports to a tracker; return how many runs are missing there."""
    from study.tracking.open import open_tracker  # MLflow's import takes seconds
    from study.tracking.summary import summarize_recorded  # and that of pandas

    summaries = summarize_recorded(runs, [e.name for e in experiments if e.ranks_arms])
    unsent = 0
    for experiment in experiments:
        tracker = open_tracker(uri, experiment)
        states = [spec.state() for spec in experiment.runs.values()]
        complete = all(state in ENDED_WITHOUT_ERROR for state in states)
        folder = runs / "reports" / experiment.name
        files = sorted(path for path in folder.glob("*") if path.is_file())
        summary = summaries.get(experiment.name, Summary())
        tracker.on_study_end(StudyEnd(complete=complete, files=files, summary=summary))
        unsent += tracker.unsent
    return unsent
