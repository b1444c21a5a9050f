"""Counted nouns in messages and reports."""

from __future__ import annotations


def plural(count: int, noun: str) -> str:
    """Return a number with its noun.

    Examples:
        >>> plural(1, "trial"), plural(2, "trial"), plural(1000, "epoch")
        ('1 trial', '2 trials', '1,000 epochs')
        >>> plural(3, "study"), plural(4, "search")
        ('3 studies', '4 searches')
    """
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("y"):
        return f"{count:,} {noun[:-1]}ies"
    return f"{count:,} {noun}{'es' if noun.endswith('rch') else 's'}"
