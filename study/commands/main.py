"""The command line of studies: ``python study/run.py --space rounds_curve``.

Plans the space, runs what the ledger lacks on Ray, mirrors it to MLflow, and ends with an
audit of planned against done, the figure and the table.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rin_core.cli import INTERRUPTED, exit_with_clear_errors, without_credentials
from rin_core.data.encoding import EncodedCorpus
from search_spaces import SEARCHES, SPACES, Search, find_space
from search_spaces.space import Grid, parse_seeds
from study.commands.ledger_commands import command
from study.commands.options import Options, parse
from study.ledger.corpora import record_corpora
from study.ledger.ledger import Ledger
from study.ledger.store import Store
from study.planning.grid import Experiment, Plan, PlannedTrial, make_plan, refuse_taken, together
from study.tracking.base import NOBODY

CONSOLE = Console(width=None if sys.stdout.isatty() else 200)


def main(options: Options) -> int:
    """Run the command line; return the exit code."""
    options.check()
    if options.list:
        _list_spaces()
        return 0
    spaces = [find_space(name) for name in dict.fromkeys(options.space)]
    ledger = Ledger(options.out, Store(options.shared) if options.shared else None)
    grids = [space for space in spaces if isinstance(space, Grid)]
    searches = [space for space in spaces if isinstance(space, Search)]
    if not searches:
        return _grids(options, grids, ledger)
    if len(spaces) > 1:
        raise ValueError(f"--space {' '.join(options.space)}: {searches[0].name} runs alone")
    return _search(options, searches[0], ledger)


def _grids(options: Options, grids: Sequence[Grid], ledger: Ledger) -> int:
    for name in ("trials", "hours"):
        if getattr(options, name) is not None:
            raise ValueError(f"--{name}: {grids[0].name} is a grid, whose every trial is run")
    for name in ("arms", "experiment"):
        if len(grids) > 1 and getattr(options, name):
            raise ValueError(f"--{name}: goes with one space, and --space names {len(grids)}")
    encoded: dict[str, EncodedCorpus] = {}
    plans = [_plan(options, grid, ledger, encoded) for grid in grids]
    experiments = [e for plan in plans for e in plan.experiments(options.experiment)]
    names = [experiment.name for experiment in experiments]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"--space {' '.join(options.space)}: two would be called {name}")
    refuse_taken(names, ledger.searches(), "a search")
    if options.dry_run:
        _show_plan(together(experiments))
        return 0
    for note in dict.fromkeys(n for corpus in encoded.values() for n in corpus.notes):
        CONSOLE.print(note, style="dim", highlight=False, markup=False)
    with ledger.exclusive():
        return _run(options, experiments, ledger)


def _plan(options: Options, grid: Grid, ledger: Ledger, encoded: dict[str, EncodedCorpus]) -> Plan:
    return make_plan(
        grid,
        ledger,
        options.data,
        arms=options.arms,
        seeds=None if options.seeds is None else parse_seeds(options.seeds),
        overrides=options.overrides(),
        data_root=options.data_root,
        embeddings=options.embeddings,
        encoded=encoded,
    )


def _search(options: Options, space: Search, ledger: Ledger) -> int:
    from study.commands import search as search_run

    search = search_run.sized(space, options.trials, options.hours, options.seeds)
    plans = search_run.plans(search, options, ledger)
    if options.dry_run:
        search_run.show_plans(plans, CONSOLE)
        return 0

    def confirm(plan: Plan, experiment: str) -> int:
        return _run(options, plan.experiments(experiment), ledger)

    code = 0
    with ledger.exclusive():
        for plan in plans:
            code = max(code, search_run.run_search(plan, options, _command(), CONSOLE, confirm))
            if code == INTERRUPTED:
                break
    return code


def _run(options: Options, experiments: Sequence[Experiment], ledger: Ledger) -> int:
    started, trials = time.monotonic(), together(experiments)
    ledger.refresh(planned.run for planned in trials)
    for experiment in experiments:
        space, corpus = experiment.plan.space.name, experiment.corpus_name
        header = {"space": space, "corpus": corpus, "command": _command()}
        for arm, count in experiment.replaced(ledger.study(experiment.name)).items():
            text = f"{experiment.name}: {arm} was another model before: {count} trials of that one"
            CONSOLE.print(f"{text} are in reports no more", style="yellow", markup=False)
        ledger.record_study(experiment.name, header, experiment.record())
        record_corpora(ledger, experiment.plan.data(), options.data_root)
    left = [p for p in trials if p.run.result() is None]
    _say_what_is_left(trials, left)
    # Imported late: a typing mistake should not wait for MLflow's imports.
    from study.execution.cluster import require_listener
    from study.execution.session import Study

    require_listener(options.ray_address)
    study = Study(experiments, options.uri(), options.out, CONSOLE)
    if left:
        study.run(left, options.resources())
    made, files = _build_reports(options, experiments)
    unsent = study.close(files)
    complete = _audit(trials)
    _say_time(time.monotonic() - started, study.epochs_alone)
    _say_where(made, options, study.pages, unsent)
    if study.interrupted:
        return INTERRUPTED
    if not complete:
        CONSOLE.print("the same command goes on from here")
    return 0 if complete else 1


def _build_reports(
    options: Options, experiments: Sequence[Experiment]
) -> tuple[list[Path], dict[str, list[Path]]]:
    """Build every experiment's report; return the pages, and each experiment's own files.

    MLflow receives the experiment's own files only: a case study holds text of the corpus.
    """
    from reports.build import build

    pages: list[Path] = []
    files: dict[str, list[Path]] = {}
    for experiment in experiments:
        built = build(options.out, options.out / "reports", [experiment.name])
        files[experiment.name] = list(built.reports[0].paths)
        pages += built.pages
    return list(dict.fromkeys(pages)), files


def _list_spaces() -> None:
    table = Table("space", "arms", "seeds", "trials a corpus", "question", box=None, padding=(0, 2))
    for space in SPACES.values():
        counts = (len(space.arms), len(space.seeds), len(space.trials([""])))
        table.add_row(f"[bold]{space.name}[/bold]", *map(str, counts), space.title)
        _list_on_request(table, space)
    for search in SEARCHES.values():
        seeds = f"1, then {len(search.confirm_seeds)}"
        row = (str(len(search.arms)), seeds, str(search.trials()), f"{search.title} (search)")
        table.add_row(f"[bold]{search.name}[/bold]", *row)
        _list_on_request(table, search)
    CONSOLE.print(table)
    CONSOLE.print("One of your own: --space FILE.toml, as docs/guide.md has it", style="dim")


def _list_on_request(table: Table, space: Grid | Search) -> None:
    if space.on_request:
        names = " ".join(arm.name for arm in space.on_request)
        table.add_row("", "", "", "", f"[dim]on request: --arms {names}[/dim]")


def _show_plan(trials: Sequence[PlannedTrial]) -> None:
    table = Table("fingerprint", "arm", "corpus", "seed", "state", "settings", box=None)
    for planned in trials:
        changed = _differences(planned)
        table.add_row(
            planned.run.fingerprint,
            planned.trial.arm,
            planned.corpus_name,
            str(planned.trial.seed),
            _state(planned),
            " ".join(f"{k}={v}" for k, v in changed.items()),
        )
    CONSOLE.print(table, markup=False)
    CONSOLE.print(f"{len(trials)} trials")


def _differences(planned: PlannedTrial) -> dict[str, object]:
    """Return what a trial changes of the paper's settings."""
    default = type(planned.trial.config)().flat()
    return {k: v for k, v in planned.trial.config.flat().items() if v != default[k]}


def _state(planned: PlannedTrial) -> str:
    if planned.run.result() is not None:
        return "done"
    if (failure := planned.run.failure()) is not None:
        return f"failed: {failure['reason']}"
    if (stopped := planned.run.pruned()) is not None:
        return f"resumes after epoch {stopped['epoch']}, where a search stopped it"
    epochs = len(planned.run.history())
    return f"resumes after epoch {epochs}" if epochs else "to run"


def _say_what_is_left(trials: Sequence[PlannedTrial], left: Sequence[PlannedTrial]) -> None:
    resumed = sum(1 for planned in left if planned.run.history())
    done = len(trials) - len(left)
    text = f"{len(trials)} trials: {done} done before, {len(left)} to run"
    CONSOLE.print(f"{text}, {resumed} of them resumed" if resumed else text, highlight=False)


def _audit(trials: Sequence[PlannedTrial]) -> bool:
    """Compare planned with done and say what lacks; return whether nothing does."""
    lacking = [planned for planned in trials if planned.run.result() is None]
    for planned in lacking:
        text = escape(f"{planned.name}: {_state(planned)}")
        CONSOLE.print(f"[red]not done[/red] {text}", highlight=False)
    CONSOLE.print(f"audit: {len(trials)} planned, {len(trials) - len(lacking)} done")
    return not lacking


def _say_time(seconds: float, epochs_alone: float) -> None:
    """Say how long it took, and beside it the least that its epochs could have taken."""
    from study.tracking.progress import clock

    known = epochs_alone >= 60  # of less, the start is most
    least = f", {seconds / epochs_alone:.2f} times its epochs alone" if known else ""
    CONSOLE.print(f"study time {clock(seconds)}{least}", highlight=False)


def _say_where(made: Sequence[Path], options: Options, pages: Sequence[str], unsent: int) -> None:
    for path in made:
        CONSOLE.print(f"  {_shown(path)}", highlight=False, markup=False)
    if unsent:
        CONSOLE.print(f"[yellow]{unsent} writes to MLflow failed; the same command sends them")
    address = without_credentials(options.uri()).rstrip("/")
    if not address.startswith(("http://", "https://")):
        _say_how_to_serve(address)
        address = "http://127.0.0.1:5000"
    for page in filter(None, pages):
        CONSOLE.print(f"  {address}/{page}", highlight=False, markup=False)


def _say_how_to_serve(uri: str) -> None:
    if uri == NOBODY:
        return
    if uri.startswith("sqlite:///"):
        uri = f"sqlite:///{_shown(Path(uri.removeprefix('sqlite:///')))}"
    mlflow = _shown(Path(sys.executable).with_name("mlflow"))
    text = f"MLflow: {mlflow} ui --backend-store-uri {uri}"
    CONSOLE.print(text, highlight=False, markup=False)


def _shown(path: Path) -> Path:
    """Return a path as one would type it from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _command() -> str:
    return shlex.join(["python", *map(without_credentials, sys.argv)])


def run() -> NoReturn:
    """Run the command that ``sys.argv`` asks for, and exit with its code."""
    exit_with_clear_errors(command(sys.argv[1:], CONSOLE) or (lambda: main(parse())))
