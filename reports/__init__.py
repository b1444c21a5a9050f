"""Tables and figures made from the ledger, beside the paper's published numbers."""

from rin_core.cache import set_matplotlib_cache

set_matplotlib_cache()
