"""The commands of a study together make all of it, whatever part the last one planned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reports.frames.trials import complete_commands, read_ledger
from rin_core.config import Config
from study.ledger.command import render, without_machine
from study.ledger.commands import recorded_commands
from study.ledger.exported import read_exported
from study.ledger.fields import Options
from study.ledger.ledger import Ledger
from study.ledger.origin import GivenCommand
from study.ledger.schema import PlannedRun
from study.ledger.transfer import export_ledger, merge
from tests.records import a_planned_run, a_study

SPACE: Options = {"space": ["s"]}


def record(ledger: Ledger, seeds: range, options: Options, **changes: str) -> None:
    runs = [a_planned_run(seed) for seed in seeds]
    given = GivenCommand(options=options, makes=[run.fingerprint for run in runs])
    ledger.record_study(
        a_study(runs, options=options, **changes).model_copy(update={"commands": [given]})
    )


def commands(ledger: Ledger) -> list[str]:
    study = ledger.study("curve")
    assert study is not None
    shown = [render(without_machine(command.options)) for command in recorded_commands(study)]
    assert complete_commands(read_ledger(ledger.root, ["curve"])) == shown
    return shown


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ((3, {"seeds": "3"}), (1, {"arms": ["a"], "seeds": "1"}), "first"),
        ((1, {"arms": ["a"], "seeds": "1"}), (3, {"seeds": "3"}), "second"),
        ((2, {"seeds": "2"}), (2, {"seeds": "0,1"}), "first"),
        ((2, {"set": ["a.b=1"]}), (3, {"set": ["a.b=1"]}), "second"),
    ],
)
def test_a_command_that_another_covers_is_left_out(
    tmp_path: Path, first: tuple[int, Options], second: tuple[int, Options], kept: str
) -> None:
    ledger = Ledger(tmp_path)
    for seeds, options in (first, second):
        record(ledger, range(seeds), SPACE | options)
    assert commands(ledger) == [render(SPACE | {"first": first, "second": second}[kept][1])]


def test_commands_with_different_runs_are_all_kept_in_their_order(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first, second = (SPACE | {"seeds": seeds} for seeds in ("2", "1-2"))
    record(ledger, range(2), first)
    record(ledger, range(1, 3), second)
    assert commands(ledger) == [render(first), render(second)]


def test_the_same_command_with_more_runs_is_one(tmp_path: Path) -> None:
    """As the looks of --until-decided, and the stages of a race on fresh seeds."""
    ledger = Ledger(tmp_path)
    options: Options = {**SPACE, "until_decided": []}
    record(ledger, range(2), options)
    record(ledger, range(2, 3), {**options, "max_concurrent": "2"})
    study = ledger.study("curve")
    assert study is not None
    assert [len(command.makes) for command in study.commands] == [3]
    assert commands(ledger) == [render(options)]


def test_the_place_of_the_last_command_is_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    record(ledger, range(3), {**SPACE, "seeds": "3", "data_root": "/before", "runs": "before"})
    record(ledger, range(1), {**SPACE, "seeds": "1", "data_root": "/now"})
    assert commands(ledger) == [render({**SPACE, "seeds": "3", "data_root": "/now"})]


def test_a_partial_command_on_an_old_record_keeps_its_arms_and_seeds(tmp_path: Path) -> None:
    """Old records have the options given last, and no commands."""
    ledger = Ledger(tmp_path)
    options: Options = {**SPACE, "arms": ["a"], "seeds": "1"}
    ledger.record_study(a_study([a_planned_run(seed) for seed in range(3)], options=options))
    whole = [render({**SPACE, "arms": ["a"], "seeds": "3"})]
    assert commands(ledger) == whole
    record(ledger, range(1), options)
    assert commands(ledger) == whole


@pytest.mark.parametrize("their_hour", ["07", "09"])
def test_an_import_brings_the_commands_of_its_runs(tmp_path: Path, their_hour: str) -> None:
    here, there = Ledger(tmp_path / "here"), Ledger(tmp_path / "there")
    ours, theirs = SPACE | {"seeds": "2"}, SPACE | {"seeds": "2-4"}
    record(here, range(2), ours, updated="2026-01-01T08:00:00+0000")
    updated = f"2026-01-01T{their_hour}:00:00+0000"
    record(there, range(2, 5), {**theirs, "data_root": "/there"}, updated=updated)
    export_ledger(there, tmp_path / "file")
    merge(here, read_exported(tmp_path / "file"))
    assert sorted(commands(here)) == sorted([render(ours), render(theirs)])


def in_settings(seed: int, **settings: str | float) -> PlannedRun:
    """Return a planned run with what was set for it; ``__`` stands for the dot of a name."""
    named = {key.replace("__", "."): value for key, value in settings.items()}
    trained = {key: value for key, value in named.items() if key != "vectors"}
    config = Config()
    for key, value in {**trained, "training.seed": seed}.items():
        config = config.override(key, value)
    made = a_planned_run(seed, config=config.flat(), settings=named)
    return made.model_copy(update={"fingerprint": config.fingerprint(f"d{named.get('vectors')}")})


RATE, AVERAGE = {"training__learning_rate": 0.01}, {"training__average": "ema"}


@pytest.mark.parametrize(
    ("before", "last", "options", "inferred"),
    [
        (RATE, {}, {}, {"set": ["training.learning_rate=0.01"]}),
        ({}, RATE, {"set": ["training.learning_rate=0.01"]}, {}),
        (
            {**AVERAGE, "training__learning_rate": 0.02},
            {**RATE, **AVERAGE},
            {"set": ["training.learning_rate=0.01", "training.average=ema"]},
            {"set": ["training.learning_rate=0.02", "training.average=ema"]},
        ),
        (
            {"training__max_epochs": 5},
            {"training__max_epochs": 20},
            {"max_epochs": "20"},
            {"max_epochs": "5"},
        ),
        ({}, {"training__max_epochs": 20}, {"max_epochs": "20"}, {}),
        # The space sets it today, and did not when these runs were planned.
        ({}, RATE, {}, {"set": [f"training.learning_rate={Config().training.learning_rate}"]}),
        ({}, {"vectors": "glove"}, {"embeddings": "glove.txt"}, {}),
        # Where another file of vectors lay is not recorded.
        ({"vectors": "other"}, {"vectors": "glove"}, {"embeddings": "glove.txt"}, None),
    ],
)
def test_an_old_record_has_a_command_for_each_of_its_settings(
    tmp_path: Path,
    before: dict[str, Any],
    last: dict[str, Any],
    options: Options,
    inferred: Options | None,
) -> None:
    ledger = Ledger(tmp_path)
    runs = [*(in_settings(seed, **before) for seed in range(2)), in_settings(0, **last)]
    given: Options = {**SPACE, "seeds": "1", **options}
    ledger.record_study(a_study(runs, options=given))
    first = [] if inferred is None else [render({**SPACE, "seeds": "2", **inferred})]
    assert commands(ledger) == [*first, render(given)]
    # Each run has the settings that it was trained with.
    frame = read_ledger(ledger.root, ["curve"])
    assert (
        list(frame["command"].iloc[:2])
        == ["" if inferred is None else render({**SPACE, "seeds": "1", **inferred})] * 2
    )
