"""Tables of studies and searches."""
