"""The executed notebooks in JupyterLab, in a headless Chromium, as a person would open them.

    python -m tests.jupyterlab reports/out/notebooks --lab /path/to/jupyter-lab

opens each, counts its figures, clears them, runs all cells again, and counts again. JupyterLab is
no requirement of this project: name the one of another environment. Its kernel is this interpreter.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

from tests.browser import chromium
from tests.servers import LOOPBACK, free_port, wait_for

PATIENCE = 300_000  # milliseconds: a notebook reads a whole ledger
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # cells below the screen are there
    "docmanager-extension/plugin": {"autosave": False},  # the files stay as they are
    "apputils-extension/notification": {"fetchNews": "false"},
}
DRAWN = ".jp-Notebook .jp-OutputArea-output img, .jp-Notebook .jp-RenderedSVG svg"
FIGURES = f"""() => [...document.querySelectorAll('{DRAWN}')]
    .filter(drawn => drawn.tagName === 'svg' ? drawn.clientWidth : drawn.naturalWidth).length"""
"""How many figures are drawn; a picture that could not be read has no width."""
CUT = f"""() => [...document.querySelectorAll('{DRAWN}')]
    .filter(drawn => drawn.getBoundingClientRect().right >
        drawn.closest('.jp-OutputArea-output').getBoundingClientRect().right + 1).length"""
"""How many figures are wider than their cell: a part of them is out of sight."""
DONE = """() => {
    const prompts = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')];
    return prompts.length && prompts.every(prompt => /\\[\\d+\\]/.test(prompt.textContent));
}"""
FAILED = "() => document.querySelectorAll('[data-mime-type$=\"jupyter.error\"]').length"


@contextlib.contextmanager
def jupyterlab(command: str, folder: Path) -> Iterator[str]:
    """Serve a folder; yield the address up to a notebook's name, and after it the query."""
    port, token = free_port(), secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as home:
        spec = Path(home) / "kernels" / "python3"
        spec.mkdir(parents=True)
        kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        told = {"argv": kernel, "display_name": "Python 3", "language": "python"}
        (spec / "kernel.json").write_text(json.dumps(told), encoding="utf-8")
        for name, chosen in SETTINGS.items():
            path = Path(home) / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(chosen), encoding="utf-8")
        server = subprocess.Popen(
            [
                *(command, "--no-browser", "--allow-root", f"--ip={LOOPBACK}", f"--port={port}"),
                *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"),
                "--KernelSpecManager.ensure_native_kernel=False",
            ],
            env=os.environ
            | {
                **{"HOME": home, "JUPYTER_PATH": home, "JUPYTER_CONFIG_DIR": home},
                "JUPYTERLAB_SETTINGS_DIR": str(Path(home) / "settings"),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(lambda: _answers(port, token), 120)
            yield f"http://{LOOPBACK}:{port}/lab/tree/{{name}}?token={token}&reset"
        finally:
            server.terminate()
            server.wait()


def _answers(port: int, token: str) -> bool:
    try:
        url = f"http://{LOOPBACK}:{port}/api/status?token={token}"
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


def figures_in(notebook: Path) -> int:
    """Return how many outputs of a file are figures."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def seen(page: Page, url: str, notebook: Path, pictures: Path | None) -> tuple[int, int]:
    """Return the figures that are drawn when a notebook is opened, and after all cells ran."""
    page.set_default_timeout(PATIENCE)
    page.goto(url.format(name=notebook.name))
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    wanted = figures_in(notebook)
    page.wait_for_function(f"wanted => ({FIGURES})() >= wanted", arg=wanted)
    opened = int(page.evaluate(FIGURES))
    if pictures is not None:
        if wanted:
            page.locator(DRAWN).first.scroll_into_view_if_needed()
        page.screenshot(path=pictures / f"{notebook.stem}.png")
    _menu(page, "Edit", "Clear Outputs of All Cells")
    page.wait_for_function(f"() => ({FIGURES})() === 0")
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    _menu(page, "Run", "Run All Cells")
    try:
        page.wait_for_function(DONE)
    finally:
        if pictures is not None:
            page.screenshot(path=pictures / f"{notebook.stem}-run.png")
    page.wait_for_function(f"wanted => ({FIGURES})() >= wanted || ({FAILED})()", arg=wanted)
    assert page.evaluate(FAILED) == 0, f"{notebook.name}: a cell failed"
    assert page.evaluate(CUT) == 0, f"{notebook.name}: a figure is wider than its cell"
    return opened, int(page.evaluate(FIGURES))


def _menu(page: Page, name: str, entry: str) -> None:
    page.locator("#jp-MainMenu").get_by_text(name, exact=True).click()
    page.locator(".lm-Menu-item").get_by_text(entry, exact=True).click()


def main() -> int:
    """Open every notebook of a folder; 0 if all figures are drawn before and after."""
    parser = argparse.ArgumentParser(description="Open executed notebooks in JupyterLab.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lab", default="jupyter-lab", help="the command of JupyterLab")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each")
    options = parser.parse_args()
    failed = 0
    with jupyterlab(options.lab, options.folder.resolve()) as url, chromium(1300, 1000) as page:
        for notebook in sorted(options.folder.glob("*.ipynb")):
            wanted = figures_in(notebook)
            opened, again = seen(page, url, notebook, options.pictures)
            failed += (opened, again) != (wanted, wanted)
            print(f"{notebook.name}: {wanted} figures; opened {opened}, run again {again}")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
