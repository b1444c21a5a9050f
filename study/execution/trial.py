"""One run, without Ray: a configuration in, a recorded result out.

The workers of a study call :func:`train_run`, and so does ``rin-study train``: a run
trained alone has bit-identical numbers.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import torch

from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.tags import decode_spans
from rin_core.errors import CheckpointError, OutOfMemory
from rin_core.train import epochs, loop
from study.execution.provenance import provenance
from study.execution.usage import Meter
from study.ledger.layout import CHECKPOINT
from study.ledger.origin import PretrainedName, Provenance
from study.ledger.run import Run
from study.ledger.schema import Epoch, Predictions, Result
from study.planning.recorded import corpus_name, vectors_name


def train_run(
    config: Config,
    corpus: EncodedCorpus,
    run: Run,
    *,
    threads: int = 1,
    gpu: bool = False,
    code: Mapping[str, Any] | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> Result:
    """Train a run to its end, resuming its checkpoint, and record the result.

    Args:
        config: Settings.
        corpus: Encoded splits.
        run: Where checkpoint, weights and result go.
        threads: CPU threads to compute with; the numbers depend on it, in the last bits.
        gpu: Compute on the GPU that this process sees.
        code: Version of the code, if it was sent here from another machine.
        on_epoch: Called after each epoch, once its record is on disk.

    Returns:
        The recorded result.

    Raises:
        Diverged: The loss became infinite or not a number.
        OutOfMemory: The model or a batch does not fit into memory.
        Superseded: Another attempt took the run over.
    """
    torch.set_num_threads(threads)
    if (done := run.result()) is not None:
        return done
    token = run.claim()
    device = torch.device("cuda" if gpu else "cpu")
    origin = _origin(config, corpus, device, code) | {"threads": threads}
    meter = Meter(device)

    def record(epoch: epochs.Epoch) -> None:
        row = _recorded(epoch, meter.read())
        run.record_epoch(row)
        run.publish_epoch(token)
        on_epoch(row)

    @_naming_lack_of_memory()
    def attempt() -> loop.Result:
        trainer = loop.Trainer(config, corpus, run.path, device)
        origin["resumed_from_epoch"] = len(trainer.history)
        origin["continued"] = trainer.continued
        try:
            history = [_recorded(epoch) for epoch in trainer.history]
        except ValueError as error:
            path = run.path / CHECKPOINT
            raise CheckpointError(f"{path}: its epochs cannot be read; delete it") from error
        run.start_history(history)
        return trainer.run(record)

    try:
        trained = attempt()
    except CheckpointError as error:  # its epochs can be trained again
        print(f"{error}: training from scratch", file=sys.stderr)  # noqa: T201
        for path in (run.path / CHECKPOINT, run.weights):
            path.unlink(missing_ok=True)
        trained = attempt()
    result = _result(config, corpus, run, trained, Provenance(**origin))
    # The checkpoint of a fine-tuned transformer takes a gigabyte.
    keep = not config.encoder.fine_tunes
    run.finish(result, _predictions(corpus, trained), token, keep_checkpoint=keep)
    return result


def _origin(
    config: Config, corpus: EncodedCorpus, device: torch.device, code: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return code, machine and time, as they are before training: a checkout may change."""
    found = provenance(device, code, config.training.precision)
    if tagger := corpus.vocabulary.tagger:  # a package that few installations have
        found["packages"] |= {tagger: version(tagger)}
    return found | {"started": time.time()}


def _result(
    config: Config, corpus: EncodedCorpus, run: Run, trained: loop.Result, origin: Provenance
) -> Result:
    """Return the record of a finished training."""
    usage = run.usage()
    history = [_recorded(epoch, usage.get(epoch.epoch)) for epoch in trained.history]
    pretrained = None
    if corpus.pretrained is not None:
        pretrained = PretrainedName(name=corpus.pretrained.name, digest=corpus.pretrained.digest)
    return Result(
        fingerprint=run.fingerprint,
        config=config.flat(),
        corpus=corpus_name(corpus),
        vectors=vectors_name(corpus),
        pretrained=pretrained,
        history=history,
        best_epoch=trained.best_epoch,
        end_reason=trained.end_reason,
        selection_split=config.training.selection,
        selection_scores=trained.selection_scores,
        test_scores=trained.test_scores,
        averaged_selection_scores=trained.averaged_selection_scores,
        averaged_test_scores=trained.averaged_test_scores,
        seconds=sum(row.seconds for row in history),
        provenance=origin,
    )


@contextmanager
def _naming_lack_of_memory() -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # For a CPU torch has no class of its own.
        known = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if not known and "can't allocate memory" not in str(error):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise OutOfMemory(
            "not enough memory: use smaller widths or batches (training.batch_size, "
            f"training.max_tokens), or run fewer trials at once ({reason})"
        ) from error


def _recorded(epoch: epochs.Epoch, usage: Mapping[str, float] | None = None) -> Epoch:
    return Epoch(**dataclasses.asdict(epoch), usage=dict(usage or {}))


def _predictions(corpus: EncodedCorpus, result: loop.Result) -> Predictions:
    decoded, types = result.test_decoded, corpus.vocabulary.entity_types
    entities = decode_spans(decoded.tags_NL)
    return Predictions(
        relations=list(corpus.vocabulary.relations),
        triples=decoded.triples_4N.T.tolist(),
        spans=entities[:3].T.tolist(),
        entity_types=list(types),
        span_types=entities[3].tolist() if types else [],
    )
