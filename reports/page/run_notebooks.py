"""Execute the notebooks on a ledger, into ``.ipynb`` and HTML: ``python reports/run_notebooks.py``.

The same ledger gives the same bytes: what a run leaves of itself (times, random names) is
removed, and the HTML needs no network.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from reports.frames.trials import LedgerError
from reports.page.notebook_views import RUNS_VARIABLE, NothingToShow
from reports.page.page import page_environment

if TYPE_CHECKING:
    from nbformat import NotebookNode

SOURCES = Path(__file__).parents[1] / "notebooks"
#: Seconds a cell may take.
_TIMEOUT = 600


class NotebookError(LedgerError):
    """A notebook that cannot be executed: names the notebook and the cell."""


def notebooks() -> list[str]:
    """Return the names of all notebooks."""
    return sorted(path.stem for path in SOURCES.glob("*.py"))


def write_notebooks(runs: Path, out: Path, names: Sequence[str] | None = None) -> list[Path]:
    """Execute notebooks and write each as ``.ipynb`` and as HTML.

    Args:
        runs: A study's output folder.
        out: Folder of the reports; they go to ``notebooks`` in it.
        names: Which; all when ``None``.

    Raises:
        NotebookError: One cannot be executed, is not there, or the packages for it are not.
    """
    folder = out / "notebooks"
    written = []
    for name in names if names is not None else notebooks():
        if name not in notebooks():
            raise NotebookError(f"{name}: no such notebook; there: {', '.join(notebooks())}")
        notebook = execute(SOURCES / f"{name}.py", runs)
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, text in ((".ipynb", _as_json(notebook)), (".html", _as_html(notebook, name))):
            path = folder / f"{name}{suffix}"
            path.write_text(text, encoding="utf-8", newline="\n")
            written.append(path)
    return written


def execute(source: Path, runs: Path) -> NotebookNode:
    """Execute a jupytext source in this interpreter's environment.

    A notebook whose subject the ledger lacks ends with the sentence that says so.

    Args:
        source: A notebook in jupytext's percent format.
        runs: The ledger it reads.

    Raises:
        NotebookError: A cell raised an error: names it and the error's first line.
    """
    try:
        import jupytext
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    except ImportError as error:
        raise NotebookError(
            f"notebooks need jupytext, nbclient, nbconvert and ipykernel ({error}): "
            "pip install -e '.[notebooks]'"
        ) from error
    notebook = jupytext.read(source)
    try:
        _run(notebook, runs)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        _end_at_the_error(notebook, source, error)
    return _settled(notebook, source.stem)


def _run(notebook: NotebookNode, runs: Path) -> None:
    """Run every cell in a kernel of this interpreter, whatever kernels are installed."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    class ThisInterpreter(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name=kernel_name, language="python")

    root = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory() as folder:
        # Sockets in a folder of our own: over TCP anyone on this machine could listen.
        manager = AsyncKernelManager(
            kernel_spec_manager=ThisInterpreter(),
            transport="ipc",
            connection_file=str(Path(folder) / "kernel.json"),
        )
        client = NotebookClient(
            notebook,
            km=manager,
            timeout=_TIMEOUT,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(root)}},
        )
        # A manager of our own would keep its kernel.
        client.execute(env=_environment(runs, root, folder), cleanup_kc=True)


def _environment(runs: Path, root: Path, folder: str) -> dict[str, str]:
    """Return the kernel's variables: the ledger, this checkout, and nobody's own settings."""
    path = os.pathsep.join(part for part in (str(root), os.environ.get("PYTHONPATH")) if part)
    return {
        **os.environ,
        RUNS_VARIABLE: str(runs.resolve()),
        "PYTHONPATH": path,
        "IPYTHONDIR": folder,
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _end_at_the_error(notebook: NotebookNode, source: Path, error: Exception) -> None:
    """End a notebook that has nothing to show with the reason; raise for any other error."""
    import nbformat

    place, name, reason = _failure(notebook, error)
    if name != NothingToShow.__name__:
        number = sum(cell.cell_type == "code" for cell in notebook.cells[: place + 1])
        raise NotebookError(f"{source.name}, cell {number}: {name}: {reason}") from None
    notebook.cells[place].outputs = []
    notebook.cells[place + 1 :] = [nbformat.v4.new_markdown_cell(reason)]


def _failure(notebook: NotebookNode, error: Exception) -> tuple[int, str, str]:
    """Return the place of the cell that failed, the error's name and its first line."""
    for place, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                return place, output.ename, _first_line(output.evalue)
    begun = [k for k, cell in enumerate(notebook.cells) if cell.get("execution_count")]
    return max(begun, default=0), type(error).__name__, _first_line(str(error))


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")


def _settled(notebook: NotebookNode, name: str) -> NotebookNode:
    """Give cells names that stay, and keep nothing of the run but its outputs."""
    for place, cell in enumerate(notebook.cells):
        cell.id = f"{name.replace('_', '-')}-{place}"
        cell.metadata = {}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def _as_json(notebook: NotebookNode) -> str:
    import nbformat

    text: str = nbformat.writes(notebook)
    return text if text.endswith("\n") else text + "\n"


def _as_html(notebook: NotebookNode, name: str) -> str:
    """Return a notebook as a page of its own; nbconvert's full page would load scripts."""
    from markupsafe import Markup
    from nbconvert import HTMLExporter

    exporter: Any = HTMLExporter(template_name="basic", exclude_anchor_links=True)
    body, _ = exporter.from_notebook_node(notebook)
    light, dark = (_code_style(style) for style in ("default", "github-dark"))
    return (
        page_environment()
        .get_template("notebook.html.jinja")
        .render(
            title=name.replace("_", " ").capitalize(),
            body=Markup(body),
            code_style=light,
            dark_code_style=dark,
        )
    )


def _code_style(style: str) -> Any:
    from markupsafe import Markup
    from pygments.formatters import HtmlFormatter

    rules = HtmlFormatter(style=style, nobackground=True).get_style_defs(".highlight")
    return Markup(rules)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 2 for what cannot be executed."""
    parser = argparse.ArgumentParser(
        prog="reports/run_notebooks.py", description="Execute the notebooks on a ledger."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="notebooks (default: all)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="a study's output folder")
    parser.add_argument("--out", type=Path, default=Path("reports/out"), help="where to write")
    arguments = parser.parse_args(argv)
    try:
        made = write_notebooks(arguments.runs, arguments.out, arguments.names or None)
    except (LedgerError, OSError) as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        return 2
    for path in made:
        Console(highlight=False).print(str(path), markup=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
