"""Execute the notebooks on a ledger: ``python -m reports.page.notebooks``.

Each becomes ``notebooks/NAME.ipynb`` and ``NAME.html``, which loads nothing from the network.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console

from reports.page.studies import NothingToShow
from rin_core.cli import exit_with_clear_errors
from rin_core.suggestions import suggestion
from study.ledger.files import StudyError

if TYPE_CHECKING:
    from nbformat import NotebookNode

SOURCES = Path(__file__).parents[1] / "notebooks"
#: Seconds a cell may take.
_TIMEOUT = 600
# nbconvert's page without the scripts that it loads from the network, and with captions.
_PAGE = """{%- extends "lab/index.html.j2" -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}<link rel="icon" href="data:,">{%- endblock -%}
{%- block data_svg scoped -%}
{%- set plain = output.data["text/plain"] -%}
{%- set caption = ("Figure" if plain.startswith("<Figure") else plain) | escape_html -%}
{%- set drawn = output.data["image/svg+xml"] | text_base64 | escape_html -%}
<figure><img alt="{{ caption }}" src="data:image/svg+xml;base64,{{ drawn }}">
<figcaption>{{ caption }}</figcaption></figure>
{%- endblock -%}"""


class NotebookError(StudyError):
    """A notebook that cannot be executed; the message names the notebook and the cell."""


def notebook_names() -> list[str]:
    """Return the names of all notebooks."""
    return sorted(path.stem for path in SOURCES.glob("*.py"))


def write_notebooks(
    runs: Path, out: Path, names: Sequence[str] | None = None
) -> tuple[list[Path], dict[str, str]]:
    """Execute notebooks and write each as ``.ipynb`` and as HTML.

    Args:
        runs: A study's output folder.
        out: Folder of the reports; the notebooks go to ``notebooks`` in it.
        names: The notebooks; all when ``None``.

    Returns:
        The files written, and why each skipped notebook has nothing to show.

    Raises:
        ValueError: There is no such notebook.
        NotebookError: A notebook fails, or its packages are not installed.
    """
    chosen = notebook_names() if names is None else names
    for name in chosen:
        if name not in notebook_names():
            raise ValueError(f"{name}: no such notebook; {suggestion(name, notebook_names())}")
    try:
        import nbformat
        from nbconvert import HTMLExporter
    except ImportError as error:
        raise NotebookError(
            f"notebooks require jupytext, nbclient, nbconvert and ipykernel ({error}): "
            "pip install -e '.[notebooks]'"
        ) from error
    folder = out / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    exporter = HTMLExporter(raw_template=_PAGE, exclude_anchor_links=True)
    written, skipped = [], {}
    for name in chosen:
        try:
            notebook = execute(SOURCES / f"{name}.py", runs)
        except NothingToShow as reason:
            skipped[name] = str(reason)
            continue
        notebook.metadata["title"] = name.replace("_", " ").capitalize()
        html, _ = exporter.from_notebook_node(notebook)
        for suffix, text in ((".ipynb", nbformat.writes(notebook)), (".html", html)):
            path = folder / f"{name}{suffix}"
            path.write_text(text, encoding="utf-8", newline="\n")
            written.append(path)
    return written, skipped


def execute(source: Path, runs: Path) -> NotebookNode:
    """Execute a notebook with this interpreter.

    Args:
        source: A notebook in jupytext's percent format, with a cell tagged ``parameters``.
        runs: The value of its parameter ``runs``, in a cell of its own after that one.

    Raises:
        NothingToShow: The ledger does not have what the notebook shows.
        NotebookError: A cell fails.
    """
    import jupytext
    import nbformat
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = jupytext.read(source)
    for n, cell in enumerate(notebook.cells):
        cell.id = f"cell-{n}"
    for n, cell in enumerate(notebook.cells):
        if "parameters" in cell.metadata.get("tags", ()):
            value = nbformat.v4.new_code_cell(f"runs = {str(runs.resolve())!r}", id="given")
            notebook.cells.insert(n + 1, value)
            break
    with tempfile.TemporaryDirectory() as folder:
        manager = AsyncKernelManager(
            kernel_name="python3",
            # No folder to search, so that `python3` is this interpreter.
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            # Sockets in a private folder: any user of this machine can connect to a TCP port.
            transport="ipc",
            connection_file=str(Path(folder) / "kernel.json"),
        )
        client = NotebookClient(
            notebook,
            km=manager,
            timeout=_TIMEOUT,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        )
        settings = {
            "IPYTHONDIR": folder,  # the user's own folder can have startup files
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "PYTHONWARNINGS": "ignore:IProgress",  # tqdm, imported by Optuna, misses ipywidgets
        }
        try:
            client.execute(env=os.environ | settings, cleanup_kc=True)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            name = getattr(error, "ename", type(error).__name__)
            reason = str(getattr(error, "evalue", error)).partition("\n")[0]
            if name == NothingToShow.__name__:
                raise NothingToShow(reason) from None
            failed = [cell.id for cell in notebook.cells if cell.get("execution_count")][-1:]
            raise NotebookError(f"{source.name}, {''.join(failed)}: {name}: {reason}") from None
    return notebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebooks:
    """Execute the notebooks on a ledger."""

    names: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="[NAME]", help_behavior_hint="(default: all)"),
    ] = ()
    """The notebooks to execute."""
    runs: Annotated[Path, tyro.conf.arg(metavar="FOLDER")] = Path("runs")
    """The ledger: a study's output folder."""
    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")] = Path("reports/out")
    """Folder of the reports; the notebooks go to its subfolder notebooks."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; raises what :func:`write_notebooks` raises."""
    options = tyro.cli(Notebooks, prog="python -m reports.page.notebooks", args=argv)
    written, skipped = write_notebooks(options.runs, options.out, options.names or None)
    for line in (*map(str, written), *(f"{name}: skipped: {why}" for name, why in skipped.items())):
        Console(highlight=False, emoji=False).print(line, markup=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    exit_with_clear_errors(main, interrupted="interrupted")
