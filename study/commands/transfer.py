"""``export`` and ``import``: move results between ledgers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console

from rin_core.config import Config
from rin_core.files import new_version
from rin_core.plural import plural
from study.commands import sync
from study.commands.arguments import Export, Import
from study.commands.options import named_uri
from study.commands.printing import say
from study.ledger.exported import Exported, ExportedRun, read_exported
from study.ledger.ledger import Ledger
from study.ledger.schema import Search
from study.ledger.transfer import export_ledger, merge
from study.planning.corpora import record_if_available, record_vectors_if_available

#: Ending of a file that export writes as a table.
TABLE = ".parquet"


def run_export(options: Export, console: Console) -> int:
    """Export, and return the exit code.

    Raises:
        ValueError: There is nothing to export.
    """
    if options.file.suffix == TABLE:
        return _export_table(options, console)
    written = export_ledger(Ledger(options.runs), options.file, options.data)
    runs, studies, searches = written.values()
    counts = (plural(runs, "run"), plural(studies, "study"), plural(searches, "search"))
    say(console, f"{', '.join(counts)} written to {options.file}", whole=True)
    return 0


def _export_table(options: Export, console: Console) -> int:
    """Write the trials of all studies as a table for other programs."""
    from reports.frames.tidy import tidy_trials  # imports pandas

    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f"{options.file}: Parquet requires pyarrow: pip install pyarrow"
        ) from error
    frame = tidy_trials(options.runs)
    if options.data:
        frame = frame[frame["corpus"].isin([Path(name).name for name in options.data])]
    if frame.empty:
        raise ValueError(f"{options.runs}: no trial on {', '.join(options.data)} to export")
    with new_version(options.file) as part:
        frame.astype({"status": "str"}).to_parquet(part, index=False)
    say(console, f"{plural(len(frame), 'trial')} written to {options.file}", whole=True)
    return 0


def run_import(options: Import, console: Console) -> int:
    """Import, and return the exit code: 1 if numbers conflict.

    Raises:
        ValueError: A file is missing or invalid; nothing is written then.
    """
    if not options.files:
        raise ValueError("import: must name at least one file that export wrote")
    if missing := [str(file) for file in options.files if not file.is_file()]:
        raise ValueError(f"import {missing[0]}: no such file")
    uri = named_uri(options.tracking_uri)
    ledger, conflicts, touched = Ledger(options.runs), 0, set[str]()
    records = [read_exported(file) for file in options.files]  # all, before any is written
    with ledger.exclusive():
        for file, added in zip(options.files, records, strict=True):
            merged = merge(ledger, added)
            text = f"{plural(len(merged.added), 'record')} added, {len(merged.known)} already there"
            say(console, f"{file}: {text}")
            for fingerprint, difference in merged.conflicts.items():
                text = f"conflict: {fingerprint}: {difference}; the ledger was not changed"
                say(console, text, "red")
            conflicts += len(merged.conflicts)
            touched.update(merged.added, merged.known)
        _add_importance(ledger, (record for file in records for record in file))
        for text in _record_data(ledger, records, options.data_root, options.embeddings):
            say(console, text, "yellow")
        unsent = sync.update(ledger, touched, uri, console)
    return 1 if conflicts or unsent else 0


def _add_importance(ledger: Ledger, records: Iterable[Exported]) -> None:
    """Compute the importance of parameters for searches of files without it."""
    for name in dict.fromkeys(r.experiment for r in records if isinstance(r, Search)):
        found = ledger.search(name)
        if found is not None and not found.importance:
            from study.search.importance import record_importance  # imports Optuna

            record_importance(ledger, name)


def _record_data(
    ledger: Ledger,
    files: Iterable[Iterable[Exported]],
    data_root: Path | None,
    embeddings: Path | None,
) -> Iterator[str]:
    """Record what reports need of the corpora of imported runs: exported files hold no text.

    Yields:
        What is not available, and what reports leave out without it.
    """
    runs = (record for file in files for record in file if isinstance(record, ExportedRun))
    results = [run.result for run in runs if run.result.corpus.content]
    for content, result in {r.corpus.content: r for r in results}.items():
        name, config = result.corpus.name, Config.from_flat(result.config)
        if why := record_if_available(ledger, content, name, data_root, config):
            yield (
                "reports leave out scores by class, errors and tests over sentences, because the "
                f"corpus is not available here: {why}"
            )
    for result in {r.corpus.digest: r for r in results}.values():
        # Without the corpus, its vectors cannot be described either: one message is enough.
        if not ledger.corpus_path(result.corpus.content).exists():
            continue
        if why := record_vectors_if_available(ledger, result, data_root, embeddings):
            yield f"reports leave out scores by word vectors: {why}"
