"""Record corpora for reports without a study: ``python study/run.py record``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from rin_core.config import Config
from rin_core.data.loading import load_dataset
from study.commands.options import DataRoot, LedgerFolder
from study.commands.printing import say
from study.ledger.ledger import Ledger
from study.planning.corpora import record_corpus, record_vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Record corpora in a ledger, for reports without a study. Studies record their corpora."""

    data: Annotated[tuple[str, ...], tyro.conf.arg(metavar="CORPUS")]
    """Corpora: demo, names under the data root, or folders."""
    data_root: DataRoot = None
    embeddings: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Pretrained word vectors: reports then show which words have one."""
    out: LedgerFolder = Path("runs")

    def run(self, console: Console) -> int:
        """Record each corpus and its vectors, and print where.

        Raises:
            ValueError: A corpus cannot be read.
        """
        ledger, config = Ledger(self.out), Config()
        for name in self.data:
            corpus = load_dataset(
                name, config, data_root=self.data_root, embeddings=self.embeddings
            )
            record_corpus(ledger, corpus.content, name, self.data_root, config.data)
            record_vectors(ledger, corpus)
            text = f"{corpus.notes[0]} ({ledger.corpus_path(corpus.content)})"
            say(console, text)
        return 0
