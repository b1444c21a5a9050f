"""Every run behind a report: scores, settings, time and the command that repeats it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from reports.frames.outcomes import read_run
from reports.frames.searches import SearchData
from rin_core.plural import plural
from study.ledger import command
from study.ledger.fields import Options
from study.ledger.ledger import Ledger
from study.ledger.origin import Provenance
from study.ledger.state import TrialState

#: The states of runs, in the order in which they are counted.
_STATES = (
    TrialState.FINISHED,
    TrialState.PRUNED,
    TrialState.FAILED,
    TrialState.RUNNING,
    TrialState.INTERRUPTED,
    TrialState.PLANNED,
    TrialState.UNREADABLE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCard:
    """One run; scores in points, NaN where it has none."""

    fingerprint: str
    label: str
    seed: int
    corpus: str
    experiments: tuple[str, ...]
    """Studies and searches that it belongs to."""
    status: TrialState
    """Only finished runs are ever averaged."""
    reason: str = ""
    """Why it was pruned, failed or cannot be read."""
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
    options: Options
    """Of the command that started its study or search, and resumes it."""
    provenance: Provenance | None = None
    on_gpu: bool = False

    @property
    def core_hours(self) -> float:
        """Return its time times its CPUs; 0 on a GPU, NaN where no time is recorded."""
        if self.on_gpu:
            return 0.0
        # A run without a result has no provenance, but its command sets torch's threads.
        given = float(str(self.options.get("cpus_per_trial", 1)))
        threads = self.provenance.threads if self.provenance else max(1, int(given))
        return self.seconds * threads / 3600

    @property
    def gpu_hours(self) -> float:
        """Return its time on a GPU; 0 on a CPU, NaN where no time is recorded."""
        return self.seconds / 3600 if self.on_gpu else 0.0

    @property
    def command(self) -> str:
        """Return the command that repeats a finished run, or that trains another one to its end."""
        if self.digest:
            return _rerun([self])
        if self.status is TrialState.PRUNED:
            locations = command.locations(self.options)
            return command.render(locations, ["audit", self.experiments[0]])
        return command.render(self.options)


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
    ledger = Ledger(runs)
    cards: dict[str, RunCard] = {}
    for card in rows:
        known = cards.get(card.fingerprint)
        cards[card.fingerprint] = _joined(known, card) if known else _filled(ledger, card)
    # What has no result has no provenance: it ran where the other runs of its experiment did.
    gpu = {name for card in cards.values() if card.on_gpu for name in card.experiments}
    return {
        name: replace(card, on_gpu=True)
        if card.provenance is None and gpu.issuperset(card.experiments)
        else card
        for name, card in cards.items()
    }


def commands_of(cards: Iterable[RunCard]) -> list[str]:
    """Return the commands that repeat the finished runs and train the others to their end.

    Finished runs with the same corpus and vectors share one command.
    """
    others: dict[str, None] = {}
    finished: dict[str, list[RunCard]] = {}
    for card in cards:
        if card.digest:
            finished.setdefault(command.render(command.locations(card.options)), []).append(card)
        else:
            others[card.command] = None
    return [*map(_rerun, finished.values()), *others]


def _rerun(same: Sequence[RunCard]) -> str:
    """Return the command that repeats finished runs with the same corpus and vectors."""
    names = [card.fingerprint for card in same]
    return command.render(command.locations(same[0].options), ["rerun", *names])


def counts_text(cards: Collection[RunCard]) -> str:
    """Return how many runs there are, and their states.

    A run is one training of one configuration with one seed on one corpus, by its fingerprint. It
    counts once, in however many studies and searches it is.

    Examples:
        >>> counts_text([])
        'No runs.'
    """
    if not cards:
        return "No runs."
    states = [card.status for card in cards]
    experiments = {name for card in cards for name in card.experiments}
    found = [f"{states.count(state)} {state}" for state in _STATES if state in states]
    head = f"{plural(len(cards), 'run')} of {plural(len(experiments), 'experiment')}"
    return f"{head}: {', '.join(found)}."


def _of_study(row: pd.Series) -> RunCard:
    return RunCard(
        fingerprint=str(row["fingerprint"]),
        label=str(row["label"]),
        corpus=str(row["corpus"]),
        status=TrialState(row["status"]),
        seed=int(row["seed"]),
        experiments=(str(row["experiment"]),),
        reason=str(row["problem"]),
        settings=str(row["variant"]),
        options=row["options"],
    )


def _of_search(row: pd.Series, data: SearchData) -> RunCard:
    return RunCard(
        fingerprint=str(row["fingerprint"]),
        reason=str(row["reason"]),
        label=f"{row['label']}, trial {row['trial']}",
        seed=int(row["seed"]),
        corpus=data.corpus,
        experiments=(data.experiment,),
        status=TrialState(row["state"]),
        dev_f1=100 * float(row["dev_f1"]),
        epochs=int(row["epochs"]),
        seconds=float(row["spent_seconds"]) if row["spent_epochs"] else math.nan,
        settings=str(row["variant"]),
        options=data.options(str(row["arm"]), int(row["trial"])),
    )


def _filled(ledger: Ledger, card: RunCard) -> RunCard:
    """Add the result, or the time so far; a pruned trial that an audit trained on is marked."""
    run = read_run(ledger, card.fingerprint)
    if (result := run.result) is None:
        if not math.isnan(card.seconds) or run.status is TrialState.UNREADABLE:
            return card
        history = ledger.run(card.fingerprint).history()
        spent = sum(epoch.seconds for epoch in history) if history else math.nan
        return replace(card, epochs=len(history) or None, seconds=spent)
    pruned = card.status is TrialState.PRUNED
    return replace(
        card,
        # The search never saw the end of a trial that it pruned, and no mean has it.
        status=card.status if pruned else TrialState.FINISHED,
        reason=f"{card.reason}; run to its end since".removeprefix("; ") if pruned else "",
        dev_f1=100 * run.score("dev", "f1"),
        test_f1=100 * run.score("test", "f1"),
        best_epoch=result.best_epoch,
        epochs=len(result.history),
        seconds=result.own_seconds,
        content=result.corpus.content,
        digest=result.corpus.digest,
        provenance=result.provenance,
        on_gpu=result.provenance.device == "cuda",
    )


def _joined(known: RunCard, other: RunCard) -> RunCard:
    """Return one card of a run that several studies share."""
    experiments = tuple(dict.fromkeys((*known.experiments, *other.experiments)))
    return replace(known, experiments=experiments)


def title_of(cards: Iterable[RunCard]) -> str:
    """Name some runs together: their labels, each once, or their number where these are many."""
    labels = dict.fromkeys(card.label for card in cards)
    return " · ".join(labels) if len(labels) <= 3 else f"{len(labels)} runs"
