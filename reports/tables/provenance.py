"""What the numbers of a report were made with: commands, data, code, packages, machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from reports.document.formatting import settings_text
from reports.document.table import Cell, Row, Table
from reports.frames.runs import RunCard
from reports.frames.searches import SearchData
from rin_core.config import PROTOCOL_VERSION


def provenance_tables(
    cards: Iterable[RunCard], frame: pd.DataFrame | None, searches: Sequence[SearchData]
) -> list[Table]:
    """Return settings and commands, corpora, and environments; those that have rows.

    Args:
        cards: The runs of the report.
        frame: The studies' trials; None without any.
        searches: The searches.
    """
    finished = [card for card in cards if card.digest]
    tables = (
        _settings_table(frame, searches),
        _grouped("data", "Data", _DATA, _data_key, finished, (_PROTOCOL_NOTE,)),
        _grouped("environments", "Code, packages, hardware", _MADE_WITH, _made_with, finished),
    )
    return [table for table in tables if table.rows]


_DATA = ("Corpus", "Digest of the corpus", "Digest of what models read", "Runs")
_MADE_WITH = ("Code", "Python", "Packages", "Device", "Hardware", "Begun (UTC)", "Runs")
_PROTOCOL_NOTE = (
    f"Protocol version {PROTOCOL_VERSION}. What models read is the corpus with its vectors and "
    "tags, as numbers; a run's fingerprint hashes it with the run's settings."
)


def _settings_table(frame: pd.DataFrame | None, searches: Sequence[SearchData]) -> Table:
    rows = [] if frame is None else _study_rows(frame)
    for data in searches:
        settings = ", ".join(f"{k}={v}" for k, v in data.settings.items())
        behind = tuple(data.trials["fingerprint"])
        rows.append(_row(data.experiment, (settings_text(settings), data.command), behind))
    return Table(
        name="settings",
        title="Settings and commands",
        head="Experiment",
        columns=("Settings given", "Command"),
        rows=tuple(rows),
    )


def _study_rows(frame: pd.DataFrame) -> list[Row]:
    groups = frame.groupby(["experiment", "settings", "command"], sort=False)
    return [
        _row(
            str(experiment),
            (settings_text(str(settings)), str(command)),
            tuple(trials["fingerprint"]),
        )
        for (experiment, settings, command), trials in groups
    ]


def _grouped(
    name: str,
    title: str,
    columns: Sequence[str],
    key: Callable[[RunCard], tuple[str, ...]],
    cards: Sequence[RunCard],
    notes: Sequence[str] = (),
) -> Table:
    """Return a row for each distinct key, with its number of runs."""
    groups: dict[tuple[str, ...], list[RunCard]] = {}
    for card in cards:
        groups.setdefault(key(card), []).append(card)
    return Table(
        name=name,
        title=title,
        head=columns[0],
        columns=tuple(columns[1:]),
        rows=tuple(
            _row(found[0], (*found[1:], *_ending(columns, own)), tuple(c.fingerprint for c in own))
            for found, own in sorted(groups.items())
        ),
        notes=tuple(notes),
    )


def _ending(columns: Sequence[str], cards: Sequence[RunCard]) -> tuple[str, ...]:
    begun = (_begun(cards),) if "Begun (UTC)" in columns else ()
    return (*begun, str(len(cards)))


def _row(label: str, texts: Sequence[str], names: tuple[str, ...]) -> Row:
    cells = tuple(Cell(text=text, fingerprints=names) for text in texts)
    return Row(key=f"{label}/{'/'.join(texts)}", label=label, cells=cells)


def _data_key(card: RunCard) -> tuple[str, ...]:
    return (card.corpus, card.content or "not recorded", card.digest)


def _made_with(card: RunCard) -> tuple[str, ...]:
    found = card.provenance
    packages = found.get("packages") or {}
    return (
        _code(found.get("code") or {}),
        str(found.get("python", "not recorded")),
        ", ".join(f"{name} {version}" for name, version in packages.items()) or "not recorded",
        f"{found.get('device', 'not recorded')}, threads: {found.get('threads', '–')}",
        " ".join(str(found[name]) for name in ("hardware", "arithmetic") if name in found)
        or "not recorded",
    )


def _code(code: Mapping[str, Any]) -> str:
    commit = f", commit {str(code['commit'])[:12]}" if "commit" in code else ""
    changed = ", with changes" if code.get("dirty") else ""
    return f"{code.get('version', 'not recorded')}{commit}{changed}"


def _begun(cards: Sequence[RunCard]) -> str:
    """Return the first and the last day on which one of the runs began."""
    found = [c.provenance["started"] for c in cards if "started" in c.provenance]
    days = [f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}" for at in found]
    return " to ".join(dict.fromkeys([min(days), max(days)])) if days else "not recorded"
