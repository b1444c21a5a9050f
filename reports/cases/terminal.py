"""The case study in the terminal: entities underlined, arguments bold, probabilities coloured."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.cases.views import CaseView, Line, Rounds

_ENTITY, _ARGUMENT = "underline blue", "bold dark_orange"


def print_case(console: Console, view: CaseView) -> None:
    """Print one sentence: gold and each model's reading of it, then what each round thinks."""
    console.rule(Text(f"{view.title} · {view.source}"), align="left")
    readings = [(m.label, m.entities, m.arguments) for m in view.models]
    if view.gold_known:
        readings.insert(0, ("gold", view.gold_entities, view.gold_arguments))
    for label, entities, arguments in readings:
        console.print(Text(f"{label}: ", style="dim"), _marked(view.words, entities, arguments))
    console.print(Text.assemble(("entity", _ENTITY), "  ", ("argument of a triple", _ARGUMENT)))
    console.print(_table("entity", view, view.entities))
    console.print(_table("triple", view, view.triples))


def _marked(words: Sequence[str], entities: Collection[int], arguments: Collection[int]) -> Text:
    text = Text()
    for place, word in enumerate(words):
        style = f"{_ENTITY if place in entities else ''} {_ARGUMENT if place in arguments else ''}"
        text.append(word, style=style.strip()).append(" ")
    return text


def _table(head: str, view: CaseView, lines: Sequence[Line]) -> Table:
    """Return a column for gold, each printed model, and each round of each model."""
    table = Table(head, box=None, padding=(0, 2, 0, 0), header_style="dim")
    if view.gold_known:
        table.add_column("gold", justify="center")
    for label in view.printed:
        table.add_column(f"paper's\n{label}", justify="center")
    for model in view.models:
        for k in range(len(model.entity_words)):
            table.add_column(f"{model.label if not k else ''}\nk = {k}", justify="right")
    for line in lines:
        table.add_row(*_cells(view, line))
    return table


def _cells(view: CaseView, line: Line) -> list[Text]:
    cells = [Text(line.text)]
    if view.gold_known:
        cells.append(_tick(bool(line.gold)))
    cells += [_tick(said) for said in line.printed]
    for model, rounds in zip(view.models, line.models, strict=True):
        cells += _round_cells(rounds, len(model.entity_words), line.gold)
    return cells


def _tick(said: bool) -> Text:
    return Text("✓" if said else "·", style="" if said else "dim")


def _round_cells(rounds: Rounds, count: int, gold: bool | None) -> list[Text]:
    if rounds.probabilities is None:
        return [Text("unknown", style="dim"), *[Text("")] * (count - 1)]
    pairs = zip(rounds.probabilities, rounds.held, strict=True)
    return [Text(f"{p:.2f}{'✓' if held else ' '}", style=_style(held, gold)) for p, held in pairs]


def _style(held: bool, gold: bool | None) -> str:
    """Colour what is said by whether it is right, and what is missed; the rest is faint."""
    if gold is None:
        return "bold" if held else "dim"
    if held:
        return "bold green" if gold else "bold red"
    return "yellow" if gold else "dim"
