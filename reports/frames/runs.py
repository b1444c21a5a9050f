"""Every run behind a report, with what a reviewer asks of it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from reports.frames.searches import SearchData
from reports.frames.trials import STATUS_WORDS, Unit, read_unit

#: A search's trial may also have come to one of these.
RUN_WORDS = {**STATUS_WORDS, "stopped": "stopped", "running": "running"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCard:
    """One run; scores in points, NaN where it has none."""

    fingerprint: str
    label: str
    seed: int
    corpus: str
    experiments: tuple[str, ...]
    """Studies and searches that it belongs to."""
    status: str
    """A key of :data:`RUN_WORDS`; only ``done`` is ever averaged."""
    reason: str = ""
    """Why it was stopped, failed or cannot be read."""
    dev_f1: float = math.nan
    test_f1: float = math.nan
    best_epoch: int | None = None
    """The epoch chosen."""
    epochs: int | None = None
    seconds: float = math.nan
    settings: str = ""
    """What differs from the paper's settings, the seed aside."""
    content: str = ""
    """Digest of the corpus."""
    digest: str = ""
    """Digest of the corpus and vectors, as encoded."""
    study_command: str = ""
    """What its study or search was begun with, and goes on with."""
    provenance: Mapping[str, Any]

    @property
    def fate(self) -> str:
        """What became of it, in words."""
        return RUN_WORDS[self.status]

    @property
    def command(self) -> str:
        """What to do with it: train it again and compare every number, or bring it to its end."""
        options = _options(self.study_command)
        if self.digest:
            return " ".join(["python study/run.py rerun", self.fingerprint, *options])
        if self.status == "stopped":
            return " ".join(["python study/run.py audit", self.experiments[0], *options])
        return self.study_command


def _options(command: str) -> list[str]:
    """Return where a study's command finds data, vectors and ledger, for another command."""
    found: dict[str, list[str]] = {}
    name = ""
    for part in shlex.split(command):
        if not part.startswith("--"):
            found.setdefault(name, []).append(part)
            continue
        name, equals, value = part.partition("=")
        if equals:
            found.setdefault(name, []).append(value)
    # Several corpora are a study's, and the record names the one that a run is of.
    return [
        f"{name} {shlex.quote(found[name][0])}"
        for name in ("--data", "--data-root", "--embeddings", "--out")
        if len(found.get(name, ())) == 1
    ]


def run_cards(
    runs: Path, frame: pd.DataFrame | None, searches: Sequence[SearchData]
) -> dict[str, RunCard]:
    """Return a card for every run of studies and searches, by fingerprint.

    Args:
        runs: A study's output folder.
        frame: The studies' trials (:func:`~reports.frames.trials.read_ledger`), if any.
        searches: Searches, whose trials are runs too.
    """
    rows = [] if frame is None else [_of_study(row) for _, row in frame.iterrows()]
    rows += [_of_search(row, data) for data in searches for _, row in data.trials.iterrows()]
    cards: dict[str, RunCard] = {}
    for card in rows:
        known = cards.get(card.fingerprint)
        cards[card.fingerprint] = _joined(known, card) if known else _filled(runs, card)
    return cards


def _of_study(row: pd.Series) -> RunCard:
    return RunCard(
        fingerprint=str(row["fingerprint"]),
        label=str(row["label"]),
        corpus=str(row["corpus"]),
        status=str(row["status"]),
        seed=int(row["seed"]),
        experiments=(str(row["experiment"]),),
        reason=str(row["problem"]),
        settings=str(row["variant"]),
        study_command=str(row["command"]),
        provenance={},
    )


def _of_search(row: pd.Series, data: SearchData) -> RunCard:
    state = str(row["state"])
    return RunCard(
        fingerprint=str(row["fingerprint"]),
        reason=str(row["reason"]),
        label=f"{row['label']}, trial {row['trial']}",
        seed=int(row["seed"]),
        corpus=data.corpus,
        experiments=(data.experiment,),
        status="done" if state == "finished" else state,
        dev_f1=100 * float(row["dev_f1"]),
        epochs=int(row["epochs"]),
        seconds=float(row["seconds"]),
        settings=str(row["variant"]),
        study_command=data.command,
        provenance={},
    )


def _filled(runs: Path, card: RunCard) -> RunCard:
    """Add what the run's own folder says; a stopped trial that was run on is finished."""
    unit = read_unit(runs / "units" / card.fingerprint)
    return card if unit.status != "done" else _finished(card, unit)


def _finished(card: RunCard, unit: Unit) -> RunCard:
    stopped = card.status == "stopped"
    return replace(
        card,
        # A search never saw the end of a trial that it stopped, and no mean has it.
        status=card.status if stopped else "done",
        reason=f"{card.reason}; run to its end since".removeprefix("; ") if stopped else "",
        dev_f1=100 * unit.scores["dev_f1"],
        test_f1=100 * unit.scores["test_f1"],
        best_epoch=unit.best_epoch,
        epochs=unit.epochs,
        seconds=unit.seconds,
        content=unit.content,
        digest=unit.digest,
        provenance=unit.provenance,
    )


def _joined(known: RunCard, other: RunCard) -> RunCard:
    """Return one card of a run that several studies share."""
    experiments = tuple(dict.fromkeys((*known.experiments, *other.experiments)))
    return replace(known, experiments=experiments)


def title_of(cards: Iterable[RunCard]) -> str:
    """Name some runs together: their labels, each once, or their number where these are many."""
    labels = dict.fromkeys(card.label for card in cards)
    return " · ".join(labels) if len(labels) <= 3 else f"{len(labels)} runs"
