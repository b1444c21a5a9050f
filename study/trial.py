"""One unit of work, without Ray: a configuration in, a recorded result out.

A study's workers call :func:`run_unit`, and so does ``python study/trial.py``: the numbers
of a trial run alone are the study's to the bit.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro

from rin_core.batching import EncodedCorpus
from rin_core.cli import exit_with_clear_errors, require_gpu
from rin_core.config import Config
from rin_core.dataset import load_dataset
from rin_core.errors import CheckpointError
from rin_core.metrics import decode_spans
from rin_core.training import CHECKPOINT, Epoch, Result, train
from study.corpora import record_corpus, record_vectors
from study.ledger import Ledger, Unit
from study.provenance import provenance
from study.usage import Meter


def run_unit(
    config: Config,
    corpus: EncodedCorpus,
    unit: Unit,
    *,
    threads: int = 1,
    gpu: bool = False,
    code: Mapping[str, Any] | None = None,
    on_epoch: Callable[[Mapping[str, float]], None] = lambda _: None,
) -> dict[str, Any]:
    """Train a unit to its end, resuming its checkpoint, and record the result.

    Args:
        config: Settings.
        corpus: Encoded splits.
        unit: Where checkpoint, weights and result go.
        threads: CPU threads to compute with; the numbers depend on it, in the last bits.
        gpu: Compute on the GPU that this process sees.
        code: Version of the code, where it came here from another machine's checkout.
        on_epoch: Called with one flat row after each epoch that is on disk.

    Returns:
        The recorded result.

    Raises:
        Diverged: The loss became infinite or not a number.
        Superseded: Another attempt took the unit over.
    """
    torch.set_num_threads(threads)
    if (done := unit.result()) is not None:
        return done
    token = unit.claim()
    device = torch.device("cuda" if gpu else "cpu")
    # Asked before training: hours later the checkout may be another.
    origin = provenance(device, code) | {
        "threads": threads,
        "started": time.time(),
        "resumed_from_epoch": len(unit.history()),
    }

    meter = Meter(device)

    def report(epoch: Epoch) -> None:
        unit.use(epoch.epoch, meter.read())
        unit.saved(token)
        on_epoch(epoch.flat())

    result = _train_or_start_over(config, corpus, unit, report, device)
    record = _record(config, corpus, unit, result) | {"provenance": origin}
    unit.finish(record, _predictions(corpus, result), token)
    return record


def _train_or_start_over(
    config: Config,
    corpus: EncodedCorpus,
    unit: Unit,
    report: Callable[[Epoch], None],
    device: torch.device,
) -> Result:
    """Train; a checkpoint that cannot be read is set aside, for its epochs can be made again."""
    try:
        return train(config, corpus, directory=unit.path, on_epoch=report, device=device)
    except CheckpointError as error:
        print(f"{error}: training anew", file=sys.stderr)  # noqa: T201
        for path in (unit.path / CHECKPOINT, unit.weights):
            path.unlink(missing_ok=True)
        return train(config, corpus, directory=unit.path, on_epoch=report, device=device)


def _record(config: Config, corpus: EncodedCorpus, unit: Unit, result: Result) -> dict[str, Any]:
    vectors, pretrained = corpus.vectors, corpus.pretrained
    history = [epoch.flat() for epoch in result.history]
    return {
        "fingerprint": unit.fingerprint,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Train one configuration, without Ray; the same command goes on where it was stopped."""

    data: str = "demo"
    """``demo``, a corpus under the data root, or a folder."""
    data_root: Path | None = None
    """Folder of corpora [default: $RIN_DATA_ROOT]."""
    embeddings: Path | None = None
    """GloVe text file (plain, .gz or .zip); a transformer has no use for it."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A setting, as in ``--set model.rounds=3``; may be given many times."""
    threads: int = 1
    """CPU threads."""
    gpu: bool = False
    """Compute on the GPU."""
    out: Path = Path("runs")
    """The ledger: shared with studies, whose finished units are not trained again."""

    def check(self) -> None:
        """Raise ``ValueError`` for what cannot be."""
        if self.threads < 1:
            raise ValueError(f"--threads {self.threads}: must be at least 1")
        if self.gpu:
            require_gpu()


def parse_overrides(settings: tuple[str, ...]) -> dict[str, object]:
    """Read ``field=value`` texts; :meth:`Config.with_overrides` checks them."""
    pairs = [text.partition("=") for text in settings]
    for path, equals, _ in pairs:
        if not equals:
            raise ValueError(f"--set {path}: must be field=value, as in model.rounds=3")
    return {path.strip(): value.strip() for path, _, value in pairs}


def main(options: Options) -> int:
    """Run the command line."""
    options.check()
    config = Config().with_overrides(parse_overrides(options.set))
    corpus = load_dataset(
        options.data, config, data_root=options.data_root, embeddings=options.embeddings
    )
    for note in corpus.notes:
        print(note)  # noqa: T201
    ledger = Ledger(options.out)
    record_corpus(ledger, corpus.content, options.data, options.data_root, config.data)
    record_vectors(ledger, corpus)
    unit = ledger.unit(config.fingerprint(corpus.digest))
    record = run_unit(
        config, corpus, unit, threads=options.threads, gpu=options.gpu, on_epoch=_print_epoch
    )
    scores = ", ".join(f"{split} F1 {100 * record[split]['f1']:.2f}" for split in ("dev", "test"))
    print(f"{unit.fingerprint}: epoch {record['best_epoch']}, {scores} ({unit.path})")  # noqa: T201
    return 0


def _print_epoch(row: Mapping[str, float]) -> None:
    print(  # noqa: T201
        f"epoch {row['epoch']:3.0f}  loss {row['train_loss']:9.4f}  "
        f"dev F1 {100 * row['dev_f1']:6.2f}  {row['seconds']:6.2f} s",
        flush=True,
    )


if __name__ == "__main__":
    exit_with_clear_errors(lambda: main(tyro.cli(Options, description=Options.__doc__)))
