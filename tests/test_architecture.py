"""What import-linter cannot see: files of ``reports`` that open a file or name a ledger folder.

``make check`` runs this test.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: They read what is in the repository: notebook sources, benchmarks, committed CSV files, README.
READERS = {
    "reports/page/notebooks.py",
    "reports/paper/compute.py",
    "reports/paper/readme.py",
    "reports/paper/sign_flip.py",
}
OPENERS = {"open", "read_text", "read_bytes", "read_csv", "read_json", "glob", "rglob", "iterdir"}
FOLDERS = {"units", "studies", "searches", "vectors"}


def test_only_the_ledger_opens_files_of_the_ledger() -> None:
    files = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "reports").rglob("*.py")}
    found = [
        f"{name}:{line}: {what}"
        for name, path in sorted(files.items())
        if name not in READERS
        for line, what in _violations(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found, "read records through study.ledger:\n" + "\n".join(found)


def _violations(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            name = getattr(called, "attr", None) or getattr(called, "id", None)
            if name in OPENERS:
                yield node.lineno, f"calls {name}"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            for side in (node.left, node.right):
                if isinstance(side, ast.Constant) and side.value in FOLDERS:
                    yield node.lineno, f"names the ledger's folder {side.value!r}"
