"""Damaged input of everything that reads, a few of each kind; ``make fuzz`` reads thousands."""

import time

import pytest

from tests.fuzz import generated
from tests.fuzz.target import Target, WrongNumber
from tests.fuzz.targets import TARGETS

EXAMPLES = 25


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_damaged_input_is_refused_or_means_the_same(target: str) -> None:
    found = generated.run(target, EXAMPLES)
    assert found.inputs >= EXAMPLES
    assert found.shortest == {}


def _fails_with(error: Exception) -> Target:
    def read(data: bytes) -> None:
        if data != b"valid 1":
            raise error

    return Target(read, lambda: [b"valid 1"])


@pytest.mark.parametrize(
    ("error", "kind"),
    [(KeyError("x"), "tracebacks"), (WrongNumber("x"), "wrong numbers")],
)
def test_what_is_wrong_is_counted(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str
) -> None:
    monkeypatch.setitem(TARGETS, "planted", _fails_with(error))
    found = generated.run("planted", 20)
    assert found.counts[kind] == sum(found.counts.values()) > 0
    assert min(found.shortest.values(), key=len) != b"valid 1"


def test_an_input_that_does_not_end_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated, "LONGEST", 0.01)
    waits = Target(lambda data: time.sleep(5 * (data != b"valid")), lambda: [b"valid"])
    monkeypatch.setitem(TARGETS, "planted", waits)
    found = generated.run("planted", 2)
    assert found.counts["hangs"] > 0
    assert found.slowest < 1
