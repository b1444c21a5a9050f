"""The ledger as data frames."""
