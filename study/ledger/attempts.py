"""What is recorded of attempts at a run: who trains it, and how the last one ended."""

from __future__ import annotations

import os
from typing import Annotated

import psutil
from pydantic import Field

from study.ledger.fields import LATEST, Count, Number, Record, Text

#: By how many seconds two readings of one start may differ: the boot time has whole seconds.
_ROUNDED = 2.0


class Failure(Record):
    """Why the last attempt at a run failed."""

    reason: Text


class Pruned(Record):
    """After which epoch a search pruned a run, and why."""

    epoch: Count
    reason: Text


class Attempt(Record):
    """The process that trains a run."""

    token: str
    host: str = ""
    pid: int = 0
    after_boot: Annotated[Number | None, Field(ge=0, lt=LATEST, exclude_if=lambda t: t is None)] = (
        None
    )
    """When the process started, in seconds after the machine: another may get its number later.

    Not a time of day: the clock may be set while the process runs.
    """

    @classmethod
    def of_this_process(cls, token: str) -> Attempt:
        """Return an attempt of the process that calls."""
        pid = os.getpid()
        return cls(token=token, host=os.uname().nodename, pid=pid, after_boot=_after_boot(pid))

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
            after_boot = _after_boot(self.pid)
        except psutil.NoSuchProcess:
            return True
        except OverflowError:  # a number that no process has: the record is damaged
            return False
        return self.after_boot is not None and abs(after_boot - self.after_boot) > _ROUNDED


def _after_boot(pid: int) -> float:
    # Both times shift together when the clock is set.
    started, booted = float(psutil.Process(pid).create_time()), float(psutil.boot_time())
    return max(started - booted, 0.0)
