"""Train one configuration without Ray: ``python study/run.py train``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from rin_core.cli import require_gpu
from rin_core.config import Config
from rin_core.data.loading import load_dataset
from study.commands.options import DataRoot, LedgerFolder, Settings, parse_overrides
from study.commands.printing import say
from study.execution.trial import run_unit
from study.ledger.corpora import record_corpus, record_vectors
from study.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Train:
    """Train one configuration without Ray. To resume it, run the same command again."""

    data: Annotated[str, tyro.conf.arg(metavar="CORPUS")] = "demo"
    """Corpus: demo, a name under the data root, or a folder."""
    data_root: DataRoot = None
    embeddings: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """GloVe vectors (plain, .gz or .zip)."""
    set: Settings = ()
    """A setting, as in model.rounds=3."""
    threads: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """CPU threads."""
    gpu: tyro.conf.FlagCreatePairsOff[bool] = False
    """Compute on the GPU."""
    out: LedgerFolder = Path("runs")

    def run(self, console: Console) -> int:
        """Train, and print each epoch and the scores.

        Raises:
            ValueError: An option, a setting or the corpus is invalid.
        """
        if self.threads < 1:
            raise ValueError(f"--threads {self.threads}: must be at least 1")
        if self.gpu:
            require_gpu()
        config = Config().with_overrides(parse_overrides(self.set))
        corpus = load_dataset(
            self.data, config, data_root=self.data_root, embeddings=self.embeddings
        )
        for note in corpus.notes:
            say(console, note)
        ledger = Ledger(self.out)
        record_corpus(ledger, corpus.content, self.data, self.data_root, config.data)
        record_vectors(ledger, corpus)
        run = ledger.run(config.fingerprint(corpus.digest))

        def print_epoch(row: Mapping[str, float]) -> None:
            say(
                console,
                f"epoch {row['epoch']:3.0f}  loss {row['train_loss']:9.4f}  "
                f"dev F1 {100 * row['dev_f1']:6.2f}  {row['seconds']:6.2f} s",
            )

        record = run_unit(
            config, corpus, run, threads=self.threads, gpu=self.gpu, on_epoch=print_epoch
        )
        scores = ", ".join(f"{name} F1 {100 * record[name]['f1']:.2f}" for name in ("dev", "test"))
        text = f"{run.fingerprint}: epoch {record['best_epoch']}, {scores} ({run.path})"
        say(console, text)
        return 0
