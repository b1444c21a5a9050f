"""How a command ends: 0 done, 1 something failed, 2 misuse, 130 interrupted."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import NoReturn

from rin_core.errors import RinError

#: As shells have it for what Ctrl-C ended.
INTERRUPTED = 130


def exit_with_clear_errors(
    main: Callable[[], int],
    *,
    interrupted: str = "interrupted; run the same command to resume",
) -> NoReturn:
    """Run a command and exit with its code; an expected error is one line, not a traceback.

    ``ValueError`` is what bad input raises throughout: a corpus, vectors, a model, a setting.

    Args:
        main: Returns the exit code; :data:`INTERRUPTED` where it has put its records in order
            after Ctrl-C.
        interrupted: What to say on Ctrl-C.
    """
    try:
        code = main()
        if code == INTERRUPTED:
            _complain(interrupted)
        sys.exit(code)
    except ValueError as error:
        _complain(error)
        sys.exit(2)
    except BrokenPipeError:
        # The reader has seen enough, as in "… | head"; what is left unwritten must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        _complain(interrupted)
        sys.exit(INTERRUPTED)
    except (RinError, OSError) as error:
        _complain(error)
        sys.exit(1)


def without_credentials(text: str) -> str:
    """Remove the user name and password of every URI in a text.

    A password may hold an ``@`` or a ``/`` of its own, or stand behind the ``?``.
    """
    text = re.sub(r"(?<=://)(?:[^/:@\s]+:\S*|[^/\s]*)@", "", text)
    return re.sub(r"(?<=[?&])(user|password)=[^&\s]*&?", "", text)


def _complain(message: object) -> None:
    print(f"error: {without_credentials(str(message))}", file=sys.stderr)  # noqa: T201
