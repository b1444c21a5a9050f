"""Tables and figures made from the ledger, beside the paper's published numbers."""
