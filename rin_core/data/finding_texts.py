"""Parts of findings: their level, and how sentences, names and counts are written in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rin_core.data.corpus import Corpus, Finding, Sentence

Sentences = Sequence[Sentence]

#: From this share on, what is graded is a warning.
MANY = 0.05
#: Characters of a sentence in a finding: enough to find it in a file.
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Found:
    """What several splits have, as in ``train 61, dev 7, the first in 'Based on this …'``."""

    by_split: dict[str, int]
    first: Sentence | None

    @property
    def count(self) -> int:
        """All of them."""
        return sum(self.by_split.values())

    def __str__(self) -> str:
        counts = counts_by_split(self.by_split)
        return f"{counts}, the first in {sentence_text(self.first)}" if self.first else ""


def found_in(corpus: Corpus, count: Callable[[Sentence], int]) -> Found:
    """Return how often each split has something, and the first sentence that has it."""
    by_split, first = dict[str, int](), None
    for split, sentences in corpus.splits().items():
        for sentence in sentences:
            if found := count(sentence):
                by_split[split] = by_split.get(split, 0) + found
                first = first or sentence
    return Found(by_split, first)


def counts_by_split(by_split: Mapping[str, int]) -> str:
    """Write counts, as in ``train 61, dev 7``."""
    return ", ".join(f"{split} {count:,}" for split, count in by_split.items())


def sentence_text(sentence: Sentence) -> str:
    """Write the start of a sentence, and its file and line where they are known."""
    text = " ".join(sentence.words)
    written = repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")
    return f"{written} in {sentence.place}" if sentence.place else written


def graded(code: str, text: str, split: str, count: int, total: int) -> Finding:
    """Return a warning for a large share, a note for a small one."""
    make = warning if count >= MANY * total else note
    return make(code, text, split, count)


def warning(code: str, text: str, split: str = "", count: int = 0) -> Finding:
    """Return a finding that needs a decision."""
    return Finding(code=code, level="warning", text=text, split=split, count=count)


def note(code: str, text: str, split: str = "", count: int = 0) -> Finding:
    """Return a finding that says how something is."""
    return Finding(code=code, level="note", text=text, split=split, count=count)
