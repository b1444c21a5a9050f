"""What a corpus has and what looks wrong in it, on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Console

from rin_core.data.corpus import Finding
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.summary import SplitSummary
from study.commands.printing import print_rows, say


def print_corpora(corpora: Iterable[EncodedCorpus], console: Console) -> None:
    """Print each corpus once, however many encodings of it a study has, then all notes."""
    corpora = list(corpora)
    for corpus in {(c.name, repr(c.summary), c.findings): c for c in corpora}.values():
        print_summary(corpus.name, corpus.summary, console)
        print_findings(corpus.findings, console)
    for note in dict.fromkeys(note for corpus in corpora for note in corpus.notes):
        say(console, note, "dim")


def print_summary(name: str, summary: Mapping[str, SplitSummary], console: Console) -> None:
    """Print a column for each split: the table fits in a narrow terminal."""
    columns = {split: _column(found, split != "train") for split, found in summary.items()}
    rows = [
        {"": title, **{split: column.get(title, "") for split, column in columns.items()}}
        for title in dict.fromkeys(title for column in columns.values() for title in column)
    ]
    print_rows(console, name, rows)


def print_findings(findings: Iterable[Finding], console: Console) -> None:
    """Print a line for each finding."""
    for finding in findings:
        if finding.level == "warning":
            say(console, f"warning: {finding.text}", "yellow")
        else:
            say(console, finding.text, "dim")


def _column(found: SplitSummary, is_new: bool) -> dict[str, str]:
    """Return the values of a split; words can be unknown in one that is new to training."""
    column = {
        "sentences": f"{found.sentences:,}",
        "words per sentence (longest)": f"{found.mean_length:.1f} ({found.longest})",
        "triples": f"{found.triples:,}",
        "relations": f"{found.relations:,}",
        "entities": f"{found.entities:,}",
        "words per entity (longest)": f"{found.mean_entity:.1f} ({found.longest_entity})",
    }
    if found.entity_types:
        column["entity types"] = f"{found.entity_types:,}"
    if is_new:
        for title, words in (("words", found.words), ("arguments", found.arguments)):
            column[f"{title} not in train"] = f"{words.share:.1%}"
            if words.share_with_vector is not None:
                column[f"  of these {title}, with a vector"] = f"{words.share_with_vector:.0%}"
    return column
