"""Sentence lengths of Markdown files: ``python -m tests.docs.sentences README.md docs/*.md``.

A sentence ends at ``.``, ``?`` or ``!``, at the end of a paragraph, list item or table cell. Code,
headings and pictures are left out. Table cells count for the maximum only: most are no sentences.
"""

from __future__ import annotations

import argparse
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCED_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_CODE = re.compile(r"`[^`]*`")
_LIST_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+")
_SENTENCE_END = re.compile(r"(?<=[.?!])[*_)\"]*\s+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a file."""

    text: str
    file: str
    in_table: bool

    @property
    def words(self) -> int:
        """Return the number of words; a code span is one word."""
        return sum(any(c.isalnum() for c in word) for word in self.text.split())


def sentences(path: Path) -> list[Sentence]:
    """Return the sentences of a Markdown file."""
    text = _COMMENT.sub("", _FENCED_CODE.sub("", path.read_text(encoding="utf-8")))
    found = []
    for block, in_table in _blocks(text):
        plain = _CODE.sub("code", _LINK.sub(r"\1", block))
        parts = (part.strip() for part in _SENTENCE_END.split(plain))
        found += [Sentence(part, path.name, in_table) for part in parts if part]
    return [sentence for sentence in found if sentence.words]


def _blocks(text: str) -> Iterator[tuple[str, bool]]:
    """Yield paragraphs, list items and table cells."""
    paragraph: list[str] = []
    for line in [*text.splitlines(), ""]:
        starts_block = not line.strip() or line.startswith(("|", "#", "!", "    "))
        if starts_block or _LIST_ITEM.match(line):
            if paragraph:
                yield " ".join(paragraph), False
            paragraph = []
        if line.startswith("|"):
            yield from ((cell, True) for cell in line.strip("|").split("|"))
        elif not starts_block:
            paragraph.append(_LIST_ITEM.sub("", line).strip())


def median_words(found: list[Sentence]) -> float:
    """Return the median length of the sentences outside tables."""
    return statistics.median(s.words for s in found if not s.in_table)


def main() -> None:
    """Print the median and the longest sentences."""
    parser = argparse.ArgumentParser(description="Print the sentence lengths of Markdown files.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--longest", type=int, default=10, help="sentences to print (default: 10)")
    options = parser.parse_args()
    found = [sentence for path in options.files for sentence in sentences(path)]
    print(f"{len(found)} sentences, median {median_words(found):g} words")
    for sentence in sorted(found, key=lambda s: -s.words)[: options.longest]:
        print(f"{sentence.words:3} {sentence.file}: {sentence.text}")


if __name__ == "__main__":
    main()
