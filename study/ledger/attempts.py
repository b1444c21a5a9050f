"""What is recorded of attempts at a run: who trains it, and how the last one ended."""

from __future__ import annotations

import os
from typing import Annotated

import psutil
from pydantic import Field

from study.ledger.fields import LATEST, Count, Number, Record

#: By how many seconds a process may seem to have started at another time: clocks are adjusted.
_ADJUSTED = 60.0


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
    started: Annotated[Number | None, Field(ge=0, lt=LATEST, exclude_if=lambda at: at is None)] = (
        None
    )
    """When the process started, in seconds since 1970: another may get its number later."""

    @classmethod
    def of_this_process(cls, token: str) -> Attempt:
        """Return an attempt of the process that calls."""
        started = psutil.Process().create_time()
        return cls(token=token, host=os.uname().nodename, pid=os.getpid(), started=started)

    @property
    def is_elsewhere(self) -> bool:
        """Tell whether another machine trains the run: this one does not see its processes."""
        return self.host not in ("", os.uname().nodename)

    @property
    def has_ended(self) -> bool:
        """Tell whether the process is known to be gone."""
        if self.host != os.uname().nodename:
            return False
        try:
            if not psutil.pid_exists(self.pid):
                return True
            started = psutil.Process(self.pid).create_time()
        except psutil.NoSuchProcess:
            return True
        except OverflowError:  # a number that no process has: the record is damaged
            return False
        return self.started is not None and abs(started - self.started) > _ADJUSTED
