"""What ``python study/run.py`` may be told, and what it takes where it is told nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from study.execution.cluster import Resources


#: Folders of reports that are no experiment's.
REPORTS_OWN = ("corpora", "cases", "notebooks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Run a study of RIN: every arm of a grid, on every corpus, with every seed; or a search.

    A search tunes each arm with the same budget of trials, by Optuna under ASHA, and then runs
    each arm's best and its start on fresh seeds.

    What is finished is never run again, and what was stopped goes on from its last epoch:
    the same command continues a study, after a crash as after a kill.

    Other commands: ``run.py show``, ``audit``, ``export``, ``import`` and ``rerun``; each has a
    ``--help``.
    """

    space: tuple[str, ...] = ("rounds_curve",)
    """What to compare; ``--list`` shows the spaces, ``FILE.toml`` is one of your own. Several
    grids run as one study: what they share is trained once, and no slot waits for the end of one
    to begin the next."""
    list: bool = False
    """Show the spaces and their trial counts, and stop."""
    dry_run: bool = False
    """Show the trials, resolved, and what is done of them, and stop."""
    data: tuple[str, ...] = ("demo",)
    """Corpora: ``demo``, names under the data root, or folders."""
    data_root: Path | None = None
    """Folder of corpora [default: $RIN_DATA_ROOT]."""
    embeddings: Path | None = None
    """GloVe text file (plain, .gz or .zip), from here or the data root, for the words; without
    it they start random."""
    seeds: str | None = None
    """A count (``5`` is 0 to 4), a range (``2-4``), a list (``0,3``) [default: the space's].
    Of a search: the seeds that confirm its best; ``0`` confirms nothing."""
    trials: int | None = None
    """Trials of each arm of a search; a larger number extends a finished one, a smaller one than
    an arm has had is refused."""
    hours: float | None = None
    """Hours after which a search begins no trial but to make the arms' budgets equal."""
    arms: tuple[str, ...] = ()
    """Only these arms; shell patterns, as in ``'gru-*'``."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A setting for all trials, as in ``--set training.learning_rate=5e-4``; repeatable.
    A search searches it no more."""
    max_epochs: int | None = None
    """Short for ``--set training.max_epochs=…``."""
    max_concurrent: int | None = None
    """Most trials at once [default: as many as fit]."""
    cpus_per_trial: float = 1.0
    """CPUs, and torch threads, of a trial."""
    gpus_per_trial: float | None = None
    """GPUs of a trial; a fraction shares one [default: 1 where there is a GPU, else 0]."""
    ray_address: str | None = None
    """A running cluster, as in ``auto`` or ``host:6379``, for a command given on one of its nodes
    [default: start Ray here]."""
    tracking_uri: str | None = None
    """MLflow: a server or database; ``none`` tracks nothing [default: $MLFLOW_TRACKING_URI, else
    ``sqlite:///`` in the output folder]."""
    experiment: str | None = None
    """Name in MLflow and of the report [default: space and corpus]."""
    out: Path = Path("runs")
    """Output folder: the ledger, the MLflow database, the reports."""
    shared: str | None = None
    """Where trials leave epochs and results if their nodes do not see ``--out``: a URI that
    fsspec can open, such as ``s3://bucket/rin`` [default: they see it]."""

    def check(self) -> None:
        """Raise ``ValueError`` for a number that cannot be."""
        for name in ("max_concurrent", "max_epochs", "cpus_per_trial"):
            value = getattr(self, name)
            if value is not None and not value > 0:  # nan is neither
                raise ValueError(f"--{name.replace('_', '-')} {value}: must be positive")
        if not self.space:
            raise ValueError("--space: must name at least one; --list shows them")
        if not self.data:
            raise ValueError("--data: must name at least one corpus, as in --data demo")
        if self.experiment is not None:
            name = self.experiment
            if Path(name).name != name or not name.strip("."):
                raise ValueError(f"--experiment {name!r}: must be a name, without folders")
            if name in REPORTS_OWN or name.startswith("paper-"):
                raise ValueError(f"--experiment {name!r}: reports have a folder of that name")
        if self.gpus_per_trial is not None and not self.gpus_per_trial >= 0:
            raise ValueError(f"--gpus-per-trial {self.gpus_per_trial}: must be 0 or more")

    def overrides(self) -> dict[str, object]:
        """Return the settings for all trials."""
        short = {} if self.max_epochs is None else {"training.max_epochs": self.max_epochs}
        return {**parse_overrides(self.set), **short}

    def uri(self) -> str:
        """Return where MLflow is."""
        database = self.out.resolve() / "mlflow.db"
        given = self.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
        return given or f"sqlite:///{database}"

    def resources(self) -> Resources:
        """Return the resources of a trial that the command line asks for."""
        from study.execution.cluster import Resources  # imports Ray, which takes seconds

        return Resources(
            cpus_per_trial=self.cpus_per_trial,
            gpus_per_trial=self.gpus_per_trial,
            max_concurrent=self.max_concurrent,
            address=self.ray_address,
        )


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read a command line; what cannot be read ends the process with code 2, as ``--help`` with 0.

    Args:
        arguments: Without the program's name [default: this process's].
    """
    return tyro.cli(Options, args=arguments, description=Options.__doc__)


def parse_overrides(settings: tuple[str, ...]) -> dict[str, object]:
    """Read ``field=value`` texts; :meth:`Config.with_overrides` checks them."""
    pairs = [text.partition("=") for text in settings]
    for path, equals, _ in pairs:
        if not equals:
            raise ValueError(f"--set {path}: must be field=value, as in model.rounds=3")
    return {path.strip(): value.strip() for path, _, value in pairs}
