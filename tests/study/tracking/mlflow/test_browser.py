"""A study in MLflow's UI: its runs are found, compared and grouped, and their curves are drawn."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from mlflow.tracking import MlflowClient

pytest.importorskip("playwright", reason="playwright is not installed: pip install -e '.[test]'")

from playwright.sync_api import TimeoutError

from rin_core.config import Config
from study.execution.trial import train_run
from study.ledger.ledger import Ledger
from study.tracking.base import ExperimentSpec, RunSpec, StudyEnd, Summary, SummaryValue
from study.tracking.mlflow.sender import MlflowTracker
from study.tracking.mlflow.view import QUERY
from tests import browser
from tests.browser import POINTS, Experiment, address, chromium
from tests.conftest import Trained
from tests.servers import MlflowServer, mlflow_server
from tests.tracked import WATCHED, children, steps

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        browser.CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"
    ),
]
NAME, EPOCHS = "rounds_curve-demo", 8
SMALL = {
    "encoder.word_dim": 12,
    "encoder.hidden_size": 24,
    "model.feature_size": 24,
    "training.batch_size": 3,
    "training.learning_rate": 0.02,
    "training.max_epochs": EPOCHS,
}
CURVE = "Arms by K/test F1 GRU"
ARMS = {"bilstm-s": ("BiLSTM_s", 0), "gru-1": ("GRU K=1", 1)}


def small_study(root: Path, trained: Trained) -> ExperimentSpec:
    """Train two arms with two seeds, as a worker does."""
    runs = {}
    for arm, (label, rounds) in ARMS.items():
        for seed in (0, 1):
            changes = {**SMALL, "model.rounds": rounds, "training.seed": seed}
            config = Config().with_overrides(changes)
            run = Ledger(root / "runs").run(config.fingerprint(trained.encoded.digest))
            train_run(config, trained.encoded, run)
            runs[run.fingerprint] = RunSpec(
                run=run,
                experiment=NAME,
                max_epochs=EPOCHS,
                name=f"{label} · demo · seed {seed}",
                params={"arm": arm, **config.flat()},
                tags={"arm": arm, "seed": str(seed)},
            )
    return ExperimentSpec(
        name=NAME,
        description="**Do more rounds help?**",
        runs=runs,
        tags={"space": "rounds_curve", "corpus": "demo"},
        artifacts=root / "artifacts",
        corpus=trained.encoded,
    )


@pytest.fixture(scope="module")
def server(
    _migrated: Path, trained: Trained, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MlflowServer]:
    root = tmp_path_factory.mktemp("ui")
    database = f"sqlite:///{root}/mlflow.db"
    (root / "mlflow.db").write_bytes(_migrated.read_bytes())
    tracked = small_study(root, trained)
    tracker = MlflowTracker(database, tracked)
    for name in tracked.runs:
        tracker.synchronize(name)
    page, figure = root / "results.md", root / "rounds_curve.png"
    page.write_text("# Results\n\n| arm | F1 of the table |\n|:--|--:|\n| gru-1 | 12.3 |\n")
    drawn = plt.figure(figsize=(5, 3))
    drawn.add_subplot().plot([1, 2, 3], [70, 72, 71])
    drawn.savefig(figure)
    curve = [SummaryValue(CURVE, value, rounds) for rounds, value in enumerate((12.0, 14.0))]
    end = StudyEnd(complete=True, files=[page, figure], summary=Summary(values=curve))
    tracker.on_study_end(end)
    assert tracker.unsent == 0
    with mlflow_server(database, root / "served", "ui") as running:
        yield running


@pytest.fixture
def shown(
    server: MlflowServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Experiment]:
    pictures = Path(os.environ.get("RIN_PICTURES", tmp_path))
    pictures.mkdir(exist_ok=True)
    with chromium() as page:
        experiment = Experiment(page, address(server, NAME))
        yield experiment
        page.screenshot(path=pictures / f"{request.node.name}.png")
        assert experiment.errors == []


def test_trials_are_below_their_study_and_three_are_compared(shown: Experiment) -> None:
    shown.page.get_by_text("Do more rounds help?").first.wait_for()
    assert shown.trial("GRU K=1 · demo · seed 0").count() == 0
    shown.expand()
    names = [f"{label} · demo · seed {seed}" for label, _ in ARMS.values() for seed in (0, 1)]
    for name in names:
        shown.trial(name).wait_for()
    shown.compare(names[1:])
    for name in names[1:]:
        shown.page.get_by_text(name, exact=True).first.wait_for()


def test_arms_are_grouped_and_their_curves_drawn(shown: Experiment, server: MlflowServer) -> None:
    shown.charts()
    shown.group_by("arm")
    assert shown.curves(WATCHED) == {f"tag.arm.{arm}": EPOCHS for arm in ARMS}
    client = MlflowClient(tracking_uri=server.url)
    runs = children(client, NAME)
    assert len(runs) == 4
    for run in runs.values():
        assert steps(client, run) == [*range(1, EPOCHS + 1)]
        assert len(steps(client, run, "system/process_memory_megabytes")) == EPOCHS


def test_the_printed_address_shows_the_ranked_arms_and_a_click_the_curve(
    server: MlflowServer,
) -> None:
    with chromium() as page:
        page.set_default_timeout(browser.PATIENCE)
        page.goto(f"{address(server, NAME)}?{QUERY}")
        rows = page.locator("[role=row]", has_text="Group: ")
        rows.first.wait_for()
        client = MlflowClient(tracking_uri=server.url)
        means: dict[str, list[float]] = {}
        for run in children(client, NAME).values():
            means.setdefault(run.data.tags["arm"], []).append(run.data.metrics["F1/test"])
        ranked = sorted(means, key=lambda arm: -sum(means[arm]) / len(means[arm]))
        tops = {arm: rows.filter(has_text=f"Group: {arm}").bounding_box() for arm in ranked}
        heights = [box["y"] for box in tops.values() if box is not None]
        assert len(heights) == len(ARMS)
        assert heights == sorted(heights)
        page.get_by_role("columnheader", name="F1/test").first.wait_for()
        page.locator("label:has(input[value=CHART])").click()
        page.wait_for_function(f"metric => Object.keys(({POINTS})(metric)).length > 0", arg=CURVE)
        assert 2 in page.evaluate(POINTS, CURVE).values()


def test_the_study_shows_its_table_and_its_figure(shown: Experiment) -> None:
    page = shown.page
    page.get_by_role("link", name=f"study {NAME}").click()
    page.get_by_role("columnheader", name="F1 of the table").wait_for()
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("report", exact=True).first.click()
    for name in ("results.md", "rounds_curve.png"):
        page.get_by_text(name, exact=True).first.wait_for()
    shows = "() => [...document.images].some(image => image.naturalWidth === 500)"
    for seconds in (20, 20, 60):  # on a busy machine MLflow's page loses a click, or an answer
        page.get_by_text("rounds_curve.png", exact=True).first.click()
        with suppress(TimeoutError):
            page.wait_for_function(shows, timeout=1000 * seconds)
            return
        page.get_by_text("results.md", exact=True).first.click()
    pytest.fail("no figure")
