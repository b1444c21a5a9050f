"""An extraction for a person to read in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rin_core.data.vocabulary import UNKNOWN, Vocabulary
from rin_core.predict.extraction import Extraction, Mention
from rin_core.terminal import visible


def show(rounds: Sequence[Extraction], vocabulary: Vocabulary, console: Console) -> None:
    """Show a sentence with its entities marked, and a table of its triples.

    Args:
        rounds: What is found in it; with more than one, the table has a column for each round.
            The sentence has words.
        vocabulary: To tell the words that the model does not know.
        console: Where to.
    """
    answer = rounds[-1]
    console.print(marked(answer))
    read = answer.read_as or answer.words
    numbers = zip(answer.words, vocabulary.word_ids(read), strict=True)
    if unknown := dict.fromkeys(word for word, number in numbers if number == UNKNOWN):
        console.print(Text(f"not seen in training: {_plain(', '.join(unknown))}", style="dim"))
    if any(extraction.triples for extraction in rounds):
        console.print(Padding(triple_table(rounds), (0, 0, 0, 2)))
    else:
        console.print(Text("  no triples", style="dim"))
    console.print()


def marked(extraction: Extraction) -> Text:
    """Return the sentence with each entity in brackets, its type and probability in per cent."""
    opens = {e.mention.start: e for e in extraction.entities}
    closes = {e.mention.end - 1: e for e in extraction.entities}
    text, style = Text(), ""
    for place, word in enumerate(extraction.words):
        style = "bold" if place in opens else style
        text.append(_space_before(extraction, place))
        text.append("[" if place in opens else "", style)
        text.append(_plain(word), style)
        if place in closes:
            text.append("]", style)
            kind = closes[place].type
            text.append(f"{_plain(kind)} " if kind else "", "dim")
            text.append(f"{closes[place].probability:.0%}", "dim")
            style = ""
    return text


def _space_before(extraction: Extraction, place: int) -> str:
    offsets = extraction.offsets
    if place == 0 or (offsets and offsets[place - 1][1] == offsets[place][0]):
        return ""
    return " "


def triple_table(rounds: Sequence[Extraction]) -> Table:
    """Return a table of every triple that a round finds, with its probability in each.

    Models that vote have a column for the votes in the last round.
    """
    table = Table("subject", "relation", "object", box=None, padding=(0, 2, 0, 0))
    for k in range(len(rounds)):
        table.add_column("p" if len(rounds) == 1 else f"p, round {k}", justify="right")
    votes = {(t.subject, t.relation, t.object): t.votes for t in rounds[-1].triples}
    if is_vote := any(t.votes is not None for extraction in rounds for t in extraction.triples):
        table.add_column("votes", justify="right")
    probabilities: dict[tuple[Mention, str, Mention], list[float | None]] = {}
    for k, extraction in enumerate(rounds):
        for triple in extraction.triples:
            key = triple.subject, triple.relation, triple.object
            probabilities.setdefault(key, [None] * len(rounds))[k] = triple.probability
    for key, by_round in probabilities.items():
        subject, relation, object_ = key
        cells = [Text(_plain(part)) for part in (subject.text, relation, object_.text)]
        cells += [Text("–" if p is None else f"{p:.3f}") for p in by_round]
        table.add_row(*cells, *([str(votes.get(key, "–"))] if is_vote else []))
    return table


def _plain(text: str) -> str:
    """Write a text on one line; what it has of control characters does not act on the terminal."""
    return visible(" ".join(text.split()))
