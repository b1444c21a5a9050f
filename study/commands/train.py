"""Train one configuration without Ray: ``python study/run.py train``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from rin_core.config import Config
from rin_core.data.loading import load_dataset
from rin_core.device import require_gpu
from study.commands.options import DataRoot, LedgerFolder, Settings, parse_overrides
from study.commands.printing import say
from study.execution.trial import train_run
from study.ledger.ledger import Ledger
from study.ledger.schema import Epoch
from study.planning.corpora import record_corpus, record_vectors


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

        split = config.training.selection

        def print_epoch(row: Epoch) -> None:
            say(
                console,
                f"epoch {row.epoch:3}  loss {row.train_loss:9.4f}  "
                f"{split} F1 {100 * row.selection_f1:6.2f}  {row.seconds:6.2f} s",
            )

        record = train_run(
            config, corpus, run, threads=self.threads, gpu=self.gpu, on_epoch=print_epoch
        )
        selected, test = record.selection_scores["f1"], record.test_scores["f1"]
        scores = f"{split} F1 {100 * selected:.2f}, test F1 {100 * test:.2f}"
        text = f"{run.fingerprint}: epoch {record.best_epoch}, {scores} ({run.path})"
        say(console, text)
        return 0
