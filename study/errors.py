"""How a study's command ends; see :mod:`rin_core.errors`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from rin_core import errors
from study.ledger import StudyError, Superseded


def exit_with_clear_errors(main: Callable[[], int]) -> NoReturn:
    """Run a command and exit with its code; an expected error is one line, not a traceback."""
    errors.exit_with_clear_errors(
        main,
        failures=(StudyError, Superseded),
        interrupted="interrupted; the same command goes on from here",
    )
