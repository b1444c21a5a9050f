"""A search of dev F1 and a cost: what a file may ask for, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.own import read_space
from search_spaces.search import Asha, Search
from search_spaces.space import SpaceError

PARAMETERS = "\n[parameters]\nmodel.rounds = { low = 0, high = 3 }\n"


def read(folder: Path, text: str) -> Search:
    path = folder / "mine.toml"
    path.write_text(text + PARAMETERS)
    space = read_space(path, {})
    assert isinstance(space, Search)
    return space


@pytest.mark.parametrize("cost", ["seconds", "parameters"])
def test_a_cost_is_a_second_objective_and_nothing_is_pruned(cost: str, tmp_path: Path) -> None:
    for asha in ("", "asha = false\n"):
        search = read(tmp_path, f'objectives = ["dev_f1", "{cost}"]\n{asha}')
        assert (search.cost, search.asha, search.on("demo").asha) == (cost, None, None)
        identity = search.identity(search.arms[0])
        assert identity["objectives"] == ["dev_f1", cost]


def test_one_objective_is_what_a_search_had_before(tmp_path: Path) -> None:
    named, silent = read(tmp_path, 'objectives = ["dev_f1"]\n'), read(tmp_path, "")
    assert named == silent
    assert (named.cost, named.asha) == (None, Asha())
    assert silent.identity(silent.arms[0])["objectives"] == ["dev_f1"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("objectives = []", r'objectives = \[\]: must be \["dev_f1"\] or \["dev_f1", "seconds"\]'),
        ('objectives = ["seconds"]', "objectives"),
        ('objectives = ["seconds", "dev_f1"]', "objectives"),
        ('objectives = ["dev_f1", "dev_f1"]', "objectives"),
        ('objectives = ["dev_f1", "seconds", "parameters"]', "objectives"),
        ('objectives = ["dev_f1", "test_f1"]', "objectives"),
        ('objectives = "dev_f1"', "objectives"),
        ('objectives = ["dev_f1", "seconds"]\nasha = true', "asha: .*omit asha"),
        ('objectives = ["dev_f1", "seconds"]\nasha = { grace_period = 3 }', "asha: .*omit asha"),
    ],
)
def test_other_objectives_and_pruning_beside_a_cost_are_refused(
    text: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(SpaceError, match=rf"mine\.toml: {problem}"):
        read(tmp_path, f"{text}\n")


def test_a_comparison_has_no_objectives(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('objectives = ["dev_f1"]\n[arms.a]\nmodel.rounds = 2\n')
    with pytest.raises(SpaceError, match=r"mine\.toml: objectives: applies to searches"):
        read_space(path, {})
