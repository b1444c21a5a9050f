"""The record of how a search's first rung was chosen; see :mod:`study.planning.grace`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rin_core.plural import plural
from study.ledger.fields import LARGEST, Count, Name, Number, Record

Correlation = Annotated[Number, Field(ge=-1, le=1)]


class RungCorrelation(Record):
    """How well dev F1 at an epoch ranks settings as their end does."""

    epoch: Annotated[int, Field(ge=1, lt=LARGEST)]
    settings: Count
    """Settings that trained so far."""
    spearman: Correlation
    low: Correlation
    """Lower bound of the 95 % confidence interval."""
    high: Correlation


class GraceEstimate(Record):
    """The first rung of ASHA, measured on finished runs when a search began."""

    epoch: Annotated[int, Field(ge=1, lt=LARGEST)] | None
    """The grace period; None: nothing is pruned."""
    threshold: Correlation
    """The least correlation at the first rung and at every later epoch."""
    fewest: Count
    """The fewest settings for an estimate."""
    basis: Literal["search", "corpus", "other"]
    """Runs of settings that the search could try, other runs of its corpus, or another corpus."""
    corpus: Name | Literal[""]
    """Of the runs; empty without any."""
    settings: Count
    """Settings in the estimate, with one run each."""
    correlations: list[RungCorrelation]
    """By epoch, as far as enough settings trained."""

    def runs_text(self) -> str:
        """Return what the estimate is based on, in words."""
        which = {"search": " that this search could try", "corpus": "", "other": ""}[self.basis]
        return f"{plural(self.settings, 'run')} with different settings{which}, on {self.corpus}"

    def __str__(self) -> str:
        """Return the decision and its reason in words."""
        if not self.correlations:
            return (
                "ASHA is off: the ledger has too few finished runs to measure from which epoch "
                f"pruning is safe ({self.settings} of {self.fewest} settings); give "
                "asha.grace_period to prune anyway"
            )
        at = next((row for row in self.correlations if row.epoch == self.epoch), None)
        if at is None:
            below = [row for row in self.correlations if row.spearman < self.threshold]
            last = (below or self.correlations)[-1]
            return (
                f"ASHA is off: before the last epoch, dev F1 does not rank settings as it does at "
                f"the end of training (correlation {last.spearman:.2f} at epoch {last.epoch}; "
                f"ASHA requires {self.threshold:g} from the first rung on; {self.runs_text()})"
            )
        return (
            f"ASHA prunes from epoch {at.epoch}: from there on, dev F1 ranks settings as it does "
            f"at the end of training (correlation {at.spearman:.2f}, 95 % CI {at.low:.2f} to "
            f"{at.high:.2f}; {self.runs_text()})"
        )
