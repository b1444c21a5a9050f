"""``annotations``: list triples of test that nearly all runs predict and that are not annotated."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console

from reports.errors.annotations import FEWEST_RUNS, Doubt, Doubts, Kind, find_doubts, span_at
from reports.page.studies import find_predictions
from rin_core.data.corpus import Fact, Span
from rin_core.files import open_atomically
from rin_core.plural import plural
from study.commands.arguments import Annotations
from study.commands.printing import say


def run(options: Annotations, console: Console) -> int:
    """Print the first triples, and write all of them to a file if one is given.

    Returns:
        The exit code.

    Raises:
        ValueError: There is no such study, too few of its runs have predictions, or an option is
            invalid.
    """
    if options.n < 0:
        raise ValueError(f"--n {options.n}: must not be negative")
    study = find_predictions(options.runs, options.experiment)
    name, doubts = str(study.frame["experiment"].iloc[0]), find_doubts(study, options.share)
    if doubts is None:
        raise ValueError(
            f"{name}: has fewer than {FEWEST_RUNS} runs that predict triples of test; run it with "
            "more seeds or models"
        )
    found, shown = doubts.found, doubts.found[: options.n]
    kinds = Counter(doubt.kind for doubt in found)
    say(
        console,
        f"{name}: at least {doubts.needed} of {doubts.runs} runs predict "
        f"{plural(len(found), 'triple')} of test that {'is' if len(found) == 1 else 'are'} not "
        f"annotated; {doubts.annotated} are",
    )
    if found:
        listed = ", ".join(f"{kinds[kind]} {kind}" for kind in Kind if kinds[kind])
        say(console, f"they are annotated {listed}")
    for doubt in shown:
        _print(doubt, doubts, console)
    if found:
        say(
            console,
            "\nEach may be a missing annotation, one that contradicts others, or a mistake of all "
            "models. In front is the number of the sentence in the test split, from 0.",
            "dim",
        )
    if options.output is not None:
        with open_atomically(options.output) as file:
            for doubt in found:
                line = json.dumps(_to_json(doubt, doubts), ensure_ascii=False)
                file.write(f"{line}\n".encode())
        say(console, f"written: {options.output}, {plural(len(found), 'line')}")
    elif len(shown) < len(found):
        say(console, f"{len(shown)} of {len(found)} are shown; --output FILE writes all of them")
    return 0


def _print(doubt: Doubt, doubts: Doubts, console: Console) -> None:
    """Print a triple with what is annotated in its place, and its sentence."""
    sentence = doubts.sentences[doubt.sentence]
    subject, relation, object_ = doubt.fact
    ends = [span_at(sentence, word) for word in (subject, object_)]
    first, second = (" ".join(sentence.words[span.start : span.end]) for span in ends)
    kind = "" if doubt.kind is Kind.ABSENT else f"; annotated {doubt.kind}"
    if doubt.kind is Kind.RELATION:
        kind = f"; annotated as {', '.join(relation for _, relation, _ in doubt.annotated)}"
    runs = f"{doubt.runs} of {doubts.runs} runs"
    head = f"{doubt.sentence}: {first} – {relation} – {second} ({runs}{kind})"
    say(console, f"\n{head}", "bold")
    say(console, f"     {_marked(sentence.words, ends)}")


def _marked(words: Sequence[str], spans: Iterable[Span]) -> str:
    """Return a sentence with some spans in brackets."""
    marked = list(words)
    for start, end in set(spans):
        marked[start] = f"[{marked[start]}"
        marked[end - 1] = f"{marked[end - 1]}]"
    return " ".join(marked)


def _to_json(doubt: Doubt, doubts: Doubts) -> dict[str, Any]:
    words = doubts.sentences[doubt.sentence].words
    return {
        "sentence": doubt.sentence,
        "tokens": list(words),
        **_fact_json(doubt.fact, words),
        "runs": doubt.runs,
        "runs_asked": doubts.runs,
        "kind": str(doubt.kind),
        "annotated": [_fact_json(fact, words) for fact in doubt.annotated],
    }


def _fact_json(fact: Fact, words: tuple[str, ...]) -> dict[str, Any]:
    subject, relation, object_ = fact
    return {
        "subject": {"index": subject, "text": words[subject]},
        "relation": relation,
        "object": {"index": object_, "text": words[object_]},
    }
