"""The record of a search: every trial with its parameters, its state and its scores by epoch.

It is the truth about a search, as runs are about training: Optuna's storage, ASHA's rungs,
MLflow and the reports can all be made again from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rin_core.config import INIT_SETTINGS
from study.ledger.commands import join_commands
from study.ledger.ledger import Ledger
from study.ledger.schema import Search, SearchTrial
from study.ledger.state import TrialState

_COMPARED = ("parameters", "fixed", "sampler", "asha", "objectives", "seed", "protocol", "settings")
"""What must be equal in the identities of arms that are compared."""


class SearchChanged(ValueError):
    """A stored search has another definition than the one that is asked for."""


def _comparable(name: str, identity: Mapping[str, Any]) -> Any:
    value = identity.get(name)
    if name != "settings" or value is None:
        return value
    # Arms of different encoders cannot start with the same vectors.
    return {path: setting for path, setting in value.items() if path not in INIT_SETTINGS}


def ranked_trials(trials: Iterable[SearchTrial]) -> list[SearchTrial]:
    """Return the finished trials that learned something, the highest dev F1 first.

    Of equal trials, the earliest comes first. A trial with a dev F1 of 0 learned nothing.
    """
    learned = (t for t in trials if t.state is TrialState.FINISHED and t.best > 0)
    return sorted(learned, key=lambda t: (-t.best, t.number))


class SearchRecord:
    """A search on disk, written whole after every change.

    Args:
        ledger: Where it is.
        experiment: Its name.

    Raises:
        LedgerError: There is a record, and it cannot be read.
    """

    def __init__(self, ledger: Ledger, experiment: str) -> None:
        self.ledger, self.experiment = ledger, experiment
        self.path = ledger.search_path(experiment)
        self.content: Search | None = ledger.search(experiment)

    @property
    def search(self) -> Search:
        """Return the search, of which there must be a record."""
        assert self.content is not None, "it is opened, or has trials"
        return self.content

    @property
    def trials(self) -> list[SearchTrial]:
        """Return all trials, in the order in which they started."""
        return [] if self.content is None else self.content.trials

    @property
    def identities(self) -> dict[str, dict[str, Any]]:
        """Return for each arm all that its trials agree in."""
        return {} if self.content is None else self.content.identities

    def open(self, search: Search) -> None:
        """Start or resume a search.

        Args:
            search: Its definition, with the identities of the arms that run now; no trials.

        Raises:
            SearchChanged: The arm was searched with another definition before: says in what.
        """
        identities = self.check(search.identities)
        labels, starts, commands = dict(search.labels), dict(search.starts), search.commands
        if self.content is not None:  # a search of some arms keeps what is known of the others
            labels, starts = self.content.labels | labels, self.content.starts | starts
            commands = join_commands(self.content, search)
        self.content = search.model_copy(
            update={
                "labels": labels,
                "starts": starts,
                "commands": commands,
                "identities": identities,
                "trials": self.trials,
            }
        )
        self.save()

    def check(self, identities: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return the identities of all arms, those of these arms among them.

        Raises:
            SearchChanged: As :meth:`open` does.
        """
        found = dict(self.identities)
        for arm, identity in identities.items():
            wanted = json.loads(json.dumps(identity))  # as it is once stored
            # An arm without trials may change: there is nothing to mix.
            stored = found[arm] = found.get(arm, wanted) if self.of(arm) else wanted
            changed = [k for k in wanted.keys() | stored.keys() if stored.get(k) != wanted.get(k)]
            if changed:
                raise SearchChanged(
                    f"{self.path}: {arm} was searched with a different "
                    f"{', '.join(sorted(changed))}, and its trials cannot be mixed with new ones: "
                    "choose another name with --experiment"
                )
        one = found[next(iter(identities))]
        for arm in (arm for arm in found if self.of(arm)):
            # Reports compare each arm with the others.
            differing = [k for k in _COMPARED if _comparable(k, one) != _comparable(k, found[arm])]
            if differing:
                raise SearchChanged(
                    f"{self.path}: {arm} was searched with a different {', '.join(differing)} than "
                    "the arms it is compared with; search it again with them, or choose another "
                    "name with --experiment"
                )
        return found

    def of(self, arm: str) -> list[SearchTrial]:
        """Return the trials of an arm by number."""
        return sorted((t for t in self.trials if t.arm == arm), key=lambda t: t.number)

    def find(self, arm: str, number: int) -> SearchTrial | None:
        """Return a trial, or None."""
        found = (t for t in self.trials if (t.arm, t.number) == (arm, number))
        return next(found, None)

    def add(self, trial: SearchTrial) -> SearchTrial:
        """Record that a trial starts."""
        self.trials.append(trial)
        self.save()
        return trial

    def save(self) -> None:
        """Write everything in one step."""
        self.ledger.record_search(self.search)
