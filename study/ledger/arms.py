"""Suffixes of the names of the arms that confirm a search on fresh seeds."""

#: The best settings that the search found.
TUNED = "-tuned"
#: The settings that the search started from.
START = "-paper"
