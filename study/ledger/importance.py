"""The record of which parameters decide a search; see :mod:`study.search.importance`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from study.ledger.fields import Count, Fraction, Number, Record


class Importance(Record):
    """How much one parameter separates an arm's best trials from all its trials."""

    share: Fraction
    """Of the sum over the arm's parameters."""
    chance: Annotated[Number, Field(ge=0)]
    """What 95 % of shuffled searches stay below, as a share of the same sum."""


class ArmImportance(Record):
    """The parameters of one arm."""

    trials: Count
    """Finished and pruned trials with a score."""
    best: Count
    """How many of them count as the best."""
    parameters: dict[str, Importance]
    """By dotted name, the most important first."""

    @property
    def beyond_chance(self) -> list[str]:
        """Return the parameters that separate the best trials better than chance does."""
        return [path for path, one in self.parameters.items() if one.share > one.chance]
