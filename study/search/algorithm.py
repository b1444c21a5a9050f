"""The interface of a search algorithm, which proposes one arm's trials and learns from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rin_core.config import Config
from search_spaces.search import Search
from study.ledger.schema import SearchTrial


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSearch:
    """One arm of a search, as an algorithm gets it."""

    search: Search
    arm: str
    base: Config
    """The arm's settings, to which a trial adds its parameters."""
    recorded: Sequence[SearchTrial]
    """The arm's trials of earlier sessions by number; those that are running are resumed."""
    database: Path
    """A file for the algorithm's own records; the ledger can always replace them."""
    study_name: str
    """The arm's name in the database."""
    started: Mapping[str, float] = field(default_factory=dict)
    """When recorded runs started, in seconds since 1970, by fingerprint, where that is known."""


class SearchAlgorithm:
    """Proposes trials by number, counted from 0 in the arm.

    The record of the search is written before an algorithm is told anything, and the next session
    starts from that record.

    Args:
        arm: The arm and its recorded trials.
    """

    def __init__(self, arm: ArmSearch) -> None:
        self.arm = arm

    def ask(self, point: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Return the number and the parameters of a new trial. Every subclass has this method.

        Args:
            point: The parameters to try; None lets the algorithm choose.
        """
        raise NotImplementedError

    def report(self, number: int, epoch: int, f1: float) -> None:
        """Learn the best dev F1 of a running trial up to an epoch after which it continues."""

    def tell(self, trial: SearchTrial) -> None:
        """Learn how a trial ended."""

    def last_reported(self, number: int) -> int:
        """Return the last epoch reported for a resumed trial, in any session; 0 if unknown.

        The scheduler let the trial continue after that epoch and does not decide again.
        """
        return 0
