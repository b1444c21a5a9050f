"""What is recorded of attempts at a run: who trains it, and how the last one ended."""

from __future__ import annotations

from study.ledger.fields import Count, Record


class Failure(Record):
    """Why the last attempt at a run failed."""

    reason: str


class Pruned(Record):
    """After which epoch a search pruned a run, and why."""

    epoch: Count
    reason: str


class Attempt(Record):
    """The process that trains a run."""

    token: str
    host: str = ""
    pid: int = 0
