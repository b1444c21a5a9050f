"""The table of environments in the documents: ``python -m tests.environments.table``.

It is made from the tests of this folder: the first line of each file names the environment, and the
name of each test says what holds there.
"""

from __future__ import annotations

import ast
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "environments.md"
HEADER = """# Environments

The project is tested in these environments. `python -m tests.environments.table` writes this page
from the tests in [tests/environments](../tests/environments). Some tests require a mount namespace,
another user or a second CPU. They are skipped with a message if it is not available.

| environment | tested behavior | file |
|---|---|---|
"""
FOOTER = """
The steps of `cluster/Dockerfile` run in a root file system with the programs and packages of this
machine, which are read-only there. The base image, the steps that download packages, and a
container engine are not tested.

Two environments are not tested: a file system whose locks do not work across machines, and an
IPv6-only network.
"""

#: Words of test names, as the page writes them.
NAMES = {"cpu": "CPU", "sqlite": "SQLite", "mlflow": "MLflow", "lora": "LoRA"}


def page() -> str:
    """Return the page."""
    found = [row for path in sorted(HERE.glob("test_*.py")) for row in rows(path)]
    return "\n".join([HEADER.rstrip(), *found, FOOTER])


def rows(path: Path) -> list[str]:
    """Return a row for each test of a file, in the order of the file."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    environment = (ast.get_docstring(module) or "").splitlines()[0].rstrip(".")
    names = [
        " ".join(NAMES.get(word, word) for word in node.name.split("_")[1:])
        for node in module.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    return [
        f"| {environment if n == 0 else ''} | {name} | {f'`{path.name}`' if n == 0 else ''} |"
        for n, name in enumerate(names)
    ]


def main() -> None:
    """Write the page."""
    DOCUMENT.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
