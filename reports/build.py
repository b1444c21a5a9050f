"""``python reports/build.py``: build every table, figure and page of a ledger."""

import sys

from reports.page.command import main

if __name__ == "__main__":
    sys.exit(main())
