"""``audit``: would ASHA have pruned a winner?

Trains some pruned trials of a search to the end and compares them with the best of their arm.
The record of the search does not change: the trials remain pruned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console

from rin_core.cli import INTERRUPTED
from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from study.commands.arguments import Audit
from study.commands.show import show_search
from study.ledger.ledger import Ledger
from study.ledger.origin import CorpusName, VectorsName
from study.ledger.schema import SearchTrial
from study.ledger.search_record import SearchRecord
from study.ledger.state import TrialState
from study.planning.grid import encoding
from study.planning.recorded import GivenData, load_recorded
from study.tracking.base import RunSpec
from study.tracking.progress import Progress


def run(options: Audit, console: Console) -> int:
    """Train and show; return the exit code."""
    for name in ("n", "max_concurrent"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise ValueError(f"--{name.replace('_', '-')} {value}: must be at least 1")
    ledger = Ledger(options.runs)
    record = SearchRecord(ledger, options.experiment)
    chosen = choose(record, options.n)
    if not chosen:
        raise ValueError(f"{options.experiment}: no pruned trial in {record.path}; check --runs")
    encoded = _read(options, record, chosen)
    left = [t for t in chosen if not ledger.run(t.fingerprint).is_finished]
    with ledger.exclusive():
        interrupted = bool(left) and _train(options, left, encoded, ledger, console)
    show_search(options.runs, options.experiment, console)
    if interrupted:
        return INTERRUPTED
    return int(any(not ledger.run(t.fingerprint).is_finished for t in chosen))


def _read(
    options: Audit, record: SearchRecord, trials: Sequence[SearchTrial]
) -> dict[str, EncodedCorpus]:
    """Read the corpus as each trial did; raise ``ValueError`` if it differs from theirs."""
    search, encoded = record.search, dict[str, EncodedCorpus]()
    given = GivenData(data=options.data, data_root=options.data_root, embeddings=options.embeddings)
    vectors = search.vectors
    if vectors is None and (name := search.settings.get("vectors")):
        vectors = VectorsName(name=str(name))
    for trial in trials:
        # The arms of a search may read the corpus differently.
        digest = str(search.identities[trial.arm].get("corpus") or "unknown")
        corpus = search.data or CorpusName(name=search.corpus, digest=digest)
        config = Config.from_flat(trial.config)
        if _key(trial) not in encoded:
            encoded[_key(trial)] = load_recorded(
                corpus.model_copy(update={"digest": digest}),
                vectors,
                config,
                given,
                [search.options],
            )
        if config.fingerprint(digest) != trial.fingerprint:
            raise ValueError(
                f"{record.path}: {trial.name}: the fingerprint {trial.fingerprint} is not that of "
                "its settings and data; use the version of the program that ran the search"
            )
    return encoded


def _train(
    options: Audit,
    trials: Sequence[SearchTrial],
    encoded: Mapping[str, EncodedCorpus],
    ledger: Ledger,
    console: Console,
) -> bool:
    """Train trials to the end; return whether Ctrl-C interrupted it."""
    # Imported late: a typing error should not wait for Ray's imports.
    from study.execution import cluster, tuner
    from study.execution.queue import QueueSearcher
    from study.execution.recorder import RunRecorder
    from study.execution.worker import run_config

    runs = {
        trial.fingerprint: RunSpec(
            run=ledger.run(trial.fingerprint),
            experiment=options.experiment,
            name=trial.name,
            params={},
            tags={},
            max_epochs=int(trial.config["training.max_epochs"]),
        )
        for trial in trials
    }
    searcher = QueueSearcher(
        run_config(ledger.run(t.fingerprint), Config.from_flat(t.config), _key(t)) for t in trials
    )
    with Progress(console, len(trials)) as progress:
        return not tuner.run(
            searcher,
            None,
            encoded,
            cluster.connect(cluster.Resources(max_concurrent=options.max_concurrent)),
            recorder=RunRecorder(runs),
            callbacks=[progress],
            ledger=ledger,
        )


def choose(record: SearchRecord, count: int) -> list[SearchTrial]:
    """Return pruned trials: those with the most epochs first, then by dev F1."""
    pruned = [trial for trial in record.trials if trial.state is TrialState.PRUNED]
    return sorted(pruned, key=lambda t: (-len(t.dev_f1), -t.best))[:count]


def _key(trial: SearchTrial) -> str:
    """Return the key of the encoded corpus that a trial trains on."""
    return encoding("", Config.from_flat(trial.config))
