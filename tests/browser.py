"""MLflow's UI in a headless Chromium, as a person would use it.

    python -m tests.browser --runs runs --experiment rounds_curve-demo --picture docs/mlflow.png
    python -m tests.browser --page results/index.html --picture docs/page.png

take the pictures of the documents: a study in MLflow, and the first screen of the page.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlflow.tracking import MlflowClient
from playwright.sync_api import Locator, Page, sync_playwright

from study.tracking.mlflow.names import WATCHED
from tests.servers import MlflowServer, mlflow_server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
PATIENCE = 60_000  # milliseconds: charts load late, and machines are slow
POINTS = """metric => Object.fromEntries(
    [...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => plot.data || [])
    .filter(trace => trace.metricKey === metric && trace.type === 'scatter')
    .map(trace => [trace.uuid, trace.x.length]))"""
"""What is drawn, from the charts themselves: the points of a metric's lines."""


class Experiment:
    """The page of one experiment."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.errors = page, list[str]()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{url}?workflowType=machine_learning")
        page.get_by_role("button", name="Group by").wait_for()
        page.get_by_role("button", name="Close").click()  # an assistant that nobody called

    def expand(self) -> None:
        """Show the trials below the study."""
        self.page.locator("[role=row] button[data-component-id*=runnamecell]").first.click()

    def trial(self, name: str) -> Locator:
        return self.page.get_by_role("link", name=name, exact=True)

    def compare(self, names: Sequence[str]) -> None:
        """Tick runs and press Compare."""
        boxes = self.page.locator("[role=row] input[type=checkbox]:visible")
        rows = self.page.locator(".ag-pinned-left-cols-container [role=row], [role=row]")
        shown = [text.split("\n") for text in rows.all_inner_texts()]
        order = [line for text in shown for line in text if " · seed " in line]
        for name in names:  # below the header's box and the study's
            boxes.nth(2 + order.index(name)).click()
        self.page.get_by_role("button", name="Compare").click()
        self.page.get_by_text(f"Comparing {len(names)} Runs").wait_for()

    def charts(self) -> None:
        """Change from the table to the charts: one click."""
        self.page.locator("label:has(input[value=CHART])").click()

    def group_by(self, tag: str) -> None:
        """Two clicks."""
        self.page.get_by_role("button", name="Group by").click()
        self.page.get_by_role("menuitemcheckbox", name=tag, exact=True).first.click()
        self.page.get_by_text(f"Group by: {tag}").wait_for()

    def curves(self, metric: str) -> dict[str, int]:
        """Return how many points the line of each run or group has."""
        drawn = f"metric => Object.values(({POINTS})(metric)).some(points => points > 1)"
        self.page.wait_for_function(drawn, arg=metric)
        return dict(self.page.evaluate(POINTS, metric))


@contextlib.contextmanager
def chromium(width: int = 1500, height: int = 950) -> Iterator[Page]:
    """Yield an empty page; nothing is downloaded."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        try:
            yield browser.new_page(viewport={"width": width, "height": height})
        finally:
            browser.close()


def address(server: MlflowServer, experiment: str) -> str:
    """Return where an experiment's runs are shown."""
    found = MlflowClient(tracking_uri=server.url).get_experiment_by_name(experiment)
    assert found is not None, f"no experiment {experiment}"
    return f"{server.url}/#/experiments/{found.experiment_id}/runs"


def main() -> int:
    """Take the picture: the arms of a study as groups, with their curves."""
    parser = argparse.ArgumentParser(description="Take a picture of a study in MLflow's UI.")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--experiment", default="rounds_curve-demo")
    parser.add_argument("--picture", type=Path, default=Path("docs/mlflow.png"))
    parser.add_argument("--page", type=Path, help="a page of reports instead of a database")
    options = parser.parse_args()
    if options.page:
        with chromium(1280, 860) as page:
            page.goto(options.page.resolve().as_uri())
            page.screenshot(path=options.picture)
        return 0
    with (
        tempfile.TemporaryDirectory() as folder,
        mlflow_server(f"sqlite:///{options.runs.resolve()}/mlflow.db", Path(folder)) as server,
        chromium(1280, 760) as page,
    ):
        shown = Experiment(page, address(server, options.experiment))
        shown.charts()
        shown.group_by("arm")
        shown.curves(WATCHED)
        page.mouse.move(0, 0)
        page.wait_for_timeout(3000)  # until every chart is drawn
        page.screenshot(path=options.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
