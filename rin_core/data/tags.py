"""The five entity tags of the paper's tagging scheme."""

from __future__ import annotations

TAGS = ("B", "I", "E", "S", "O")
