"""MLflow's UI and the page in a headless Chromium, as a person would see them.

    python -m tests.browser

takes the pictures of the documents from what is published: the first screen of the page, and the
arms of a study in MLflow, at the address that the study prints.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from PIL import Image
from playwright.sync_api import Locator, Page, ViewportSize, sync_playwright
from rich.console import Console

from study.commands import sync, transfer
from study.commands.arguments import Import, Sync
from study.tracking.mlflow.view import QUERY
from tests.servers import MlflowServer, mlflow_server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
ROOT = Path(__file__).parents[1]
LARGEST = 150_000  # bytes of a picture
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
            size: ViewportSize = {"width": width, "height": height}
            yield browser.new_page(viewport=size, color_scheme="light")
        finally:
            browser.close()


def address(server: MlflowServer, experiment: str) -> str:
    """Return where an experiment's runs are shown."""
    found = MlflowClient(tracking_uri=server.url).get_experiment_by_name(experiment)
    assert found is not None, f"no experiment {experiment}"
    return f"{server.url}/#/experiments/{found.experiment_id}/runs"


def picture_of_page(index: Path, picture: Path) -> None:
    """Take the first screen of the page."""
    with chromium(1280, 860) as page:
        page.goto(index.resolve().as_uri())
        save_picture(page.screenshot(), picture)


def picture_of_study(runs: Path, experiment: str, picture: Path) -> None:
    """Take the ranked arms of a study in MLflow, all of them.

    Args:
        runs: A ledger with its database.
        experiment: The study.
        picture: The file to write.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        mlflow_server(f"sqlite:///{runs.resolve()}/mlflow.db", Path(folder)) as server,
        chromium(1280, 860) as page,
    ):
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address(server, experiment)}?{QUERY}")
        rows = page.locator("[role=row]", has_text="Group: ")
        rows.first.wait_for()
        page.get_by_role("button", name="Close").click()  # an assistant that nobody called
        page.mouse.move(0, 0)
        page.wait_for_timeout(2000)  # until every cell is drawn
        arms = {
            run.data.tags["arm"]
            for run in server_runs(server, experiment)
            if "arm" in run.data.tags
        }
        shown = {text.partition("Group: ")[2].split()[0] for text in rows.all_inner_texts()}
        assert arms <= shown, f"not in the picture: {arms - shown}"
        last, below = (
            found.bounding_box() for found in (rows.last, page.get_by_text("matching runs"))
        )
        assert last is not None
        assert below is not None
        assert last["y"] + last["height"] <= below["y"], "the last arms do not fit"
        save_picture(page.screenshot(), picture)


def server_runs(server: MlflowServer, experiment: str) -> Sequence[Run]:
    client = MlflowClient(tracking_uri=server.url)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    trials: Sequence[Run] = client.search_runs([found.experiment_id], "tags.`rin.kind` = 'trial'")
    return trials


def save_picture(png: bytes, path: Path) -> None:
    """Write a screenshot with 256 colours, which takes a third of the bytes."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < LARGEST, f"{path}: {path.stat().st_size:,} bytes"


def main() -> int:
    """Take the pictures of the documents."""
    parser = argparse.ArgumentParser(description="Take the pictures of the documents.")
    parser.add_argument("--page", type=Path, default=ROOT / "results" / "index.html")
    parser.add_argument("--ledger", type=Path, default=ROOT / "results/ledger/webnlg_star.jsonl.xz")
    parser.add_argument("--experiment", default="rounds_curve-webnlg_star")
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    options = parser.parse_args()
    picture_of_page(options.page, options.out / "page.png")
    with tempfile.TemporaryDirectory() as folder:
        runs, quiet = Path(folder), Console(quiet=True)
        transfer.run_import(Import(files=(options.ledger,), runs=runs), quiet)
        sync.run(Sync(runs=runs), quiet)
        picture_of_study(runs, options.experiment, options.out / "mlflow.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
