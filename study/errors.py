"""How a command ends: 0 done, 1 something failed, 2 it was asked for wrongly."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import NoReturn

from rin_core.checkpoint import CheckpointError
from rin_core.training import Diverged
from study.ledger import StudyError


def exit_with_clear_errors(main: Callable[[], int]) -> NoReturn:
    """Run a command and exit with its code; an expected error is one line, not a traceback.

    ``ValueError`` is what bad input raises throughout: a corpus, vectors, a space, a setting.
    """
    try:
        sys.exit(main())
    except ValueError as error:
        _complain(error)
        sys.exit(2)
    except (StudyError, CheckpointError, Diverged, OSError) as error:
        _complain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        _complain("interrupted; the same command goes on from here")
        sys.exit(130)


def without_credentials(text: str) -> str:
    """Remove the user name and password of every URI in a text."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", text)


def _complain(message: object) -> None:
    print(f"error: {without_credentials(str(message))}", file=sys.stderr)  # noqa: T201
