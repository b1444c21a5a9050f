"""One run of work, without Ray: a configuration in, a recorded result out.

A study's workers call :func:`run_unit`, and so does ``python study/trial.py``: the numbers
of a trial run alone are the study's to the bit.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.tags import decode_spans
from rin_core.errors import CheckpointError
from rin_core.train.loop import CHECKPOINT, Epoch, Result, train
from study.execution.usage import Meter
from study.ledger.provenance import provenance
from study.ledger.run import Run


def run_unit(
    config: Config,
    corpus: EncodedCorpus,
    run: Run,
    *,
    threads: int = 1,
    gpu: bool = False,
    code: Mapping[str, Any] | None = None,
    on_epoch: Callable[[Mapping[str, float]], None] = lambda _: None,
) -> dict[str, Any]:
    """Train a run to its end, resuming its checkpoint, and record the result.

    Args:
        config: Settings.
        corpus: Encoded splits.
        run: Where checkpoint, weights and result go.
        threads: CPU threads to compute with; the numbers depend on it, in the last bits.
        gpu: Compute on the GPU that this process sees.
        code: Version of the code, where it came here from another machine's checkout.
        on_epoch: Called with one flat row after each epoch that is on disk.

    Returns:
        The recorded result.

    Raises:
        Diverged: The loss became infinite or not a number.
        Superseded: Another attempt took the run over.
    """
    torch.set_num_threads(threads)
    if (done := run.result()) is not None:
        return done
    token = run.claim()
    device = torch.device("cuda" if gpu else "cpu")
    # Asked before training: hours later the checkout may be another.
    origin = provenance(device, code) | {
        "threads": threads,
        "started": time.time(),
        "resumed_from_epoch": len(run.history()),
    }

    meter = Meter(device)

    def report(epoch: Epoch) -> None:
        run.record_usage(epoch.epoch, meter.read())
        run.publish_epoch(token)
        on_epoch(epoch.flat())

    result = _train_or_start_over(config, corpus, run, report, device)
    record = _record(config, corpus, run, result) | {"provenance": origin}
    run.finish(record, _predictions(corpus, result), token)
    return record


def _train_or_start_over(
    config: Config,
    corpus: EncodedCorpus,
    run: Run,
    report: Callable[[Epoch], None],
    device: torch.device,
) -> Result:
    """Train; a checkpoint that cannot be read is set aside, for its epochs can be made again."""
    try:
        return train(config, corpus, directory=run.path, on_epoch=report, device=device)
    except CheckpointError as error:
        print(f"{error}: training anew", file=sys.stderr)  # noqa: T201
        for path in (run.path / CHECKPOINT, run.weights):
            path.unlink(missing_ok=True)
        return train(config, corpus, directory=run.path, on_epoch=report, device=device)


def _record(config: Config, corpus: EncodedCorpus, run: Run, result: Result) -> dict[str, Any]:
    vectors, pretrained = corpus.vectors, corpus.pretrained
    history = [epoch.flat() for epoch in result.history]
    return {
        "fingerprint": run.fingerprint,
        "config": config.flat(),
        "corpus": {"name": corpus.name, "digest": corpus.digest, "content": corpus.content},
        "vectors": vectors and {"name": vectors.name, "digest": vectors.digest},
        "pretrained": pretrained and {"name": pretrained.name, "digest": pretrained.digest},
        "history": history,
        "best_epoch": result.best_epoch,
        "stopped": result.stopped,
        "dev": result.dev,
        "test": result.test,
        "seconds": sum(row["seconds"] for row in history),
    }


def _predictions(corpus: EncodedCorpus, result: Result) -> dict[str, Any]:
    decoded = result.test_decoded
    return {
        "relations": list(corpus.vocabulary.relations),
        "triples": decoded.triples_4N.T.tolist(),
        "spans": decode_spans(decoded.tags_NL).T.tolist(),
    }
