"""``rerun``: train finished runs again and compare every number with the record."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rich.console import Console

from rin_core.config import Config
from rin_core.device import require_gpu
from rin_core.files import copy_atomically
from rin_core.model import matmul
from rin_core.plural import plural
from study.commands.arguments import Rerun
from study.commands.printing import say
from study.execution.trial import train_run
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.ledger.run import Run
from study.ledger.schema import Predictions, Result
from study.ledger.transfer import first_difference
from study.planning.recorded import GivenData, commands_of, load_recorded


def run(options: Rerun, console: Console) -> int:
    """Train, compare, and return the exit code.

    Raises:
        ValueError: No run is given, one is not finished, or the corpus or the vectors differ.
    """
    if options.gpu:
        require_gpu()
    if not options.fingerprints:
        raise ValueError("rerun: give the fingerprint of a run; the report page shows them")
    ledger = Ledger(options.runs)
    runs = [ledger.find(fingerprint) for fingerprint in options.fingerprints]
    records = [_finished(run) for run in runs]  # before the first training
    same = [
        _again_identical(options, console, ledger, run, recorded)
        for run, recorded in zip(runs, records, strict=True)
    ]
    if len(same) > 1:
        say(console, f"{sum(same)} of {len(same)} runs are bit-identical")
    return 0 if all(same) else 1


def _finished(run: Run) -> Result:
    """Return the record of a run.

    Raises:
        ValueError: The run is not finished.
    """
    recorded = run.result()
    if recorded is None:
        raise ValueError(f"{run.fingerprint}: not finished; run the study's command to resume")
    return recorded


def _again_identical(
    options: Rerun, console: Console, ledger: Ledger, run: Run, recorded: Result
) -> bool:
    """Train a run again, print what differs, and return whether nothing does."""
    config = Config.from_flat(recorded.config)
    corpus = load_recorded(
        recorded.corpus,
        recorded.vectors,
        config,
        GivenData(data=options.data, data_root=options.data_root, embeddings=options.embeddings),
        commands_of(ledger, run.fingerprint),
    )
    epochs = len(recorded.history)
    split = recorded.selection_split
    say(console, f"{run.fingerprint}: training again; the record has {plural(epochs, 'epoch')}")
    with tempfile.TemporaryDirectory() as folder, matmul.use(_math_library(recorded)):
        copy = Run(Path(folder) / run.fingerprint)
        again = train_run(
            config,
            corpus,
            copy,
            threads=recorded.provenance.threads,
            gpu=options.gpu,
            on_epoch=lambda row: say(
                console, f"epoch {row.epoch:3}  {split} F1 {100 * row.selection_f1:6.2f}"
            ),
        )
        identical = _compare(console, recorded, again)
        if identical and _predictions(run) is None and (found := copy.predictions()) is not None:
            run.record_predictions(found)
            say(console, "the ledger now has the predictions")
        if identical and not run.weights.exists():
            # The weights come last: while they are missing, another rerun writes all of them.
            if copy.averaged_weights.exists():
                copy_atomically(copy.averaged_weights, run.averaged_weights)
            copy_atomically(copy.weights, run.weights)
            say(console, "the ledger now has the weights")
    return identical


def _predictions(run: Run) -> Predictions | None:
    """Return the predictions of a run; None without a file that can be read."""
    try:
        return run.predictions()
    except LedgerError:
        return None


def _compare(console: Console, recorded: Result, again: Result) -> bool:
    """Print the scores and the first difference; return whether there is none."""
    for name, run in (("record", recorded), ("rerun", again)):
        selected, test = 100 * run.selection_scores["f1"], 100 * run.test_scores["f1"]
        split = run.selection_split
        say(console, f"{name + ':':7} {split} F1 {selected:.2f}, test F1 {test:.2f}")
    difference = first_difference(recorded, again, ("in the record", "in the rerun"))
    if difference is None:
        say(console, "every number is bit-identical")
        return True
    say(console, f"first difference: {difference}")
    changed = False
    for name in ("machine", "hardware", "arithmetic", "device", "packages"):
        before, now = (getattr(r.provenance, name) or "unknown" for r in (recorded, again))
        if before != now:
            changed = True
            say(console, f"{name}: recorded {before}, now {now}")
    if changed:
        say(
            console,
            "The environment differs, so the results may differ as much as with another seed. "
            "Bit-identical results require the recorded environment.",
        )
    return False


def _math_library(recorded: Result) -> str:
    """Return what computed the record's matrix products: old records used torch's default."""
    return "onednn" if "onednn" in recorded.provenance.arithmetic.split() else "blas"
