"""``rin-study annotations``: what it prints, writes and refuses."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from study.commands.annotations import run
from study.commands.arguments import Annotations
from study.commands.closing import print_doubts
from tests.commands import printed
from tests.ledgers import EXPERIMENT, GOLD, Ledger
from tests.reports.errors.test_annotations import a_study


def listed(options: Annotations) -> str:
    console = Console(file=io.StringIO(), width=200)
    assert run(options, console) == 0
    return printed(console)


def test_a_triple_with_its_sentence(tmp_path: Path) -> None:
    a_study(tmp_path)
    text = listed(Annotations(runs=tmp_path))
    assert f"{EXPERIMENT}: at least 3 of 3 runs predict 1 triple of test that is not" in text
    assert "they are annotated 1 not at all" in text
    assert "1: c – r – f (3 of 3 runs)\n     a b [c] d e [f] g h i j k l" in text


def test_all_of_them_in_a_file(tmp_path: Path) -> None:
    a_study(tmp_path)
    file = tmp_path / "check.jsonl"
    text = listed(Annotations(runs=tmp_path, experiment=EXPERIMENT, n=0, output=file))
    assert "(3 of 3 runs)" not in text
    assert f"written: {file}, 1 line" in text
    (row,) = map(json.loads, file.read_text().splitlines())
    assert row == {
        "sentence": 1,
        "tokens": list(GOLD[1].words),
        "subject": {"index": 2, "text": "c"},
        "relation": "r",
        "object": {"index": 5, "text": "f"},
        "runs": 3,
        "runs_asked": 3,
        "kind": "not at all",
        "annotated": [],
    }
    text = listed(Annotations(runs=tmp_path, n=0))
    assert "0 of 1 are shown; --output FILE writes all of them" in text


def test_another_relation_is_named(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    made.describe(GOLD)
    for seed in range(3):
        made.predict(made.plan("gru-1", seed), 2 / (2 + 4), ((0, 0, "r", 1), (0, 2, "r", 3)))
    made.save()
    assert "0: c – r – d (3 of 3 runs; annotated as s)" in listed(Annotations(runs=tmp_path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": -1}, "--n -1: must not be negative"),
        ({"share": 0.3}, r"--share 0\.3: must be above 0\.5"),
        ({"experiment": "nothing"}, "nothing"),
    ],
)
def test_misuse(tmp_path: Path, options: dict[str, object], message: str) -> None:
    a_study(tmp_path)
    with pytest.raises(ValueError, match=message):
        listed(Annotations(runs=tmp_path, **options))  # type: ignore[arg-type]


def test_too_few_runs(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    made.describe(GOLD)
    made.predict(made.plan("gru-1", 0), 2 / (1 + 4), ((0, 0, "r", 1),))
    made.save()
    with pytest.raises(ValueError, match="fewer than 3 runs that predict triples of test; run it"):
        listed(Annotations(runs=tmp_path))


def test_a_study_names_the_command(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=80)
    print_doubts(a_study(tmp_path), tmp_path, console)
    lines = printed(console).splitlines()
    assert lines[0] == "annotations to check: 1 triple that nearly all runs predict on test"
    assert lines[1] == f"  rin-study annotations {EXPERIMENT} --runs {tmp_path}"
