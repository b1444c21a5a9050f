"""Records of a folder of brat files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

#: Marks the records of this module: no JSON record has it.
BRAT = object()


def brat_records(folder: Path) -> Iterator[tuple[str, object]]:
    """Yield the ``text`` and ``ann`` of each document, after its place."""
    for annotation in sorted(folder.glob("*.ann")):
        text = annotation.with_suffix(".txt")
        with text.open(encoding="utf-8", newline="") as file:  # offsets count every character
            written = file.read()
        ann = annotation.read_text(encoding="utf-8")
        yield str(annotation), {"text": written, "ann": ann, "source": BRAT}
