"""``python reports/build.py``: build every table, figure and page of a ledger."""

from reports.page.command import main
from rin_core.cli import exit_with_clear_errors

if __name__ == "__main__":
    exit_with_clear_errors(main, interrupted="interrupted")
