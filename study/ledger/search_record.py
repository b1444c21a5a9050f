"""The record of a search: every trial with its parameters, its state and its scores by epoch.

It is the truth about a search, as runs are about training: Optuna's storage, ASHA's rungs,
MLflow and the reports can all be made again from it.

    <root>/searches/<experiment>.json
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Literal

from rin_core.config import INIT_SETTINGS
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger

State = Literal["running", "finished", "stopped", "failed"]


#: What arms that are compared have in common, of their identities.
_ALIKE = ("parameters", "fixed", "sampler", "asha", "objectives", "seed", "protocol", "settings")


class AnotherSearch(ValueError):
    """A stored search whose space or settings are not those asked for."""


@dataclass(slots=True, kw_only=True)
class SearchTrial:
    """One trial of an arm."""

    arm: str
    number: int
    """Counted from 0 in its arm, as in Optuna."""
    parameters: dict[str, Any]
    fingerprint: str
    config: dict[str, Any]
    state: State = "running"
    inherited: int = 0
    """Epochs the run had before this trial began: they cost it nothing."""
    dev_f1: list[float] = field(default_factory=list)
    """By epoch, as far as this trial saw them."""
    seconds: list[float] = field(default_factory=list)
    """By epoch."""
    reason: str = ""
    """Why it failed or was stopped."""

    @property
    def name(self) -> str:
        """Return what people read: ``k-3 #17``."""
        return f"{self.arm} #{self.number}"

    @property
    def best(self) -> float:
        """Return the dev F1 of the epoch that selection takes, as a fraction; 0 without one."""
        return max(self.dev_f1, default=0.0)

    def see(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Take scores and times from a unit's epochs."""
        self.dev_f1 = [float(row["dev_f1"]) for row in history]
        self.seconds = [float(row["seconds"]) for row in history]

    def rows(self) -> list[dict[str, float]]:
        """Return the epochs as the scheduler and the sampler get them."""
        best, seconds = accumulate(self.dev_f1, max), accumulate(self.seconds)
        return [
            {"epoch": epoch, "best_dev_f1": f1, "total_seconds": spent}
            for epoch, (f1, spent) in enumerate(zip(best, seconds, strict=True), start=1)
        ]


def _alike(name: str, identity: Mapping[str, Any]) -> Any:
    value = identity.get(name)
    if name != "settings" or value is None:
        return value
    # Arms of different encoders cannot begin with the same.
    return {path: setting for path, setting in value.items() if path not in INIT_SETTINGS}


class SearchRecord:
    """A search on disk, written whole after every change.

    Args:
        ledger: Where it lives.
        experiment: Its name.

    Raises:
        LedgerError: There is a record, and it cannot be read.
    """

    def __init__(self, ledger: Ledger, experiment: str) -> None:
        self.ledger, self.experiment = ledger, experiment
        self.path = ledger.search_path(experiment)
        self.header: dict[str, Any] = {}
        self.identities: dict[str, Any] = {}
        self.trials: list[SearchTrial] = []
        if (stored := ledger.search(experiment)) is not None:
            self._load(stored)

    def _load(self, stored: dict[str, Any]) -> None:
        try:
            self.trials = [SearchTrial(**trial) for trial in stored.pop("trials")]
            self.identities = stored.pop("identities")
        except (KeyError, TypeError) as error:
            raise LedgerError(f"{self.path}: is no search's record ({error}); move it away") from (
                error
            )
        self.header = stored

    def open(self, header: Mapping[str, Any], identities: Mapping[str, Mapping[str, Any]]) -> None:
        """Begin or go on with a search.

        Args:
            header: What the search is: space, corpus, command and so on.
            identities: For each arm all that decides which trials may stand side by side.

        Raises:
            AnotherSearch: The arm was searched otherwise before: says in what.
        """
        self.identities = self.check(identities)
        known = {k: {**self.header.get(k, {}), **header.get(k, {})} for k in ("labels", "starts")}
        self.header = {**self.header, **header, **known}  # with a part of the arms, none is lost
        self.save()

    def check(self, identities: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return the identities of all arms, those of these arms among them.

        Raises:
            AnotherSearch: As :meth:`open` does.
        """
        found = dict(self.identities)
        for arm, identity in identities.items():
            wanted = json.loads(json.dumps(identity))  # as it is once stored
            # What had no trial may become another: there is nothing to mix.
            stored = found[arm] = found.get(arm, wanted) if self.of(arm) else wanted
            changed = [k for k in wanted.keys() | stored.keys() if stored.get(k) != wanted.get(k)]
            if changed:
                raise AnotherSearch(
                    f"{self.path}: {arm} was searched with other {', '.join(sorted(changed))}; "
                    "trials of both must not be mixed: give --experiment another name"
                )
        one = found[next(iter(identities))]
        for arm in (arm for arm in found if self.of(arm)):
            # Reports compare each with the others.
            unlike = [k for k in _ALIKE if _alike(k, one) != _alike(k, found[arm])]
            if unlike:
                raise AnotherSearch(
                    f"{self.path}: {arm} was searched with other {', '.join(unlike)}, and is "
                    "compared with these arms: search it again with them, or give --experiment "
                    "another name"
                )
        return found

    def of(self, arm: str) -> list[SearchTrial]:
        """Return an arm's trials by number."""
        return sorted((t for t in self.trials if t.arm == arm), key=lambda t: t.number)

    def find(self, arm: str, number: int) -> SearchTrial | None:
        """Return a trial, or None."""
        found = (t for t in self.trials if (t.arm, t.number) == (arm, number))
        return next(found, None)

    def add(self, trial: SearchTrial) -> SearchTrial:
        """Record that a trial begins."""
        self.trials.append(trial)
        self.save()
        return trial

    def best(self, arm: str) -> SearchTrial | None:
        """Return the finished trial of highest dev F1, the earliest among equals."""
        finished = [t for t in self.of(arm) if t.state == "finished"]
        return max(finished, key=lambda t: (t.best, -t.number), default=None)

    def save(self) -> None:
        """Write everything in one step."""
        trials = [dataclasses.asdict(trial) for trial in self.trials]
        content = {**self.header, "identities": self.identities, "trials": trials}
        self.ledger.record_search(self.experiment, content)
