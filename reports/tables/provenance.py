"""How the numbers of a report were made: commands, data, code, packages, machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import pandas as pd

from reports.document.formatting import settings_text
from reports.document.table import Row, Table, words
from reports.frames.runs import RunCard
from reports.frames.searches import SearchData
from rin_core.config import PROTOCOL_VERSION
from study.ledger.origin import Provenance

_UNKNOWN = "not recorded"


def provenance_tables(
    cards: Iterable[RunCard], frame: pd.DataFrame | None, searches: Sequence[SearchData]
) -> list[Table]:
    """Return the tables of settings and commands, of corpora and of environments.

    Args:
        cards: The runs of the report.
        frame: The trials of studies; ``None`` if there are none.
        searches: The searches.
    """
    finished = [card for card in cards if card.digest]
    tables = (
        _settings_table(frame, searches),
        _data_table(finished),
        _environments_table(finished),
    )
    return [table for table in tables if table.rows]


def _settings_table(frame: pd.DataFrame | None, searches: Sequence[SearchData]) -> Table:
    rows = []
    if frame is not None:
        groups = frame.groupby(["experiment", "settings", "command"], sort=False)
        for (experiment, settings, command), trials in groups:
            texts = {"Settings given": settings_text(str(settings)), "Command": str(command)}
            rows.append(_row(str(experiment), texts, tuple(trials["fingerprint"])))
    for data in searches:
        settings = ", ".join(f"{k}={v}" for k, v in data.settings.items())
        texts = {"Settings given": settings_text(settings), "Command": "; ".join(data.commands)}
        rows.append(_row(data.experiment, texts, tuple(data.trials["fingerprint"])))
    return Table(
        name="settings",
        title="Settings and commands",
        head="Experiment",
        rows=tuple(rows),
    )


def _data_table(cards: Sequence[RunCard]) -> Table:
    groups: dict[tuple[str, str, str], list[RunCard]] = {}
    for card in cards:
        groups.setdefault((card.corpus, card.content or _UNKNOWN, card.digest), []).append(card)
    rows = []
    for (corpus, content, digest), own in sorted(groups.items()):
        texts = {
            "Digest of the corpus": content,
            "Digest of the model's input": digest,
            "Runs": str(len(own)),
        }
        rows.append(_row(corpus, texts, tuple(card.fingerprint for card in own)))
    return Table(
        name="data",
        title="Data",
        head="Corpus",
        rows=tuple(rows),
        notes=(
            f"Protocol version {PROTOCOL_VERSION}. The model's input is the corpus with its "
            "vectors and tags, as numbers. The fingerprint of a run is a hash of its input and its "
            "settings.",
        ),
    )


def _environments_table(cards: Sequence[RunCard]) -> Table:
    groups: dict[tuple[str, ...], list[RunCard]] = {}
    for card in cards:
        groups.setdefault(tuple(_environment(card.provenance).values()), []).append(card)
    rows = []
    for _, own in sorted(groups.items()):
        texts = _environment(own[0].provenance)
        label = texts.pop("Code")
        texts |= {"Started (UTC)": _days(own), "Runs": str(len(own))}
        rows.append(_row(label, texts, tuple(card.fingerprint for card in own)))
    return Table(
        name="environments",
        title="Code, packages and hardware",
        head="Code",
        rows=tuple(rows),
    )


def _environment(provenance: Provenance | None) -> dict[str, str]:
    assert provenance is not None, "a finished run has it"
    code = provenance.code
    commit = f", commit {code.commit[:12]}" if code.commit else ""
    changed = ", with changes" if code.dirty else ""
    return {
        "Code": f"{code.version or _UNKNOWN}{commit}{changed}",
        "Python": provenance.python or _UNKNOWN,
        "Packages": ", ".join(f"{k} {v}" for k, v in provenance.packages.items()) or _UNKNOWN,
        "Device": f"{provenance.device or _UNKNOWN}, threads: {provenance.threads}",
        "Hardware": f"{provenance.hardware} {provenance.arithmetic}".strip() or _UNKNOWN,
    }


def _days(cards: Sequence[RunCard]) -> str:
    """Return the first and the last day on which one of the runs started."""
    started = [card.provenance.started for card in cards if card.provenance]
    days = [f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}" for at in started if at is not None]
    return " to ".join(dict.fromkeys([min(days), max(days)])) if days else _UNKNOWN


def _row(label: str, texts: Mapping[str, str], runs: tuple[str, ...]) -> Row:
    key = "/".join([label, *texts.values()])
    return Row(key=key, label=label, cells={name: words(t, runs) for name, t in texts.items()})
