"""The examples in the docstrings of the product run and show what they print."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("rin_core", "search_spaces", "study", "reports")
    for path in sorted((ROOT / package).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_of(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted, f"{module}: no example was found in a docstring"
    assert not result.failed, "see the output above"
