"""``rin-study annotations``: what it prints, writes and refuses."""

from __future__ import annotations

import io
import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from reports.page.build import build
from rin_core.data.corpus import Sentence, Span, Triple
from study.commands.annotations import run
from study.commands.arguments import Annotations
from study.commands.closing import Closing, print_unannotated
from tests.commands import printed
from tests.ledgers import EXPERIMENT, GOLD, Ledger, write_search
from tests.reports.errors.test_annotations import a_study


def listed(options: Annotations) -> str:
    console = Console(file=io.StringIO(), width=200)
    assert run(options, console) == 0
    return printed(console)


def test_a_triple_with_its_sentence(tmp_path: Path) -> None:
    a_study(tmp_path)
    text = listed(Annotations(runs=tmp_path))
    assert f"{EXPERIMENT}: at least 3 of 3 runs predict 1 triple of test that is not" in text
    assert "annotated; 4 are" in text
    assert "not asked: 1 run without triples" in text
    assert "  1 is not annotated at all" in text
    assert "1: c – r – f (3 of 3 runs)\n     a b [c] d e [f] g h i j k l" in text


def test_all_of_them_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_study(tmp_path)
    file = tmp_path / "check.jsonl"
    text = listed(Annotations(runs=tmp_path, experiment=EXPERIMENT, n=0, output=file))
    assert "(3 of 3 runs)" not in text
    assert f"written: {file}, 1 line" in text
    (row,) = map(json.loads, file.read_text().splitlines())
    assert row == {
        "sentence": 1,
        "tokens": list(GOLD[1].words),
        "subject": {"start": 2, "end": 3, "text": "c"},
        "relation": "r",
        "object": {"start": 5, "end": 6, "text": "f"},
        "runs": 3,
        "runs_asked": 3,
        "annotated": "not at all",
        "annotated_triples": [],
    }
    text = listed(Annotations(runs=tmp_path, n=0))
    assert "0 of 1 are shown; --output FILE writes all of them" in text
    assert listed(Annotations(runs=tmp_path, output=Path("-"))) == ""
    assert capsys.readouterr().out == file.read_text()


def test_entities_of_several_words_and_another_relation(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    ann, york = Span(0, 2), Span(3, 5)
    words = ("Ann", "Lee", "left", "New", "York")
    triples = (Triple(ann, "in", york),)
    made.describe([Sentence(words=words, pos=None, entities=(ann, york), triples=triples)])
    for seed in range(3):
        made.predict(made.plan("gru-1", seed), 0.0, [(0, 0, "from", 3)])
    made.save()
    text = listed(Annotations(runs=tmp_path))
    assert "0: Ann Lee – from – New York (3 of 3 runs; annotated with another relation: in)" in text
    assert "     [Ann Lee] left [New York]" in text


def test_the_study_updated_last_is_taken(tmp_path: Path) -> None:
    a_study(tmp_path)
    made = Ledger(tmp_path)
    made.trials = [
        {**trial, "fingerprint": f"{n + 16:016x}"}
        for n, trial in enumerate([*map(dict, made.trials)])
    ]
    for seed in range(20, 23):
        for _ in range(5):
            made.plan("bilstm-s", seed)
        made.predict(made.plan("bilstm-s", seed), 2 / (1 + 4), ((0, 0, "r", 1),))
    made.save("selection-webnlg_star", updated="2030-01-01")
    text = listed(Annotations(runs=tmp_path))
    assert text.startswith("selection-webnlg_star: at least 3 of 3 runs predict 0 triples")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": -1}, "--n -1: must not be negative"),
        ({"share": 0.3}, r"share 0\.3: must be above 0\.5"),
        ({"experiment": "rounds_curve-webnlg"}, f"did you mean {EXPERIMENT}"),
        ({"experiment": "some"}, "some: is a search; its final runs are the study some-confirmed"),
        ({"output": Path("/tmp")}, "--output /tmp: is a folder"),
    ],
)
def test_misuse(tmp_path: Path, options: dict[str, object], message: str) -> None:
    a_study(tmp_path)
    write_search(tmp_path)
    with pytest.raises(ValueError, match=message):
        listed(Annotations(runs=tmp_path, **options))  # type: ignore[arg-type]


def test_too_few_runs(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    made.describe(GOLD)
    made.predict(made.plan("gru-1", 0), 2 / (1 + 4), ((0, 0, "r", 1),))
    made.save()
    with pytest.raises(ValueError, match=r"fewer than 3 runs to ask, .* run it with more seeds"):
        listed(Annotations(runs=tmp_path))
    made.finish(made.plan("gru-1", 1), 0.1)
    made.save()
    with pytest.raises(ValueError, match=r"fewer than 3 runs to ask, .*: .*predictions"):
        listed(Annotations(runs=tmp_path))


def test_a_study_names_the_command_at_its_end(tmp_path: Path) -> None:
    study = a_study(tmp_path)
    console = Console(file=io.StringIO(), width=80)
    Closing(built=build(tmp_path, tmp_path / "reports", [EXPERIMENT])).print(tmp_path, console)
    lines = [line.rstrip() for line in printed(console).splitlines()]
    line = lines.index("to check: nearly all runs predict 1 triple of test that is not annotated")
    assert lines[line + 1].endswith(f" annotations {EXPERIMENT} --runs {tmp_path}")
    assert shlex.split(lines[line + 1])[0].rpartition("/")[2] in ("rin-study", "python")
    console = Console(file=io.StringIO())
    print_unannotated(replace(study, corpus="demo"), tmp_path, console)
    assert printed(console) == ""
