"""``python -m study``, the same as ``rin-study``: the command line, if its packages are there."""

from __future__ import annotations

import sys
from typing import NoReturn

_OWN = ("study", "search_spaces", "reports", "rin_core")


def run() -> NoReturn:
    """Run the command line of this process and exit with its code.

    ``pip install rin-study`` installs what prediction needs. The other commands need an extra.
    """
    try:
        from study.commands.main import run as run_commands

        run_commands()
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if not package or package in _OWN:
            raise
        sys.exit(
            f"error: the package {package} is missing: pip install 'rin-study[study]'; "
            "for prediction alone, python -m rin_core.predict needs no other package"
        )


if __name__ == "__main__":
    run()
