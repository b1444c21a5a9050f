"""Names of the trials of a search, and of the arms that run on fresh seeds after it."""

from __future__ import annotations

import re

#: The best settings that the search found; searches before the race had this arm.
TUNED = "-tuned"
#: The settings that the search started from.
START = "-paper"
#: The settings of a trial that races, with the trial's number.
CANDIDATE = "-trial"

#: Settings of each arm that race on the first fresh seeds, beside its start.
CANDIDATES = 4

_SUFFIX = re.compile(rf"({TUNED}|{START}|{CANDIDATE}\d+)$")


def searched_arm(name: str) -> str:
    """Return the arm of a search behind an arm on fresh seeds.

    Examples:
        >>> searched_arm("k-1-trial12"), searched_arm("k-1-paper"), searched_arm("k-1")
        ('k-1', 'k-1', 'k-1')
    """
    return _SUFFIX.sub("", name)


def trial_name(arm: str, number: int) -> str:
    """Return what people read of a trial of a search: ``k-3 #17``."""
    return f"{arm} #{number}"


def is_confirmation(name: str) -> bool:
    """Tell whether an arm has the settings of a search on fresh seeds."""
    return _SUFFIX.search(name) is not None
