"""Record corpora for reports without a study: ``rin-study record``."""

from __future__ import annotations

from rich.console import Console

from rin_core.config import Config
from rin_core.data.loading import load_dataset
from study.commands.arguments import Record
from study.commands.corpora import print_corpora
from study.commands.options import parse_overrides
from study.commands.printing import say
from study.ledger.ledger import Ledger
from study.planning.corpora import record_corpus, record_vectors


def run(options: Record, console: Console) -> int:
    """Record each corpus and its vectors, with the findings of this version, and print where.

    Raises:
        ValueError: A corpus cannot be read.
    """
    ledger, config = Ledger(options.runs), Config().with_overrides(parse_overrides(options.set))
    for name in options.data:
        corpus = load_dataset(
            name, config, data_root=options.data_root, embeddings=options.embeddings
        )
        record_corpus(ledger, corpus.content, name, options.data_root, config.data, again=True)
        record_vectors(ledger, corpus)
        print_corpora([corpus], console)
        say(console, f"recorded in {ledger.corpus_path(corpus.content)}")
    return 0
