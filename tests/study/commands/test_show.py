"""What the terminal shows of a study, from the ledger."""

import csv
import io
import json
import math
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from scipy import stats

from reports.frames.trials import read_ledger
from reports.page.build import build
from rin_core.config import Config
from search_spaces.selection import chosen_on_test
from search_spaces.space import Arm
from study.commands import show
from study.commands.arguments import Show
from study.commands.options import parse_overrides
from study.commands.show import show_grid, show_search
from study.ledger.attempts import Attempt
from study.ledger.decisions import State
from study.ledger.ledger import Ledger as StudyLedger
from tests.commands import printed
from tests.ledgers import (
    EXPERIMENT,
    NEW,
    OLD,
    RATE,
    Ledger,
    a_full_ledger,
    a_plan,
    end,
    write_search,
)
from tests.records import an_epoch, scores


@pytest.fixture
def shown(tmp_path: Path) -> Callable[[Ledger], list[str]]:
    def show(ledger: Ledger) -> list[str]:
        ledger.save()
        console = Console(file=io.StringIO(), width=160)
        show_grid(ledger.runs, EXPERIMENT, console)
        return [" ".join(line.split()) for line in printed(console).splitlines()]

    return show


def test_what_test_chose_has_a_label_of_its_own_and_no_dev_f1(
    tmp_path: Path, shown: Callable[[Ledger], list[str]]
) -> None:
    ledger = Ledger(tmp_path / "runs")
    on_test = chosen_on_test(Arm(name="gru-1", label="RIN (GRU, K = 1)"))
    ledger.finish(ledger.plan("gru-1", 0), 0.5)
    ledger.finish(ledger.plan(on_test.name, 1, config=on_test.overrides), 0.7)
    ledger.trials[-1]["label"] = on_test.label
    lines = shown(ledger)
    assert "RIN (GRU, K = 1) 1 52.0" in lines
    assert "RIN (GRU, K = 1) (epoch chosen on test) 1 –" in lines
    best = lines[lines.index("best trials") + 2 :]
    assert best[0].startswith("RIN (GRU, K = 1), seed 0 52.0 50.0 3 ")
    assert best[1].startswith("RIN (GRU, K = 1) (epoch chosen on test), seed 1 – 70.0 3 ")


NO_SCORES = {"selection_scores": scores(0.0), "test_scores": scores(0.0)}


def test_what_learned_nothing_is_not_among_the_best(
    tmp_path: Path, shown: Callable[[Ledger], list[str]]
) -> None:
    ledger = Ledger(tmp_path / "runs")
    ledger.finish(ledger.plan("gru-1", 0), 0.5, NO_SCORES)
    ledger.finish(ledger.plan("gru-1", 1), 0.5)
    lines = shown(ledger)
    best = lines[lines.index("best trials") + 2 :]
    assert best[0].endswith(f"{1:016x}")
    assert not any(line.endswith(f"{0:016x}") for line in lines)


def test_trials_are_listed_where_nothing_was_learned(
    tmp_path: Path, shown: Callable[[Ledger], list[str]]
) -> None:
    ledger = Ledger(tmp_path / "runs")
    ledger.finish(ledger.plan("gru-1", 0), 0.5, NO_SCORES)
    ledger.plan("gru-1", 1)
    lines = shown(ledger)
    assert "best trials" not in lines
    at = lines.index("finished trials, none of which learned anything")
    assert lines[at + 2] == f"RIN (GRU, K = 1), seed 0 ‡ 0.0 0.0 3 {0:016x}"
    assert not any(line.endswith(f"{1:016x}") for line in lines), "it has no result"
    assert any(line.startswith("‡ nothing learned, 1 of 1 run:") for line in lines)


@pytest.mark.parametrize(
    ("state", "text"),
    [("equal", "equal within 0.5 – –"), ("undecided", "undecided 5 50 s")],
)
def test_the_decisions_of_a_study_are_shown(tmp_path: Path, state: State, text: str) -> None:
    ledger, console = Ledger(tmp_path / "runs"), Console(file=io.StringIO(), width=160)
    first = {}
    for arm in ("gru-1", "bilstm-s"):
        names = [ledger.plan(arm, seed) for seed in range(4)]
        first[arm] = names[0]
        for name in names:
            ledger.finish(name, 0.85)
    ledger.save(decisions=a_plan(first, state))
    show_grid(ledger.runs, EXPERIMENT, console)
    lines = [" ".join(line.split()) for line in printed(console).splitlines()]
    assert f"interaction 3 +0.1 −0.4 to 0.6 {text}" in lines
    assert any("gru-1: 3; bilstm-s: 3" in line for line in lines), "seeds added by hand"

    ledger.save(decisions=a_plan({"gru-1": "f" * 16, "bilstm-s": "e" * 16}))
    console = Console(file=io.StringIO(), width=160)
    show_grid(ledger.runs, EXPERIMENT, console)
    assert "interaction" not in printed(console)


def test_a_label_is_no_markup(tmp_path: Path, shown: Callable[[Ledger], list[str]]) -> None:
    ledger = Ledger(tmp_path / "runs")
    ledger.finish(ledger.plan("gru-1", 0), 0.5)
    ledger.trials[0]["label"] = "mine [/tmp/x]"
    assert "mine [/tmp/x] 1 52.0" in shown(ledger)


def test_a_narrow_terminal_shows_whole_fingerprints(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    fingerprint = ledger.plan("gru-1", 0)
    ledger.finish(fingerprint, 0.5)
    ledger.save()
    console = Console(file=io.StringIO(), width=60)
    show_grid(ledger.runs, EXPERIMENT, console)
    assert fingerprint in printed(console).split()


def test_trials_are_counted_in_whole_numbers(
    tmp_path: Path, shown: Callable[[Ledger], list[str]]
) -> None:
    ledger = Ledger(tmp_path / "runs")
    for seed in range(3):
        ledger.finish(ledger.plan("gru-1", seed), 0.5)
    assert "finished 3 38 s" in shown(ledger)


def test_what_is_under_way_is_shown_with_its_epochs(
    tmp_path: Path, shown: Callable[[Ledger], list[str]]
) -> None:
    ledger = Ledger(tmp_path / "runs")
    ledger.finish(ledger.plan("gru-1", 0), 0.5)
    on_test = {"training.selection": "test"}
    for seed, (arm, config) in {1: ("gru-1", {}), 2: ("gru-1-on-test", on_test)}.items():
        name = ledger.plan(arm, seed, config=config)
        epochs = [an_epoch(n, f1, seconds=60.0) for n, f1 in enumerate((0.1, 0.7, 0.3), start=1)]
        StudyLedger(tmp_path / "runs").run(name).start_history(epochs)
    ledger.plan("gru-1", 3)
    lines = shown(ledger)
    at = lines.index("running trials")
    assert lines[at + 2] == f"RIN (GRU, K = 1), seed 1 3 70.0 3 min {1:016x}"
    assert lines[at + 3].endswith(f"(epoch chosen on test), seed 2 3 – 3 min {2:016x}")
    assert lines[at + 4] == "best trials"
    assert {"running 2 6 min", "planned 1 0 s"} <= set(lines)


def test_a_trial_whose_process_is_gone_is_interrupted(
    tmp_path: Path, shown: Callable[[Ledger], list[str]]
) -> None:
    """A later process with the same number is another one; another machine's cannot be seen."""
    here = Attempt.of_this_process("t")
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert here.after_boot is not None
    attempts = {
        "running": here,
        "interrupted": here.model_copy(update={"pid": ended.pid}),
        "interrupted by its start": here.model_copy(update={"after_boot": here.after_boot + 9}),
        "running elsewhere": here.model_copy(update={"pid": ended.pid, "host": "node7"}),
    }
    ledger = Ledger(tmp_path / "runs")
    for seed, attempt in enumerate(attempts.values()):
        name = ledger.plan("gru-1", seed)
        StudyLedger(tmp_path / "runs").run(name).start_history([an_epoch(1)])
        ledger.write(name, "attempt.json", json.dumps(attempt.to_json()))
    lines = shown(ledger)
    rows = {}
    for state in ("running", "interrupted"):
        at = lines.index(f"{state} trials")
        rows[state] = [line.split(", ")[-1].split()[1] for line in lines[at + 2 : at + 4]]
    assert rows == {"running": ["0", "3"], "interrupted": ["1", "2"]}
    assert [line for line in lines if "node7" in line]
    frame = read_ledger(tmp_path / "runs")
    assert frame["status"].tolist() == [state.split()[0] for state in attempts]


def test_runs_without_predictions_are_named_with_their_remedy(
    tmp_path: Path, shown: Callable[[Ledger], list[str]]
) -> None:
    ledger = Ledger(tmp_path / "runs")
    names = [ledger.plan("gru-1", seed) for seed in range(3)]
    for name in names:
        ledger.finish(name, 0.5)
    assert [lines for lines in shown(ledger) if f"rerun {names[2]}" in lines]
    ledger.write(names[2], "predictions.json", "")
    remedies = [line.split()[:3] for line in shown(ledger) if line.startswith("rin-study rerun")]
    assert remedies == [["rin-study", "rerun", name] for name in names[:2]]


def lines_of(show: Callable[[Console], object]) -> list[str]:
    console = Console(file=io.StringIO(), width=160)
    show(console)
    return [" ".join(line.split()) for line in printed(console).splitlines()]


def test_other_settings_are_not_averaged_and_are_told_apart(
    tmp_path: Path, shown: Callable[[Ledger], list[str]]
) -> None:
    ledger = Ledger(tmp_path / "runs")
    for f1, settings in ((0.2, OLD), (0.4, OLD), (0.8, NEW)):
        ledger.finish(ledger.plan("gru-1", len(ledger.trials) % 2, settings), f1)
    lines = shown(ledger)
    at = lines.index("trials by arm")
    assert lines[at + 1 : at + 4] == [
        "arm training.max_epochs vectors finished mean dev F1",
        "RIN (GRU, K = 1) 2 random 2 32.0",
        "RIN (GRU, K = 1) 15 glove.6B.100d 1 82.0",
    ]
    at = lines.index("best trials")
    assert lines[at + 2].startswith("RIN (GRU, K = 1), seed 0 15 glove.6B.100d 82.0 80.0")


def test_runs_on_another_content_of_the_corpus_are_listed_apart(
    tmp_path: Path, shown: Callable[[Ledger], list[str]]
) -> None:
    ledger = Ledger(tmp_path / "runs")
    for seed, digest in ((0, "old"), (1, "old"), (0, "new")):
        corpus = {"name": "webnlg_star", "digest": digest, "content": digest}
        f1 = 0.2 if digest == "old" else 0.8
        ledger.finish(ledger.plan("gru-1", seed), f1, {"corpus": corpus})
    lines = shown(ledger)
    assert "RIN (GRU, K = 1) 1 82.0" in lines
    at = lines.index("on other versions of the corpus, not averaged in")
    assert lines[at + 2].endswith(f"{0:016x}")
    assert lines[at + 3].endswith(f"{1:016x}")
    assert lines[at + 4] == "compute by outcome"


def test_what_is_left_out_is_counted(tmp_path: Path, shown: Callable[[Ledger], list[str]]) -> None:
    ledger = Ledger(tmp_path / "runs")
    for seed in range(12):
        ledger.finish(ledger.plan("gru-1", seed), 0.3 + seed / 20)
    lines = shown(ledger)
    at = lines.index("best trials (10 of 12 shown)")
    assert len(lines[at + 2 : lines.index("compute by outcome")]) == 10


def test_best_trials_of_a_search_have_fingerprints(tmp_path: Path) -> None:
    a_full_ledger(tmp_path / "runs")
    lines = lines_of(lambda console: show_search(tmp_path / "runs", "some", console))
    rows = {tuple(line.split()[:2]): line.split()[-1] for line in lines if line.startswith("a #")}
    assert rows.items() >= {("a", "#4"): "f4", ("a", "#0"): "f0"}.items()


def test_the_best_settings_of_a_search_can_be_given_again(tmp_path: Path) -> None:
    """Exactly: the table rounds them."""
    write_search(tmp_path)
    lines = lines_of(lambda console: show_search(tmp_path, "some", console))
    at = lines.index("Arm A, trial 4:")
    assert lines[at + 1] == "--preset paper --set training.learning_rate=0.002"
    race = Ledger(tmp_path)
    tuned = {RATE: 0.0012345678901234567, "encoder.characters": "cnn", "encoder.freeze": True}
    for arm, f1, config in (("a-trial0", 0.5, {}), ("a-trial4", 0.6, tuned), ("a-paper", 0.7, {})):
        race.finish(race.plan(arm, 0, config=config), f1)
        race.trials[-1]["label"] = arm
    race.save("some-confirmed")
    lines = lines_of(lambda console: show_search(tmp_path, "some", console))
    _, preset, *given = shlex.split(lines[lines.index("a-trial4:") + 1])
    assert preset == "paper"
    assert given[::2] == ["--set"] * 4
    settings = parse_overrides(tuple(given[1::2]))
    expected = Config().with_overrides({**tuned, "model.rounds": 0})
    assert Config().with_overrides(settings) == expected
    assert "a-trial0:" not in lines


def test_trials_of_a_search_are_listed_where_nothing_was_learned(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    write_search(runs)
    path = runs / "searches" / "some.json"
    record = json.loads(path.read_text())
    for trial in record["trials"]:
        trial["dev_f1"] = [0.0] * len(trial["dev_f1"])
    path.write_text(json.dumps(record))
    for number, epochs in {0: 4, 4: 6}.items():
        shutil.rmtree(runs / "units" / f"f{number}")
        end(runs, number, epochs, 0.0)
    lines = lines_of(lambda console: show_search(runs, "some", console))
    at = lines.index("Finished trials, none of which learned anything")
    listed = [line.split() for line in lines[at + 2 : at + 4]]
    assert {(row[1], row[-1]) for row in listed} == {("#0", "f0"), ("#4", "f4")}
    assert all("‡" in row for row in listed)


def test_without_a_name_all_experiments_are_listed(tmp_path: Path) -> None:
    a_full_ledger(tmp_path / "runs")
    lines = lines_of(lambda console: show.run(Show(runs=tmp_path / "runs"), console))
    assert "some search 1 running, 2 finished, 2 pruned, 1 failed tiny" in {
        line.partition(" 20")[0] for line in lines
    }
    assert any(line.startswith(f"{EXPERIMENT} study 1 planned, 5 finished") for line in lines)


@pytest.mark.parametrize(
    ("shift", "word"), [(0.0, "equal within 0.5"), (-0.02, "worse"), (0.003, "undecided")]
)
def test_precisions_get_a_verdict_in_show_and_in_the_report(
    tmp_path: Path, shift: float, word: str
) -> None:
    """Arms that differ in ``training.precision`` alone: two one-sided tests, one variance."""
    ledger = Ledger(tmp_path / "runs")
    spread = (-0.003, -0.001, 0.0, 0.001, 0.003)
    transformer = {"encoder.kind": "transformer", "encoder.model": "a/tiny", "model.rounds": 1}
    for precision, mean in (("float32", 0.88), ("bfloat16", 0.88 + shift)):
        for seed, off in enumerate(spread):
            config = {**transformer, "training.precision": precision}
            ledger.finish(ledger.plan(precision, seed, config=config), mean + off)
            ledger.trials[-1]["label"] = precision
    ledger.save()
    console = Console(file=io.StringIO(), width=160)
    show_grid(ledger.runs, EXPERIMENT, console)
    lines = [" ".join(line.split()) for line in printed(console).splitlines()]
    title = next(n for n, line in enumerate(lines) if line.startswith("Difference from float32"))
    assert lines[title + 2].startswith("bfloat16 ")
    assert word in lines[title + 2]
    written = build(ledger.runs, tmp_path / "reports", [EXPERIMENT]).reports[0].paths
    path = next(path for path in written if path.name == "differences.csv")
    with path.open(newline="") as file:
        cells = {row["column"]: row for row in csv.DictReader(file) if row["row"] == "bfloat16"}
    found = cells["Verdict"]
    assert found["text"].startswith(word)
    assert float(found["value"]) == pytest.approx(100 * shift)
    # Five runs each: the pooled variance has 8 degrees of freedom, and SE = s √(2 / 5).
    sd = 100 * math.sqrt(sum(off**2 for off in spread) / 4)
    assert (float(found["df"]), float(found["margin"])) == (8, 0.5)
    assert float(found["se"]) == pytest.approx(sd * math.sqrt(2 / 5))
    t = (0.5 - abs(100 * shift)) / float(found["se"])
    assert float(found["p_equal"]) == pytest.approx(stats.t.sf(t, 8))


def test_without_a_second_arm_nothing_is_compared(
    tmp_path: Path, shown: Callable[[Ledger], list[str]]
) -> None:
    ledger = Ledger(tmp_path / "runs")
    for seed in range(2):
        ledger.finish(ledger.plan("gru-1", seed), 0.5)
    ledger.plan("gru-2", 0)
    assert not any(line.startswith("Difference from") for line in shown(ledger))


def test_a_damaged_result_is_named_with_its_remedy(
    tmp_path: Path, shown: Callable[[Ledger], list[str]]
) -> None:
    ledger = Ledger(tmp_path / "runs")
    for seed in range(2):
        ledger.finish(ledger.plan("gru-1", seed), 0.5)
    lost = ledger.plan("gru-1", 2)
    path = ledger.runs / "units" / lost / "result.json"
    path.parent.mkdir()
    path.write_text("{}")
    (line,) = [line for line in shown(ledger) if line.startswith("left out: ")]
    assert line.startswith(f"left out: {path}: damaged record (")
    assert line.endswith("delete it and run the study again, which trains the run again")


def test_a_search_with_a_damaged_result_is_shown_whole(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    a_full_ledger(runs)
    whole = lines_of(lambda console: show_search(runs, "some", console))
    path = runs / "units" / "f4" / "result.json"
    path.write_text(path.read_text()[:-10])
    lines = lines_of(lambda console: show_search(runs, "some", console))
    assert [line for line in lines if line.startswith(f"left out: {path}: damaged record (")]
    assert len(lines) == len(whole) + 1


def test_a_label_does_not_act_on_the_terminal(
    tmp_path: Path, shown: Callable[[Ledger], list[str]]
) -> None:
    ledger = Ledger(tmp_path / "runs")
    ledger.finish(ledger.plan("gru-1", 0), 0.5)
    ledger.trials[0]["label"] = "mine \x1b[2J\u202e"
    lines = shown(ledger)
    assert "mine \\x1b[2J\\u202e 1 52.0" in lines
    assert "\x1b" not in "".join(lines)
