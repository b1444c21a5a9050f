"""Find runs whose epochs are the first epochs of another run, which can begin after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.errors import CheckpointError, ConfigError
from rin_core.train.stopping import obstacle, without_limits
from study.ledger.files import LedgerError
from study.ledger.layout import CHECKPOINT
from study.ledger.ledger import Ledger
from study.ledger.run import Run
from study.planning.grid import PlannedTrial


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """A run with the same settings but other limits, and how many epochs it has."""

    source: Run
    epochs: int
    obstacle: str = ""
    """Why training cannot begin after these epochs; empty if it can."""

    def __str__(self) -> str:
        where = f"epoch {self.epochs} of run {self.source.fingerprint}"
        if self.obstacle:
            return f"does not continue after {where}: {self.obstacle}"
        return f"continues after {where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A run with epochs, and the settings that they were trained with."""

    run: Run
    config: Config
    f1: list[float]
    losses: list[float]
    has_checkpoint: bool

    def for_run(self, config: Config) -> Continuation:
        reason = obstacle(config, self.config, self.f1, self.losses)
        if not self.has_checkpoint:
            reason = "the ledger does not have its checkpoint"
        return Continuation(source=self.run, epochs=len(self.f1), obstacle=reason)


class Continuations:
    """The runs of a ledger by what their epochs depend on, read when first asked for.

    Args:
        ledger: The ledger.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._sources: dict[tuple[Config, str], list[_Source]] | None = None

    def find(self, run: Run, config: Config, digest: str) -> Continuation | None:
        """Return the run that a run without epochs can begin with, or would if it could.

        Args:
            run: The run; one with epochs of its own continues those.
            config: Its settings.
            digest: Digest of its data.
        """
        if run.is_finished or run.history():
            return None
        if self._sources is None:
            self._sources = {}
            for source, data in _read(self._ledger.runs()):
                self._sources.setdefault((without_limits(source.config), data), []).append(source)
        known = self._sources.get((without_limits(config), digest), [])
        found = [s.for_run(config) for s in known if s.run.fingerprint != run.fingerprint]
        return max(found, key=lambda c: (not c.obstacle, c.epochs), default=None)

    def begin(self, run: Run, config: Config, digest: str) -> Continuation | None:
        """Let a run begin with the checkpoint of the one found, unless there is an obstacle.

        Returns:
            What :meth:`find` returns, with an obstacle if the checkpoint cannot be used.

        Raises:
            OSError: The ledger cannot be written.
        """
        found = self.find(run, config, digest)
        if found is None or found.obstacle:
            return found
        from rin_core.train.continuing import copy_training  # imports torch

        try:
            copy_training(found.source.path, run.path, config)
        except CheckpointError as error:
            return replace(found, obstacle=str(error))
        run.start_history(found.source.history()[: found.epochs])
        run.refresh()
        return found


def begin_all(
    trials: Iterable[PlannedTrial], corpora: Mapping[str, EncodedCorpus], ledger: Ledger
) -> Iterator[tuple[PlannedTrial, Continuation]]:
    """Let each trial without epochs begin with the checkpoint of another run, if there is one.

    Args:
        trials: Trials without a result.
        corpora: Their encoded corpora by key.
        ledger: The ledger.

    Yields:
        The trials for which there is such a run, whether or not it can be used.
    """
    known = Continuations(ledger)
    for planned in trials:
        digest = corpora[planned.corpus_key].digest
        found = known.begin(planned.run, planned.trial.config, digest)
        if found is not None:
            yield planned, found


def _read(runs: Iterable[Run]) -> Iterator[tuple[_Source, str]]:
    """Yield the runs with epochs, and the digests of their data; others are skipped."""
    for run in runs:
        try:
            source, digest = _of_checkpoint(run) or _of_result(run) or (None, "")
        except (CheckpointError, ConfigError, LedgerError):
            continue
        # Another protocol computes other epochs.
        if source is not None and source.config.fingerprint(digest) == run.fingerprint:
            yield source, digest


def _of_checkpoint(run: Run) -> tuple[_Source, str] | None:
    if not (run.path / CHECKPOINT).exists():
        return None
    from rin_core.train.continuing import checkpoint_epochs  # imports torch
    from rin_core.train.epochs import f1_and_losses

    try:
        config, digest, epochs = checkpoint_epochs(run.path)
    except FileNotFoundError:  # another process has just finished the run
        return None
    f1, losses = f1_and_losses(epochs)
    return _Source(run=run, config=config, f1=f1, losses=losses, has_checkpoint=True), digest


def _of_result(run: Run) -> tuple[_Source, str] | None:
    if (result := run.result()) is None:
        return None
    f1 = [row.selection_f1 for row in result.history]
    losses = [row.train_loss for row in result.history]
    source = _Source(
        run=run,
        config=Config.from_flat(result.config),
        f1=f1,
        losses=losses,
        has_checkpoint=False,
    )
    return source, result.corpus.digest
