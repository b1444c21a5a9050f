"""Run a study or a search, and send a message when it ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from rich.console import Console

from rin_core.cli import INTERRUPTED, without_credentials
from search_spaces import Search, find_space
from search_spaces.space import Grid
from study.commands.context import Context, Ended
from study.commands.notify import check_url, message, send
from study.commands.options import Options
from study.commands.printing import say
from study.commands.register import check_register, register
from study.ledger.command import render
from study.ledger.ledger import Ledger
from study.ledger.store import Store


def run_study(options: Options, console: Console) -> Ended:
    """Run what the options ask for, then print what came of it and notify.

    Raises:
        ValueError: An option, a space, a setting or a corpus is invalid.
    """
    if options.notify is None or options.dry_run:
        return _run_study(options, console)
    check_url(options.notify)
    command = render(options.record())
    try:
        ended = _run_study(options, console)
    except BaseException as error:
        text = without_credentials(str(error) or type(error).__name__)
        state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        _notify(options.notify, message(state, command, text), console)
        raise
    states = {0: "complete", INTERRUPTED: "interrupted"}
    state = states.get(ended.code, "incomplete")
    text = f"{', '.join(ended.studies)} in {options.runs.resolve()}"
    _notify(options.notify, message(state, command, text, ended.studies), console)
    return ended


def _notify(url: str, content: Mapping[str, object], console: Console) -> None:
    if problem := send(url, content):
        say(console, f"--notify: message not sent: {problem}", "yellow")


def _run_study(options: Options, console: Console) -> Ended:
    spaces = [find_space(name) for name in dict.fromkeys(options.space)]
    if options.preset is not None:
        spaces = [dataclasses.replace(space, preset=options.preset) for space in spaces]
    grids = [space for space in spaces if isinstance(space, Grid)]
    searches = [space for space in spaces if isinstance(space, Search)]
    if searches and len(spaces) > 1:
        raise ValueError(
            f"--space {' '.join(options.space)}: {searches[0].name} is a search; run it alone"
        )
    ledger = Ledger(options.runs, Store(options.shared) if options.shared else None)
    if options.register is not None:
        check_register(options, options.register)
    # Imported late: a typing error should not wait for pandas, SciPy and Matplotlib.
    from study.commands.closing import Closing
    from study.commands.grids import run_grids
    from study.commands.search import run_search

    context = Context(options, ledger, console, Closing())
    ended = run_search(context, searches[0]) if searches else run_grids(context, grids)
    if not options.dry_run:
        context.closing.print(options.runs, console)
        if options.register is not None:
            register(options, options.register, ended.code, ended.studies, console)
    return ended
