"""The notebook of the documents: it trains and compares, prints nothing, and can be run again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
pytest.importorskip("ipykernel", reason="notebooks need the extra `notebooks`")


def execute(folder: Path) -> list[Any]:
    """Execute the notebook in a folder, with few epochs, and return its outputs."""
    import nbformat
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    notebook = nbformat.read(ROOT / "docs" / "first_study.ipynb", as_version=4)
    parameters = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", ()))
    parameters.source += "\nsettings = {'training.max_epochs': 2}"
    manager = AsyncKernelManager(
        kernel_name="python3",
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        transport="ipc",
        connection_file=str(folder / "kernel.json"),
    )
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, km=manager, timeout=250, resources=resources)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder)}
    client.execute(env=environment, cleanup_kc=True)  # else the kernel would keep its Ray
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


@pytest.mark.ray
@pytest.mark.slow
def test_the_first_study_runs_in_an_empty_folder_and_again(tmp_path: Path) -> None:
    outputs = execute(tmp_path)
    assert [output.text for output in outputs if output.output_type == "stream"] == []
    kinds = [set(output.data) for output in outputs]
    assert kinds.count({"image/svg+xml", "image/png", "text/plain"}) == 1
    assert sum("text/html" in kind for kind in kinds) == len(kinds) - 2 == 3, kinds
    assert kinds[-1] == {"text/plain"}, "the triples of a text"
    results = [*(tmp_path / "runs").glob("units/*/result.json")]
    assert len(results) == 2
    times = {path: path.stat().st_mtime for path in results}
    again = execute(tmp_path)
    assert [o.data["text/html"] for o in again if "text/html" in o.data] == [
        o.data["text/html"] for o in outputs if "text/html" in o.data
    ]
    assert {path: path.stat().st_mtime for path in results} == times


def test_the_committed_notebook_has_no_outputs() -> None:
    notebook = json.loads((ROOT / "docs" / "first_study.ipynb").read_text())
    assert [cell["outputs"] for cell in notebook["cells"] if cell.get("outputs")] == []
