"""Exit codes of commands: 0 success, 1 failure, 2 misuse, 130 interrupted."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from rin_core.errors import RinError
from rin_core.terminal import wrapped

#: The code that shells use for a program that Ctrl-C ended.
INTERRUPTED = 130
REMEDIES = {
    errno.ENOSPC: "free space on the disk and run the same command again",
    errno.EDQUOT: "free space in your quota and run the same command again",
    errno.EROFS: "name a folder that can be written",
    errno.ENOLCK: "the file system has no locks: name a folder on a local disk",
}
"""What to do about an error of the operating system, where its own text does not say it."""


def exit_with_clear_errors(
    main: Callable[[], int],
    *,
    interrupted: str = "interrupted; run the same command to resume",
) -> NoReturn:
    """Run a command and exit with its code. An expected error prints one line, no traceback.

    Every bad input raises ``ValueError``: a corpus, vectors, a model, a setting. A fault of our own
    code may raise it, too: with ``RIN_TRACEBACK=1`` in the environment the traceback comes first.

    Args:
        main: Returns the exit code; :data:`INTERRUPTED` if it handled Ctrl-C itself.
        interrupted: The message on Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without a letter shows "?" for it
            stream.reconfigure(errors="replace")
    try:
        code = main()
        if code == INTERRUPTED:
            _print(interrupted)
        sys.exit(code)
    except ValueError as error:
        _complain(error)
        sys.exit(2)
    except BrokenPipeError:
        # The reader closed the pipe, as in "… | head". Closing stdout must not raise again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        _print(interrupted)
        sys.exit(INTERRUPTED)
    except (NotADirectoryError, FileExistsError) as error:
        place = Path(str(error.filename))
        files = [path for path in (*reversed(place.parents), place) if path.is_file()]
        _complain(f"{files[0]}: must be a folder; move the file away" if files else error)
        sys.exit(1)
    except (RinError, OSError) as error:
        remedy = REMEDIES.get(error.errno or 0) if isinstance(error, OSError) else None
        _complain(f"{error}; {remedy}" if remedy else error)
        sys.exit(1)


def without_credentials(text: str) -> str:
    """Remove the user name and password of every URI in a text.

    A password may contain ``@`` or ``/``, or follow the ``?``.
    """
    text = re.sub(r"(?<=://)(?:[^/:@\s]+:\S*|[^/\s]*)@", "", text)
    return re.sub(r"(?<=[?&])(user|password)=[^&\s]*&?", "", text)


def _complain(message: object) -> None:
    if os.environ.get("RIN_TRACEBACK") == "1":
        print(without_credentials(traceback.format_exc()), file=sys.stderr)  # noqa: T201
    text = without_credentials(str(message))
    # A name or a text may have line ends, or what a terminal takes for a command.
    _print("error: " + "".join(c if c.isprintable() else repr(c)[1:-1] for c in text))


def _print(text: str) -> None:
    """Print to standard error; a terminal gets lines of its width."""
    if sys.stderr.isatty():
        text = wrapped(text, os.get_terminal_size(sys.stderr.fileno()).columns or 80)
    print(text, file=sys.stderr)  # noqa: T201
