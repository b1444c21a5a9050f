"""The record of a search: what it keeps, and what it refuses to mix."""

import dataclasses
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from search_spaces.fair_rounds import SPACE
from search_spaces.presets import PRESETS
from study.commands import audit, show
from study.commands.arguments import Audit, Show
from study.commands.audit import choose
from study.commands.main import main, parse
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.ledger.schema import Search, SearchTrial
from study.ledger.search_record import SearchChanged, SearchRecord, ranked_trials
from study.ledger.state import TrialState
from study.planning.race import stages
from study.planning.search import make_search_plans
from tests.commands import printed
from tests.records import a_search, a_study, an_epoch
from tests.searchers import plan_of


def trial(
    number: int, state: str = "finished", dev_f1: tuple[float, ...] = (0.5,), arm: str = "k-0"
) -> SearchTrial:
    return SearchTrial(
        arm=arm,
        number=number,
        parameters={"training.learning_rate": 1e-3},
        fingerprint=f"{number:016x}",
        config={},
        state=TrialState(state),
        dev_f1=list(dev_f1),
        seconds=[2.0] * len(dev_f1),
    )


def searched(identities: dict[str, dict[str, Any]], **changes: Any) -> Search:
    """A search of the learning rate."""
    attributes = {"low": 1e-4, "high": 1e-2, "log": True, "step": None}
    rate = {"name": "FloatDistribution", "attributes": attributes}
    labels = dict.fromkeys(identities, "A")
    return a_search(
        identities, **{"parameters": {"training.learning_rate": rate}, "labels": labels, **changes}
    )


def opened(folder: Path, *trials: SearchTrial, experiment: str = "some") -> SearchRecord:
    """A search on disk with trials of some arms."""
    record = SearchRecord(Ledger(folder), experiment)
    arms: dict[str, dict[str, Any]] = {trial.arm: {} for trial in trials}
    record.open(searched(arms, experiment=experiment))
    record.trials.extend(trials)
    return record


def test_a_record_is_read_back_whole(tmp_path: Path) -> None:
    record = SearchRecord(Ledger(tmp_path), "some")
    record.open(searched({"k-0": {"seed": 1000, "choices": (1, 2)}}))
    record.add(trial(0))
    record.add(trial(1, "pruned", (0.1, 0.4, 0.3)))
    again = SearchRecord(Ledger(tmp_path), "some")
    assert again.trials == record.trials
    again.open(searched({"k-0": {"seed": 1000, "choices": (1, 2)}}, labels={"k-1": "B"}))
    assert again.trials == record.trials
    assert again.content is not None
    assert again.content.labels == {"k-0": "A", "k-1": "B"}
    second = again.find("k-0", 1)
    assert second is not None
    assert second.rows() == [
        {"epoch": 1, "best_dev_f1": 0.1, "total_seconds": 2.0},
        {"epoch": 2, "best_dev_f1": 0.4, "total_seconds": 4.0},
        {"epoch": 3, "best_dev_f1": 0.4, "total_seconds": 6.0},
    ]
    assert again.find("k-0", 2) is None


def test_another_space_is_not_mixed_in(tmp_path: Path) -> None:
    record = SearchRecord(Ledger(tmp_path), "some")
    record.open(searched({"k-0": {"seed": 1, "sampler": "tpe"}}))
    record.add(trial(0))
    before = record.path.read_bytes()
    with pytest.raises(
        SearchChanged, match=r"some\.json: k-0 .* different sampler, .* --experiment"
    ):
        SearchRecord(Ledger(tmp_path), "some").open(searched({"k-0": {"seed": 1, "sampler": "gp"}}))
    assert record.path.read_bytes() == before


def test_arms_are_searched_alike_or_not_in_one_record(tmp_path: Path) -> None:
    """Reports compare each with the others: all but model, corpus and vectors is the same."""
    alike = {"seed": 1, "sampler": "tpe", "settings": {"training.patience": 5}}
    own = {"arm": {"model.rounds": 0}, "corpus": "a"}
    settings = {"training.patience": 5, "vectors": "glove"}
    record = SearchRecord(Ledger(tmp_path), "some")
    record.open(searched({"k-0": {**alike, **own, "settings": settings}}))
    record.add(trial(0))
    SearchRecord(Ledger(tmp_path), "some").open(searched({"k-9": {**alike, "corpus": "b"}}))
    for unlike in ({"sampler": "gp"}, {"settings": {"training.patience": 6}}):
        name = next(iter(unlike))
        with pytest.raises(SearchChanged, match=rf"k-0 was searched with a different {name} than"):
            SearchRecord(Ledger(tmp_path), "some").open(searched({"k-8": {**alike, **unlike}}))
    assert "k-8" not in SearchRecord(Ledger(tmp_path), "some").identities


def test_the_best_is_finished_and_the_earliest_among_equals(tmp_path: Path) -> None:
    record = opened(
        tmp_path,
        *(trial(2, dev_f1=(0.7, 0.2)), trial(1, dev_f1=(0.1, 0.7)), trial(0, dev_f1=(0.6,))),
        *(trial(3, "pruned", (0.9,)), trial(4, "running", (0.9,)), trial(0, arm="k-1")),
    )
    assert [t.number for t in ranked_trials(record.of("k-0"))] == [1, 2, 0]
    assert [t.number for t in record.of("k-0")] == [0, 1, 2, 3, 4]


def test_what_learned_nothing_is_not_ranked() -> None:
    trials = [trial(0, dev_f1=(0.0, 0.0)), trial(1, dev_f1=(0.0, 0.1))]
    assert [t.number for t in ranked_trials(trials)] == [1]


def test_a_file_that_is_no_record_is_named(tmp_path: Path) -> None:
    path = Ledger(tmp_path).search_path("some")
    path.parent.mkdir()
    path.write_text(json.dumps({"trials": [{"arm": "a"}]}))
    with pytest.raises(LedgerError, match=r"some\.json: damaged record .*; move the file away"):
        SearchRecord(Ledger(tmp_path), "some")


def test_a_search_starts_from_its_preset_and_keeps_to_it(
    spert_folder: Path, tmp_path: Path
) -> None:
    plans = {name: plan_of(spert_folder, tmp_path, name) for name in (None, "own", "paper")}
    assert plans[None].identities() == plans["own"].identities()
    own, paper = plans["own"], plans["paper"]
    dropout = PRESETS["own"].settings["encoder.dropout"]
    assert own.search.start(own.base("k-0"))["encoder.dropout"] == dropout
    assert paper.search.start(paper.base("k-0"))["encoder.dropout"] == 0.1
    one, other = own.identities()["k-0"], paper.identities()["k-0"]
    changed = {k for k in one.keys() | other.keys() if one.get(k) != other.get(k)}
    assert {"settings", "preset"} <= changed <= {"settings", "preset", "corpus"}
    assert "preset" not in other, "searches without a preset had the paper's settings"
    tuned = own.run("k-0", {"encoder.dropout": 0.2})[0]
    assert (tuned.encoder.dropout, tuned.encoder.characters) == (0.2, "cnn")
    recorded = own.record({"data": ["x"]})
    assert (recorded.settings, recorded.options["preset"]) == ({"preset": "own"}, "own")


def test_a_race_keeps_the_preset(spert_folder: Path, tmp_path: Path) -> None:
    plan = plan_of(spert_folder, tmp_path, "own", arms=["k-0"])
    record = opened(tmp_path, trial(0), experiment=plan.experiment)
    record.trials[0].parameters = {"encoder.dropout": 0.2}
    grid = next(stages(plan, record))
    start, tuned = (t.config.encoder for t in grid.trials(["demo"], seeds=[3]))
    assert (tuned.dropout, start.dropout) == (0.2, PRESETS["own"].settings["encoder.dropout"])
    assert (tuned.characters, start.characters) == ("cnn", "cnn")


def test_a_plan_resolves_arms_and_runs(spert_folder: Path, tmp_path: Path) -> None:
    plan = plan_of(spert_folder, tmp_path, arms=["k-[01]"], overrides={"training.patience": 3})
    assert (plan.experiment, list(plan.starts)) == ("fair_rounds-my_corpus", ["k-0", "k-1"])
    config, run = plan.run("k-1", {"training.learning_rate": 2e-3, "encoder.dropout": 0.2})
    assert (config.model.rounds, config.training.patience, config.training.seed) == (1, 3, 1000)
    assert (config.training.learning_rate, config.encoder.dropout) == (2e-3, 0.2)
    assert run.path.parent == tmp_path / "units"
    same = plan.run("k-1", plan.search.start(plan.base("k-1")))[1]
    assert same.fingerprint == plan.starts["k-1"].run.fingerprint
    assert plan_of(spert_folder, tmp_path, name="mine").experiment == "mine"


def test_other_settings_or_data_make_another_identity(spert_folder: Path, tmp_path: Path) -> None:
    plain = plan_of(spert_folder, tmp_path).identities()["k-0"]
    other = plan_of(spert_folder, tmp_path, overrides={"training.patience": 3}).identities()["k-0"]
    assert {k for k in plain if plain[k] != other[k]} == {"settings"}
    last = {"data.entity_word": "last"}
    assert plan_of(spert_folder, tmp_path, overrides=last).identities()["k-0"] != plain


def test_a_grid_and_a_search_of_one_name_are_not_mixed(spert_folder: Path, tmp_path: Path) -> None:
    Ledger(tmp_path).record_study(a_study([], "fair_rounds-my_corpus"))
    with pytest.raises(
        ValueError, match=r"fair_rounds-my_corpus is already used by a study of a grid"
    ):
        plan_of(spert_folder, tmp_path)
    Ledger(tmp_path).record_search(searched({}, experiment="rounds_curve-my_corpus"))
    options = parse(
        [
            "--space",
            "rounds_curve",
            "--data",
            str(spert_folder),
            "--runs",
            str(tmp_path),
            "--dry-run",
        ]
    )
    with pytest.raises(ValueError, match=r"rounds_curve-my_corpus is already used by a search"):
        main(options)


def test_a_search_without_a_trial_may_become_another(tmp_path: Path) -> None:
    SearchRecord(Ledger(tmp_path), "some").open(searched({"k-0": {"seed": 1, "sampler": "tpe"}}))
    record = SearchRecord(Ledger(tmp_path), "some")
    record.open(
        searched({"k-0": {"seed": 1, "sampler": "gp"}, "k-1": {"seed": 1, "sampler": "gp"}})
    )
    record.add(trial(0))
    again = SearchRecord(Ledger(tmp_path), "some")
    assert again.identities["k-0"]["sampler"] == "gp"
    with pytest.raises(SearchChanged, match="k-0 was searched with a different sampler"):
        again.check({"k-0": {"seed": 1, "sampler": "tpe"}})


def test_a_run_shorter_than_the_grace_period_is_refused(spert_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"training\.max_epochs = 8: must be more than the 8"):
        plan_of(spert_folder, tmp_path, overrides={"training.max_epochs": 8})


def test_a_budget_below_what_an_arm_has_had_is_refused(spert_folder: Path, tmp_path: Path) -> None:
    """Whether or not the arm is asked for: the others would be tuned with less."""
    trials = trial(0), *(trial(number, arm="k-3") for number in range(4))
    opened(tmp_path, *trials, experiment="fair_rounds-my_corpus").save()
    for budget, arms in ((1, []), (3, ["k-0"])):
        with pytest.raises(ValueError, match=rf"--trials {budget}: k-3 has 4 .*; give --trials 4"):
            make_search_plans(
                dataclasses.replace(SPACE, budget=budget),
                Ledger(tmp_path),
                [str(spert_folder)],
                arms=arms,
            )
    enough = dataclasses.replace(SPACE, budget=4)
    make_search_plans(enough, Ledger(tmp_path), [str(spert_folder)])


def test_an_audit_takes_those_that_came_furthest(tmp_path: Path) -> None:
    record = opened(
        tmp_path,
        *(trial(0, "pruned", (0.5, 0.6)), trial(1, "pruned", (0.2, 0.9, 0.1))),
        *(trial(2, "pruned", (0.9,)), trial(3, "pruned", (0.7, 0.7)), trial(4)),
    )
    assert [t.number for t in choose(record, 3)] == [1, 3, 0]


def stored(spert_folder: Path, out: Path) -> SearchRecord:
    """A search on disk: one finished and one pruned trial."""
    plan = plan_of(spert_folder, out, arms=["k-0"])
    record = SearchRecord(Ledger(out), plan.experiment)
    record.open(plan.record({"space": ["fair_rounds"]}))
    for number, state in enumerate(("finished", "pruned")):
        record.add(trial(number, state, (0.2, 0.25)))
        record.trials[-1].config = plan.base("k-0").flat()
    record.save()
    return record


def test_show_tells_where_a_search_stands(spert_folder: Path, tmp_path: Path) -> None:
    record = stored(spert_folder, tmp_path)
    console = Console(file=io.StringIO(), width=150)
    assert show.run(Show(experiment=record.experiment, runs=tmp_path), console) == 0
    shown = printed(console)
    assert "k-0  2/16    1         1" in shown
    assert "k-0 #0  25.0    2       0.001" in shown
    assert "pruned    1       2       4 s" in shown


def test_show_has_the_epochs_of_what_is_under_way(spert_folder: Path, tmp_path: Path) -> None:
    """Which the record gets at a trial's end."""
    record = stored(spert_folder, tmp_path)
    record.add(trial(2, "running", ()))
    record.trials[-1].inherited = 1
    record.save()
    epochs = [an_epoch(n, f1, seconds=1800.0) for n, f1 in enumerate((0.1, 0.7, 0.3), start=1)]
    run = Ledger(tmp_path).run(record.trials[-1].fingerprint)
    run.start_history(epochs)
    console = Console(file=io.StringIO(), width=150)
    show.run(Show(experiment=record.experiment, runs=tmp_path), console)
    lines = [" ".join(line.split()) for line in printed(console).splitlines()]
    at = lines.index("Running trials")
    assert lines[at + 2] == f"k-0 #2 70.0 3 0.001 – {run.fingerprint}"
    assert lines[at + 3].startswith("Best trials")
    assert "running 1 2 60 min" in lines  # the first was trained before


def test_show_and_audit_name_what_is_not_there(spert_folder: Path, tmp_path: Path) -> None:
    record = stored(spert_folder, tmp_path)
    console = Console(file=io.StringIO())
    with pytest.raises(
        ValueError, match=r"some: no such study or search in .*; there are fair_rounds-my"
    ):
        show.run(Show(experiment="some", runs=tmp_path), console)
    with pytest.raises(ValueError, match=r"other: no pruned trial in .*other\.json; check --runs"):
        audit.run(Audit(experiment="other", runs=tmp_path), console)
    options = Audit(experiment=record.experiment, data=str(spert_folder), runs=tmp_path)
    with pytest.raises(ValueError, match=r"k-0 #1: the fingerprint 0+1 is not"):
        audit.run(options, console)


def test_an_audit_finds_the_corpus_or_names_the_option(spert_folder: Path, tmp_path: Path) -> None:
    corpus = shutil.copytree(spert_folder, tmp_path / "my_corpus")
    record = stored(corpus, tmp_path / "runs")
    options = Audit(experiment=record.experiment, runs=tmp_path / "runs")
    with pytest.raises(ValueError, match=r"k-0 #1: the fingerprint"):  # the corpus was found
        audit.run(options, Console(file=io.StringIO()))
    path = corpus / "test.json"
    path.write_text(path.read_text().replace('"tokens": [\n   "', '"tokens": [\n   "Edited', 1))
    with pytest.raises(ValueError, match=rf"{corpus}: its content .* with --data \(expected"):
        audit.run(options, Console(file=io.StringIO()))
    shutil.rmtree(corpus)
    with pytest.raises(ValueError, match=rf"{corpus}: no such folder or file; .* --data"):
        audit.run(options, Console(file=io.StringIO()))
