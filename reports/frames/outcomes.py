"""What became of one run, and its columns in the frame of all trials."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from study.ledger.fields import SCORES, TYPED_SCORES
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.ledger.run import Run
from study.ledger.schema import Result
from study.ledger.state import TrialState


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What the ledger holds of one run."""

    status: TrialState
    problem: str = ""
    """Why it failed or cannot be read, naming the file; else empty."""
    result: Result | None = None

    def score(self, split: str, name: str) -> float:
        """Return a score as a fraction; NaN without a result or where the split was not scored.

        Without entity types, strict scores are NaN, and entity scores are of boundaries.
        """
        if self.result is None:
            return math.nan
        scores = self.result.dev_scores if split == "dev" else self.result.test_scores
        if scores is None:
            return math.nan
        return scores.get(name, scores.get(name.replace("_boundaries", ""), math.nan))


def read_run(ledger: Ledger, fingerprint: str) -> RunOutcome:
    """Return what became of one run; a record that cannot be read is a problem, not an error."""
    return _outcome(ledger.run(fingerprint))


def _outcome(run: Run) -> RunOutcome:
    try:
        result, failure = run.result(), run.failure()
    except LedgerError as error:
        return RunOutcome(status=TrialState.UNREADABLE, problem=str(error))
    if result is not None:
        return RunOutcome(status=TrialState.FINISHED, result=result)
    if failure is not None:
        return RunOutcome(status=TrialState.FAILED, problem=failure.reason)
    # A study trains a run to its end, where a search that shares the run pruned it.
    state = run.state()
    if state is TrialState.PRUNED:
        last = run.attempt()
        ended = last is not None and last.has_ended
        state = TrialState.INTERRUPTED if ended else TrialState.RUNNING
    return RunOutcome(status=state)


def outcome_columns(run: Run) -> Mapping[str, object]:
    """Return the columns of what became of a run.

    A finished run is read again only if its file changes: the reports of a study ask for all runs
    of the ledger many times.
    """
    if (version := run.version) is not None:
        with contextlib.suppress(LedgerError, FileNotFoundError):  # reported below
            return _finished_columns(run.path, version)
    return _columns(_outcome(run))


@functools.lru_cache(maxsize=100_000)
def _finished_columns(path: Path, _version: tuple[int, ...]) -> Mapping[str, object]:
    """Return the columns of a finished run; errors are not kept."""
    result = Run(path).result()
    if result is None:
        raise FileNotFoundError(path)
    return _columns(RunOutcome(status=TrialState.FINISHED, result=result))


def _columns(run: RunOutcome) -> dict[str, object]:
    outcome, result = {"status": run.status, "problem": run.problem}, run.result
    if result is None:
        empty = dict.fromkeys(("end_reason", "caveat", "processor", "content"), "")
        none = {"epochs": None, "best_epoch": None, "losses": (), "seconds": math.nan}
        return {**outcome, **empty, **none}
    arithmetic = result.provenance.arithmetic
    return {
        **outcome,
        "digest": result.corpus.digest,
        "epochs": len(result.history),
        "best_epoch": result.best_epoch,
        "end_reason": result.end_reason,
        "caveat": str(result.caveat or ""),
        # Two runs that share all losses are one training.
        "losses": tuple(epoch.train_loss for epoch in result.history),
        # Rounding depends on both; empty in results older than that record.
        "processor": f"{result.provenance.hardware}, {arithmetic}" if arithmetic else "",
        "seconds": result.own_seconds,
        "core_hours": _core_hours(result),
        "content": result.corpus.content,
        "averaged_dev_f1": (result.averaged_dev_scores or {}).get("f1", math.nan),
        **{
            f"averaged_test_{name}": (result.averaged_test_scores or {}).get(name, math.nan)
            for name in ("f1", "precision", "recall", "strict_f1")
        },
        "late_dev_f1": result.late_f1 if result.selection_split == "dev" else math.nan,
        **{
            f"{s}_{name}": run.score(s, name)
            for s in ("dev", "test")
            for name in (*SCORES, *TYPED_SCORES)
        },
    }


def _core_hours(result: Result) -> float:
    """Return the time of a run times its CPUs; NaN on a GPU, whose time is another unit."""
    if result.provenance.device == "cuda":
        return math.nan
    return result.seconds * result.provenance.threads / 3600
